"""A key whose time is over: what it signs now counts for nothing, whatever time it writes there. Time is the test's own."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.evidence import BEGIN, KEY, ORIGIN, MemoryStore, believe, key_of, nonces
from support.gitshop import GitShop
from support.records import TRUST, append_signed, signed_record

from changegate.cli import run
from changegate.errors import ExitCode, VerificationError
from changegate.evidence import layout, log_policy, note
from changegate.evidence.card import format_card
from changegate.evidence.commit import digest_of, format_commit, grow, parse_commit
from changegate.evidence.edge import Edge
from changegate.evidence.log import Environment, Log
from changegate.evidence.publisher import Publisher
from changegate.evidence.reader import read_log
from changegate.evidence.verify import verify_store
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey, Trust, format_trust, parse

NEW = key_of(3)
END = BEGIN + timedelta(hours=1)
ROTATED = Trust(
    log_policy="".join(f"log {note.format_verifier_key(note.verifier_key(ORIGIN, key.public_key))}\n" for key in (KEY, NEW)) + "quorum none\n",
    record_keys=(
        RecordKey(key=format_public(KEY.public_key), until=END),
        RecordKey(key=format_public(NEW.public_key), from_=BEGIN),
        *TRUST.record_keys,
    ),
)


def log_of(store: MemoryStore, key: PrivateKey, now: datetime, trust: Trust = ROTATED) -> Log:
    policy = log_policy.of(trust)
    clock = Environment(lambda: now, lambda _attempt: None, nonces())
    return Log(store, key, ORIGIN, clock, vouch=believe, also_trusted=policy.logs, windows=policy.windows)


def grown(*writers: tuple[PrivateKey, datetime]) -> MemoryStore:
    store = MemoryStore()
    for number, (key, now) in enumerate(writers):
        append_signed(log_of(store, key, now), number)
    return store


def problems(store: MemoryStore, trust: Trust = ROTATED, now: datetime | None = None) -> list[str]:
    return [each.what + ": " + each.found for each in verify_store(store, trust, now=now).problems]


def test_a_log_goes_on_over_a_rotation() -> None:
    store = grown((KEY, END - timedelta(minutes=30)), (KEY, END - timedelta(minutes=20)), (NEW, END + timedelta(minutes=1)))
    assert problems(store) == []
    append_signed(log_of(store, NEW, END + timedelta(minutes=2)), 7)
    assert problems(store) == []


def test_an_ended_key_can_not_go_on_in_its_own_name() -> None:
    store = grown((KEY, END - timedelta(minutes=30)), (KEY, END + timedelta(minutes=1)))
    assert any("outside the time" in each for each in problems(store))
    with pytest.raises(VerificationError, match="outside the time"):
        append_signed(log_of(store, NEW, END + timedelta(minutes=2)), 7)


def forge(store: MemoryStore, signer: PrivateKey, at: datetime, origin: str = ORIGIN) -> None:
    """A commit by a writer of the thief's own, which checks nothing."""
    number, edge = 1, Edge()
    while (data := store.objects.get(layout.commit_key(number))) is not None:
        head, digest = parse_commit(data), digest_of(data)
        edge, _ = edge.grow(head.entries, head.leaf_hashes)
        number += 1
    card, envelope, _ = signed_record(50 + number)
    commit = grow(head, digest, [format_card(card)], at=at, nonce=f"{number:032x}", origin=origin, signer=signer)
    store.objects[layout.envelope_key(card.envelope)] = envelope
    _, then = Publisher(store).sequel(commit, edge)
    store.create(layout.commit_key(number), format_commit(commit), then)


@pytest.mark.parametrize("forged", [1, 2, 3])
def test_an_ended_key_can_not_date_back_behind_a_newer_commit(forged: int) -> None:
    store = grown((KEY, END - timedelta(minutes=30)), (NEW, END + timedelta(minutes=1)))
    for number in range(forged):
        forge(store, KEY, END - timedelta(minutes=1) + timedelta(seconds=number))
    assert any("doesn't follow" in each for each in problems(store))
    with pytest.raises(VerificationError, match="forked"):
        append_signed(log_of(store, NEW, END + timedelta(minutes=2)), 7)


def test_another_logs_key_can_not_go_on_with_this_one() -> None:
    other = key_of(4)
    both = ROTATED.model_copy(
        update={"log_policy": f"log {note.format_verifier_key(note.verifier_key('example.com/other', other.public_key))}\n" + ROTATED.log_policy}
    )
    store = grown((NEW, END))
    forge(store, other, END, origin="example.com/other")
    assert any("it is of the log 'example.com/other'" in each for each in problems(store, both))
    with pytest.raises(VerificationError):
        append_signed(log_of(store, NEW, END, both), 7)
    with pytest.raises(VerificationError, match=r"is of the log 'example\.com/other'"):
        read_log(store, log_policy.of(both))


def test_commits_ahead_of_now_and_records_dated_far_back_are_named() -> None:
    store = grown((NEW, BEGIN + timedelta(hours=30)))
    assert any(each.startswith("a record is dated long before its commit") for each in problems(store))
    assert any(each.startswith("a commit is dated ahead of now") for each in problems(store, now=BEGIN))
    assert not any("ahead" in each for each in problems(store, now=BEGIN + timedelta(hours=30)))


def test_the_gate_refuses_an_ended_and_a_foreign_key_before_it_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("Good")
    assert shop.gate("--base", "v1", "--trust", "changegate-trust.yml") == 0
    assert run(["keys", "generate", "--out", "other.pem", "--trust", "other.yml"]) == 0
    assert shop.gate("--trust", "changegate-trust.yml", key="other.pem") == ExitCode.NOT_RECORDED
    assert "is no record key of the trust file" in capsys.readouterr().err
    trust = parse(Path("changegate-trust.yml").read_bytes())
    ended = trust.record_keys[0].model_copy(update={"until": BEGIN - timedelta(days=900)})
    Path("ended.yml").write_bytes(format_trust(trust.model_copy(update={"record_keys": (ended,)})))
    assert shop.gate("--trust", "ended.yml") == ExitCode.NOT_RECORDED
    assert "may not sign now" in capsys.readouterr().err
    assert shop.entries() == 1
