"""Receipts that were given and kept: each must hold for ever."""

from pathlib import Path

from changegate.evidence import log_policy
from changegate.evidence.proof import parse_receipt
from changegate.evidence.reader import read_log
from changegate.evidence.verify import verify_receipt, verify_store
from changegate.stores import open_store
from support.evidence import log_in
from support.records import TRUST, append_signed, signed_record


def check_kept(url: str) -> list[str]:
    """The deployed commits of all entries, after the next job's append; the whole store verifies, every kept receipt holds, nothing stands twice."""
    append_signed(log_in(open_store(url)), 999_999)
    report = verify_store(open_store(url, whole=True), TRUST)
    assert report.clean, report.problems
    policy = log_policy.of(TRUST)
    reader = read_log(open_store(url), policy)
    assert reader is not None
    for path in Path(f"{url.removeprefix('git:')}.receipts").iterdir():
        receipt, envelope = parse_receipt(path.read_bytes()), signed_record(int(path.name))[1]
        verify_receipt(path.read_bytes(), envelope, TRUST)
        reader.verify_extends(policy.verify(receipt.checkpoint))
        assert reader.entry(receipt.index) == receipt.extra
        assert reader.envelope(reader.card(receipt.index)) == envelope
    commits = [card.commit for _, card in reader.cards()]
    assert len(commits) == len(set(commits))
    return commits
