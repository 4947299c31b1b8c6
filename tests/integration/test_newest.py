"""What a reader of a log sees where its published checkpoint, one object that anybody may put back, is older than its commits."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from support.evidence import MemoryStore, environment, log_in
from support.gitshop import GitShop
from support.records import append_signed
from support.witnesses import running

from changegate.cli import run
from changegate.errors import ExitCode, VerificationError
from changegate.evidence import checkpoint, layout, log_policy
from changegate.evidence.checkpoint import format_head
from changegate.evidence.newest import read_newest
from changegate.evidence.proof import parse_receipt
from changegate.witness.obtain import obtain, publish

PERIOD = ("--from", "2026-01-01", "--to", "2027-01-01")
CHECKPOINT = Path("evidence/checkpoint")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    """Three deploys are in the log; the checkpoint of the first is in `old`, the receipt of the last in `receipt`."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("First")
    assert shop.gate("--base", "v1") == 0
    Path("old").write_bytes(CHECKPOINT.read_bytes())
    for number in range(2):
        shop.commit(f"Deploy {number}")
        assert shop.gate("--receipt", "receipt") == 0
    return shop


def population(shop: GitShop, *words: str) -> tuple[int, str]:
    shop.capsys.readouterr()
    code = run(["audit", "population", *PERIOD, "--store", "file:evidence", "--kind", "deploys", *words])
    printed = shop.capsys.readouterr()
    return code, printed.out + printed.err


def test_an_older_checkpoint_put_back_hides_nothing_from_the_auditor(shop: GitShop) -> None:
    whole = population(shop)
    CHECKPOINT.chmod(0o644)
    CHECKPOINT.write_bytes(Path("old").read_bytes())
    assert population(shop) == whole
    assert "all of its 3 entries examined" in whole[1]


def test_where_the_last_commits_tiles_are_unwritten_the_list_ends_before_it(shop: GitShop) -> None:
    CHECKPOINT.chmod(0o644)
    CHECKPOINT.write_bytes(Path("old").read_bytes())
    for partial in Path("evidence").rglob("000.p/3"):
        partial.unlink()
    code, said = population(shop)
    assert (code, "all of its 2 entries examined" in said) == (0, True)


@pytest.mark.parametrize("command", ["population", "reconcile", "readiness", "export"])
def test_a_kept_checkpoint_shows_an_older_copy(shop: GitShop, command: str) -> None:
    kept = parse_receipt(Path("receipt").read_bytes()).checkpoint
    for path in [*Path("evidence/commit").rglob("3"), *Path("evidence").rglob("000.p/3"), *Path("evidence/commit").rglob("003")]:
        path.unlink()
    CHECKPOINT.chmod(0o644)
    CHECKPOINT.write_bytes(Path("old").read_bytes())
    Path("evidence/hint").unlink(missing_ok=True)
    words = {
        "population": [*PERIOD],
        "reconcile": [*PERIOD, "--deployments", "none.json"],
        "readiness": ["--period", "2026-01-01..2026-12-31"],
        "export": [*PERIOD, "--out", "pack.zip"],
    }[command]
    Path("none.json").write_text("[]")
    Path("kept").write_bytes(kept)
    common = ["audit", command, *words, "--store", "file:evidence"]
    shop.capsys.readouterr()
    assert run([*common, "--since", "kept"]) == ExitCode.NOT_VERIFIED
    assert "the log was rolled back: an earlier checkpoint has 3 entries" in shop.capsys.readouterr().err


def test_the_header_says_which_checkpoint_the_log_was_held_against(shop: GitShop) -> None:
    said = population(shop)[1]
    assert "no earlier checkpoint was given" in said
    code, said = population(shop, "--since", "old")
    assert (code, "grew from the checkpoint old" in said) == (0, True)
    head = format_head(checkpoint.parse(Path("old").read_bytes()))
    code, said = population(shop, "--since", head)
    assert (code, f"grew from the checkpoint {head}" in said) == (0, True)
    other = head.replace(head.partition(":")[2][:4], "AAAA")
    assert population(shop, "--since", other)[0] == ExitCode.NOT_VERIFIED


def test_what_no_quorum_cosigned_is_left_out_while_it_is_fresh_and_refused_later(tmp_path: Path) -> None:
    with running(tmp_path, 2) as two:
        trust, store = two.trust("all"), MemoryStore()
        policy, log = log_policy.of(trust), log_in(store)
        receipt = append_signed(log, 0)
        reader = log.reader()
        assert reader is not None
        publish(store, obtain(receipt, policy, reader, log_in(store).reader, seconds=10).receipt.checkpoint, policy)
        cosigned = store.objects[layout.CHECKPOINT]
        append_signed(log, 1)
        store.objects[layout.CHECKPOINT] = cosigned
        now = environment().clock()
        found = read_newest(store, policy, now=now + timedelta(minutes=9))
        assert (found.size if found else None) == 1
        with pytest.raises(VerificationError, match="the witnesses cosigned the first 1 only"):
            read_newest(store, policy, now=now + timedelta(minutes=11))
