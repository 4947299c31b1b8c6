"""Somebody who may write to the store, and has no key: nothing that he puts there is ever signed into the log, or believed."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support.gitshop import GitShop

from changegate import canonical, record
from changegate.cli import run
from changegate.errors import ExitCode
from changegate.evidence import layout
from changegate.evidence.card import Card, format_card, parse_card
from changegate.evidence.proof import Receipt, format_receipt, parse_receipt
from changegate.signing import dsse

GARBAGE = b'{"not":"even an envelope"}'


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    """One honest deploy is in the log."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("Good")
    assert shop.gate("--base", "v1", "--receipt", "kept") == 0
    return shop


def plant(key: str, data: bytes) -> None:
    path = Path("evidence") / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def honest_card() -> Card:
    return parse_card(parse_receipt(Path("kept").read_bytes()).extra or b"")


def other_key(_evil: str) -> Card:
    return replace(honest_card(), key=hashlib.sha256(b"other").hexdigest())


def honest_record(evil: str) -> Card:
    return replace(other_key(evil), commit=evil)


def garbage(evil: str) -> Card:
    return replace(honest_record(evil), envelope=hashlib.sha256(GARBAGE).hexdigest(), facts=None)


def absent(evil: str) -> Card:
    return replace(honest_record(evil), envelope="ab" * 32)


@pytest.mark.parametrize("forge", [honest_record, garbage, absent, other_key])
def test_a_planted_card_is_never_committed(shop: GitShop, forge: Callable[[str], Card]) -> None:
    evil = shop.commit("Evil", "", author="mallory")
    assert shop.gate() == ExitCode.BLOCKED
    card = forge(evil)
    plant(layout.envelope_key(hashlib.sha256(GARBAGE).hexdigest()), GARBAGE)
    plant(layout.pending_key(card.key), format_card(card))
    assert [shop.gate(), shop.gate()] == [ExitCode.BLOCKED] * 2
    assert shop.entries() == 4
    assert run(["verify", "evidence", "--since", "kept"]) == 0, "the log isn't the worse for it"
    assert "pending/" + card.key in shop.capsys.readouterr().out, "but it is named"


@pytest.mark.parametrize("command", [["gate"], ["integrate", "file:evidence", "--log-key", "changegate-key.pem"]], ids=["gate", "integrate"])
def test_a_genuine_record_is_not_entered_again_as_the_next_runs(shop: GitShop, command: list[str]) -> None:
    """The record of this very attempt, planted as if the gate had run in it a second and a third time."""
    (path,) = (each for each in Path("evidence/envelope").rglob("*") if each.is_file())
    envelope = path.read_bytes()
    statement = canonical.loads(dsse.parse_envelope(envelope).payload, what="statement")
    for repeat in (1, 2):
        statement["predicate"]["deployment"]["run"]["repeat"] = repeat
        card = record.index_card(statement, envelope, origin=shop.origin)
        plant(layout.pending_key(card.key), format_card(card))
    before = shop.entries()
    shop.commit("Second")
    if command == ["gate"]:
        assert shop.gate() == 0
    else:
        assert run(command) == ExitCode.NOT_VERIFIED
    assert shop.entries() == before + (command == ["gate"])
    assert run(["verify", "evidence", "--since", "kept"]) == 0


@pytest.mark.parametrize("name", ["x", "a/b", "A" * 64, "0" * 63 + "/" + "a", "a/" + "b" * 62, "..a", "a" * 64])
def test_whatever_waits_there_stops_nobody(shop: GitShop, name: str) -> None:
    plant(f"{layout.PENDING}{name}", b"x")
    shop.commit("Second")
    assert shop.gate() == 0
    assert run(["verify", "evidence"]) == 0


def forged_receipt(shop: GitShop) -> Card:
    """The log signs a card of ours over an honest record: a log of before, or whoever holds its key."""
    from datetime import UTC, datetime

    from changegate.evidence.log import Environment, Log
    from changegate.signing.keys import PrivateKey
    from changegate.stores.directory import DirectoryStore

    card = honest_record(shop.commit("Evil", "", author="mallory"))
    signer = PrivateKey.from_pem(Path("changegate-key.pem").read_bytes())
    environment = Environment(lambda: datetime.now(UTC), lambda _attempt: None, lambda: "0" * 32)
    log = Log(DirectoryStore("evidence"), signer, shop.origin, environment, vouch=lambda _card, _envelope, _at: None)
    honest = honest_card()
    envelope = (Path("evidence") / layout.envelope_key(honest.envelope)).read_bytes()
    reader = log.reader()
    assert reader is not None
    receipt: Receipt = log.append(card, envelope=envelope, facts=reader.facts(honest))
    Path("forged").write_bytes(format_receipt(receipt))
    Path("record").write_bytes(envelope)
    return card


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "--receipt", "forged", "--record", "record"],
        ["show", "COMMIT", "--store", "file:evidence"],
        ["replay", "COMMIT", "--store", "file:evidence"],
        ["verify", "evidence"],
    ],
)
def test_a_card_that_another_record_stands_behind_is_not_believed(shop: GitShop, words: list[str]) -> None:
    card = forged_receipt(shop)
    assert run([card.commit[:12] if word == "COMMIT" else word for word in words]) == ExitCode.NOT_VERIFIED


def test_the_gate_does_not_start_from_it(shop: GitShop) -> None:
    forged_receipt(shop)
    assert shop.gate() == ExitCode.NOT_VERIFIED


def test_an_outcome_does_not_follow_it(shop: GitShop) -> None:
    forged_receipt(shop)
    words = ["outcome", "success", "--workspace", str(shop.path), "--store", "file:evidence", "--signing-key", "changegate-key.pem"]
    before = shop.entries()
    assert run([*words, "--head", honest_card().commit]) == ExitCode.NOT_VERIFIED
    assert shop.entries() == before


@pytest.mark.parametrize("key", [".hidden/evil", ".x", "pending/.x", "commit/.x", "tile/0/.x", "index/ab/.x", "envelope/.x", "foo", "tile/0/000.p/X"])
def test_foreign_files_are_named_and_stop_nobody(shop: GitShop, key: str) -> None:
    plant(key, b"x")
    run(["verify", "evidence"])
    assert key in shop.capsys.readouterr().out
    shop.commit("Second")
    assert shop.gate() == 0


def test_a_checkout_of_a_git_store_has_a_repository_beside_the_evidence(shop: GitShop) -> None:
    plant(".git/HEAD", b"ref: refs/heads/changegate-evidence")
    plant(".tmp/left", b"x")
    assert run(["verify", "evidence"]) == 0
    assert ".git" not in shop.capsys.readouterr().out
