"""Keys that are rotated and revoked, as the log says it: forward only, by another key, and only where the trust file names that one."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.evidence import BEGIN, KEY, ORIGIN, MemoryStore, digest, key_of, nonces
from support.gitshop import GitShop
from support.records import signed_record

from changegate import canonical, keychange
from changegate.cli import run
from changegate.cli.vouching import vouch
from changegate.errors import ExitCode, InputError, VerificationError
from changegate.evidence import idempotency, layout, log_policy, note, revocations
from changegate.evidence.card import Card
from changegate.evidence.log import Environment, Log
from changegate.evidence.reader import read_log
from changegate.evidence.verify import Scope, verify_store
from changegate.evidence.verify_commits import Share
from changegate.portal.index import Index
from changegate.portal.source import Opened, Source
from changegate.signing.dsse import EnvelopeSigner
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey, Trust, format_trust, parse

A, B, OFFLINE, STRANGER = key_of(11), key_of(12), key_of(13), key_of(14)
NOW = BEGIN + timedelta(minutes=1)


def trust_of(*keys: RecordKey, log_keys: tuple[PrivateKey, ...] = (KEY,)) -> Trust:
    lines = "".join(f"log {note.format_verifier_key(note.verifier_key(ORIGIN, key.public_key))}\n" for key in log_keys)
    return Trust(log_policy=f"{lines}quorum none\n", record_keys=keys)


def entry_of(key: PrivateKey) -> RecordKey:
    return RecordKey(key=format_public(key.public_key))


TRUST = trust_of(entry_of(A), entry_of(B))


def log_of(store: MemoryStore, trust: Trust = TRUST, *, vouched: bool = False, signer: PrivateKey = KEY) -> Log:
    policy = log_policy.of(trust)
    rule = vouch(trust, origin=ORIGIN, store=store, policy=policy) if vouched else lambda _card, _envelope, _at: None
    return Log(store, signer, ORIGIN, Environment(lambda: NOW, lambda _attempt: None, nonces()), vouch=rule, also_trusted=policy.logs)


def revocation(revoked: PrivateKey, by: PrivateKey, *, at: datetime = NOW, since: datetime = BEGIN) -> tuple[Card, bytes]:
    statement = keychange.revocation(revoked.public_key, since=since, reason="a laptop was stolen", log=ORIGIN, decided=at)
    envelope = EnvelopeSigner(by).sign_record(canonical.dumps(statement))
    return keychange.index_card(statement, envelope, by=by.key_id), envelope


def add_record(log: Log, number: int, key: PrivateKey) -> None:
    card, envelope, facts = signed_record(number, key)
    log.append(card, envelope=envelope, facts=facts)


def add_revocation(log: Log, revoked: PrivateKey, by: PrivateKey) -> None:
    card, envelope = revocation(revoked, by)
    log.append(card, envelope=envelope)


def problems(store: MemoryStore, trust: Trust = TRUST) -> list[str]:
    return [each.found for each in verify_store(store, trust).problems]


def test_what_a_key_signed_before_its_revocation_stays_valid_and_nothing_after() -> None:
    store = MemoryStore()
    log = log_of(store)
    add_record(log, 1, A)
    add_revocation(log, A, by=B)
    report = verify_store(store, TRUST)
    assert report.problems == []
    assert report.revoked == (
        f"key {A.key_id[:16]} from entry 1 on, by key {B.key_id[:16]}; in doubt since 2026-03-01T12:00:00Z: a laptop was stolen",
    )
    add_record(log, 2, B)
    assert problems(store) == []
    add_record(log, 3, A)
    assert problems(store) == [f"signed by key {A.key_id[:16]}, which entry 1 revoked (by key {B.key_id[:16]}: a laptop was stolen)"]


def test_a_writer_that_was_stopped_before_its_tiles_hides_no_revocation() -> None:
    store = MemoryStore()
    add_revocation(log_of(store), A, by=B)
    before = dict(store.objects)
    add_record(log_of(store), 3, A)
    unfinished = {key: data for key, data in store.objects.items() if not key.startswith(("tile/", "index/", "checkpoint"))} | {
        key: data for key, data in before.items() if key.startswith(("tile/", "index/", "checkpoint"))
    }
    report = verify_store(MemoryStore(unfinished), TRUST)
    assert report.notes
    assert [each.found for each in report.problems] == [
        f"signed by key {A.key_id[:16]}, which entry 0 revoked (by key {B.key_id[:16]}: a laptop was stolen)"
    ]


def test_the_place_in_the_log_counts_and_not_the_time_that_a_record_claims() -> None:
    store = MemoryStore()
    log = log_of(store)
    add_revocation(log, A, by=B)
    card, _, _ = signed_record(1, A)
    assert card.at < NOW  # dated before the revocation
    add_record(log, 1, A)
    assert len(problems(store)) == 1


def test_a_revoked_key_revokes_nobody() -> None:
    store = MemoryStore()
    log = log_of(store)
    add_revocation(log, A, by=B)
    add_revocation(log, B, by=A)
    add_record(log, 1, B)
    assert len(problems(store)) == 1
    assert "which entry 0 revoked" in problems(store)[0]
    assert [each.key_id for each in revocations.find(read_log(store, log_policy.of(TRUST)), store, TRUST, origin=ORIGIN)] == [A.key_id]


def ended(key: PrivateKey) -> RecordKey:
    return entry_of(key).model_copy(update={"until": BEGIN})


def only(key: PrivateKey, use: str) -> RecordKey:
    return RecordKey.model_validate({"key": format_public(key.public_key), "use": use})


@pytest.mark.parametrize(
    ("revoked", "by", "trust", "message"),
    [
        (A, A, TRUST, "revokes itself"),
        (A, STRANGER, TRUST, "signed by no trusted key"),
        (A, B, trust_of(entry_of(A), ended(B)), "outside the time"),
        (A, B, trust_of(entry_of(A), only(B, "records")), "may not sign a revocation"),
    ],
    ids=["itself", "a stranger", "an ended key", "a key for records only"],
)
def test_a_revocation_that_does_not_count_is_named_and_changes_nothing(revoked: PrivateKey, by: PrivateKey, trust: Trust, message: str) -> None:
    store = MemoryStore()
    log = log_of(store, trust)
    add_revocation(log, revoked, by)
    add_record(log, 1, revoked)
    assert len(problems(store, trust)) == 1
    assert message in problems(store, trust)[0]


def test_a_key_for_revocations_signs_no_records() -> None:
    trust = trust_of(entry_of(A), only(OFFLINE, "revocations"))
    store = MemoryStore()
    add_record(log_of(store, trust), 1, OFFLINE)
    assert "may not sign a record" in problems(store, trust)[0]
    other = MemoryStore()
    add_revocation(log_of(other, trust), A, by=OFFLINE)
    assert problems(other, trust) == []


def test_the_trust_file_takes_a_thiefs_revocation_back() -> None:
    """Whoever stole B can revoke A. The owner ends B at a time before: A counts again, all along."""
    store = MemoryStore()
    log = log_of(store)
    add_revocation(log, A, by=B)
    add_record(log, 1, A)
    assert len(problems(store)) == 1
    after = trust_of(entry_of(A), ended(B))
    found = problems(store, after)
    assert len(found) == 1
    assert f"signed by key {B.key_id[:16]}" in found[0]


def test_a_revoked_key_signs_no_checkpoints_either() -> None:
    trust = trust_of(entry_of(A), entry_of(B), log_keys=(A, B))
    store = MemoryStore()
    add_record(log_of(store, trust, signer=A), 1, A)
    add_revocation(log_of(store, trust, signer=B), A, by=B)
    add_record(log_of(store, trust, signer=B), 2, B)
    assert problems(store, trust) == []
    add_record(log_of(store, trust, signer=A), 3, B)
    assert problems(store, trust)[0] == f"its checkpoint is signed by key {A.key_id[:16]}, which entry 1 revoked"


def test_a_writer_takes_no_record_of_a_revoked_key_and_believes_its_old_ones() -> None:
    store = MemoryStore()
    add_record(log_of(store), 1, A)
    add_revocation(log_of(store), A, by=B)
    rule = vouch(TRUST, origin=ORIGIN, store=store, policy=log_policy.of(TRUST))
    card, envelope = revocation(B, by=A)
    with pytest.raises(VerificationError, match="which entry 1 revoked"):
        rule(card, envelope, NOW)
    card, envelope = revocation(A, by=B)
    rule(card, envelope, NOW)


_REWRITES = pytest.mark.parametrize(
    "rewrite",
    [
        lambda envelope: envelope + b" ",
        lambda envelope: envelope.replace(b',"signatures":[', b',"signatures":[{"keyid":"x","sig":"AA=="},'),
    ],
    ids=["a space more", "a stranger's signature more"],
)


@_REWRITES
def test_a_writer_takes_a_record_in_its_one_form_only(rewrite: Callable[[bytes], bytes]) -> None:
    card, envelope = revocation(A, by=B)
    other = rewrite(envelope)
    rule = vouch(TRUST, origin=ORIGIN, store=MemoryStore(), policy=log_policy.of(TRUST))
    rule(card, envelope, NOW)
    with pytest.raises(VerificationError, match="isn't in its one form"):
        rule(Card(**{**vars(card), "envelope": digest(other)}), other, NOW)


@_REWRITES
def test_a_record_that_was_entered_anew_in_another_form_is_found(rewrite: Callable[[bytes], bytes]) -> None:
    """By whoever has the log's key and no record key."""
    store = MemoryStore()
    add_record(log_of(store), 1, A)
    card, envelope, facts = signed_record(1, A)
    other = rewrite(envelope)
    log_of(store).append(Card(**{**vars(card), "envelope": digest(other), "key": "cd" * 32}), envelope=other, facts=facts)
    report = verify_store(store, TRUST)
    assert "isn't in its one form" in report.problems[0].found


@pytest.mark.parametrize("scope", [Scope(), Scope(share=Share(1, "s"))], ids=["all", "a share"])
def test_a_statement_that_is_entered_twice_is_found_whatever_envelope_it_is_in(scope: Scope) -> None:
    """As two bundles around one statement would be, or two signatures."""
    store = MemoryStore()
    add_record(log_of(store), 1, A)
    add_record(log_of(store), 2, A)
    card, envelope, facts = signed_record(1, B)
    log_of(store).append(Card(**{**vars(card), "key": "cd" * 32}), envelope=envelope, facts=facts)
    [problem] = verify_store(store, TRUST, scope=scope).problems
    assert (problem.what, problem.where, problem.found) == ("a record is entered twice", "entry 2", "the same statement as entry 0")


def test_a_revocation_under_another_key_counts_and_is_named() -> None:
    """Whoever stole A, a key of records and of the log, enters the revocation of A where no writer looks for it, and goes on."""
    trust = trust_of(entry_of(A), entry_of(B), log_keys=(A, B))
    store = MemoryStore()
    add_record(log_of(store, trust, signer=A), 1, A)
    card, envelope = revocation(A, by=B)
    log_of(store, trust, signer=A).append(Card(**{**vars(card), "key": "ab" * 32}), envelope=envelope)
    add_record(log_of(store, trust, signer=A), 2, A)
    report = verify_store(store, trust)
    assert [each.split(",")[0] for each in report.revoked] == [f"key {A.key_id[:16]} from entry 1 on"]
    assert [(each.what, each.where[:9]) for each in report.problems[:3]] == [
        ("an entry stands under a key that isn't its record's", "entry 1"),
        ("a commit's checkpoint can't be trusted", "commit/00"),
        ("a record can't be trusted", "envelope/"),
    ]


@pytest.mark.parametrize("scope", [Scope(), Scope(new_only=True), Scope(share=Share(0.5, "0"))], ids=["all", "new only", "a share"])
def test_a_revocation_counts_without_its_index(scope: Scope) -> None:
    store = MemoryStore()
    add_record(log_of(store), 1, A)
    add_revocation(log_of(store), A, by=B)
    add_record(log_of(store), 2, B)
    kept = store.objects[layout.CHECKPOINT]
    del store.objects[layout.index_key(revocation(A, by=B)[0].key)]
    add_record(log_of(store), 3, A)  # by a writer that vouches for anything; Share(0.5, "0") takes it, and not the revocation
    report = verify_store(store, TRUST, since=kept, scope=scope)
    assert f"signed by key {A.key_id[:16]}, which entry 1 revoked" in report.problems[-1].found
    assert len(report.revoked) == 1


def grown(revoked_at: int) -> MemoryStore:
    """A log with a full bundle."""
    store = MemoryStore()
    log = log_of(store)
    for number in range(258):
        if number == revoked_at:
            add_revocation(log, A, by=B)
        else:
            add_record(log, number, B)
    del store.objects[layout.index_key(revocation(A, by=B)[0].key)]
    return store


@pytest.mark.parametrize("revoked_at", [0, 255, 256, 257])
def test_a_revocation_is_found_in_any_bundle(revoked_at: int) -> None:
    store = grown(revoked_at)
    kept = store.objects[layout.CHECKPOINT]
    add_record(log_of(store), 300, A)
    [problem] = verify_store(store, TRUST, since=kept, scope=Scope(new_only=True)).problems
    assert f"which entry {revoked_at} revoked" in problem.found


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data.replace(b"revo", b"Revo"), None], ids=["cut", "edited", "gone"])
def test_an_old_bundle_that_may_hold_a_revocation_must_be_whole(damage: Callable[[bytes], bytes] | None) -> None:
    store = grown(7)
    kept = store.objects[layout.CHECKPOINT]
    add_record(log_of(store), 300, A)
    bundle = store.objects.pop("tile/entries/000")
    if damage is not None:
        store.objects["tile/entries/000"] = damage(bundle)
    [problem] = verify_store(store, TRUST, since=kept, scope=Scope(new_only=True)).problems
    assert (problem.what, problem.where) == ("entries can't be read, which may hold revocations", "tile/entries/000")


def test_a_revocation_for_another_log_is_not_taken() -> None:
    card, envelope = revocation(A, by=B)
    rule = vouch(TRUST, origin="example.com/other", store=MemoryStore(), policy=log_policy.of(TRUST))
    with pytest.raises(VerificationError, match="isn't its own"):
        rule(card, envelope, NOW)


def test_collecting_needs_the_cards_and_no_order_of_ranges() -> None:
    store = MemoryStore()
    log = log_of(store)
    for number in range(5):
        add_record(log, number, A)
    add_revocation(log, A, by=B)
    add_revocation(log, A, by=A)
    reader = read_log(store, log_policy.of(TRUST))
    assert reader is not None
    entries = [(index, reader.entry(index)) for index in range(reader.size)]
    assert [(each.key_id, each.index) for each in revocations.collect(entries, store, TRUST)] == [(A.key_id, 5)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda predicate: predicate.pop("from"),
        lambda predicate: predicate.update({"from": "yesterday"}),
        lambda predicate: predicate.update({"reason": 7}),
        lambda predicate: predicate.update({"key": {"keyId": B.key_id}}),
        lambda predicate: predicate.update({"change": "rotated again"}),
    ],
    ids=["no time", "no such time", "no reason", "another key than the subject", "another change"],
)
def test_a_signed_revocation_that_is_none_is_named(spoil: Callable[[dict[str, object]], object]) -> None:
    statement = keychange.revocation(A.public_key, since=BEGIN, reason="lost", log=ORIGIN, decided=NOW)
    good = keychange.index_card(statement, b"", by=B.key_id)
    spoil(statement["predicate"])
    envelope = EnvelopeSigner(B).sign_record(canonical.dumps(statement))
    card = Card(**{**vars(good), "envelope": digest(envelope)})
    store = MemoryStore()
    log_of(store).append(card, envelope=envelope)
    assert len(problems(store)) == 1


@pytest.mark.parametrize(("reason", "since"), [("", BEGIN), (" ", BEGIN), ("x" * 2001, BEGIN), ("lost", NOW + timedelta(hours=1))])
def test_what_can_not_be_recorded_of_a_revocation(reason: str, since: datetime) -> None:
    with pytest.raises(InputError):
        keychange.revocation(A.public_key, since=since, reason=reason, log=ORIGIN, decided=NOW)


@pytest.fixture(name="shop")
def make_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("Good")
    assert shop.gate("--base", "v1") == 0
    return shop


ROTATE = ("keys", "rotate", "--store", "file:evidence", "--signing-key", "changegate-key.pem", "--overlap", "1")


def rotated() -> str:
    """The new key's file."""
    before = set(Path().glob("*.pem"))
    assert run(list(ROTATE)) == 0
    (new,) = set(Path().glob("*.pem")) - before
    return str(new)


def test_a_rotation_is_an_entry_and_both_keys_go_on(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    new = rotated()
    assert "Entry 1 of the log says so" in capsys.readouterr().out
    assert shop.gate("--trust", "changegate-trust.yml", key=new) == 0
    assert shop.gate("--trust", "changegate-trust.yml") == 0
    assert shop.entries() == 4
    assert run(["verify", "file:evidence"]) == 0


def test_after_a_rotation_without_the_trust_file_it_is_said_what_to_give(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    new = rotated()
    assert shop.gate(key=new) == ExitCode.NOT_VERIFIED
    said = capsys.readouterr().err
    assert "the store's log is signed by key" in said
    assert "After a rotation give --trust FILE" in said


def test_a_revoked_key_is_refused_by_the_gate(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    new = rotated()
    old_id = next(iter(parse(Path("changegate-trust.yml").read_bytes()).public_keys))
    revoke = ["keys", "revoke", old_id[:12], "--store", "file:evidence", "--reason", "a laptop was stolen", "--from", "2026-01-01T00:00:00Z"]
    assert run([*revoke, "--signing-key", "changegate-key.pem"]) == ExitCode.USAGE
    assert "can't revoke itself" in capsys.readouterr().err
    assert run([*revoke, "--signing-key", new]) == 0
    assert "is revoked from entry 2 on" in capsys.readouterr().out
    assert run([*revoke, "--signing-key", new]) == ExitCode.USAGE
    assert "is revoked already, by entry 2" in capsys.readouterr().err
    assert shop.gate("--trust", "changegate-trust.yml") == ExitCode.NOT_RECORDED
    assert "is revoked since entry 2 of the log" in capsys.readouterr().err
    assert shop.gate("--trust", "changegate-trust.yml", key=new) == 0
    assert run(["verify", "file:evidence"]) == 0
    assert "revoked    key" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("abc",), "is no key id"),
        (("0123456789abcdef",), "no keys of the trust file"),
        (("KEY", "--from", "yesterday"), "is no time"),
        (("KEY", "--from", "2999-01-01T00:00:00Z"), "lies in the future"),
        (("KEY", "--reason", " "), "--reason has 1 characters"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_a_revocation_that_can_not_be_meant(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    new = rotated()
    key = next(iter(parse(Path("changegate-trust.yml").read_bytes()).public_keys))
    given = [key if word == "KEY" else word for word in words]
    assert run(["keys", "revoke", "--reason", "lost", "--store", "file:evidence", "--signing-key", new, *given]) == ExitCode.USAGE
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("shop")
def test_a_rotation_that_can_not_be_recorded_leaves_nothing() -> None:
    trust = Path("changegate-trust.yml").read_bytes()
    Path("other.pem").write_bytes(PrivateKey.generate().to_pem())
    files = set(Path().iterdir())
    assert run([*ROTATE[:-3], "other.pem"]) == ExitCode.NOT_RECORDED
    assert set(Path().iterdir()) == files
    assert Path("changegate-trust.yml").read_bytes() == trust


def test_rotating_to_another_kind_makes_a_key_for_the_log(shop: GitShop) -> None:
    assert run([*ROTATE, "--kind", "ecdsa-p256", "--out", "p256.pem"]) == 0
    (log_key,) = Path().glob("changegate-log-key-*.pem")
    with_log = ("--log-key", str(log_key), "--trust", "changegate-trust.yml")
    assert shop.gate(*with_log, key="p256.pem") == 0
    assert run(["keys", "rotate", "--out", "newer.pem"]) == 0  # its kind, and the log's key stays
    assert shop.gate(*with_log, key="newer.pem") == 0
    assert run(["verify", "file:evidence"]) == 0
    assert len(log_policy.of(parse(Path("changegate-trust.yml").read_bytes())).logs) == 2


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_record_of_a_revoked_key_is_not_shown_as_good(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Neither where the revocation's index was deleted: the whole log is looked at."""
    store = MemoryStore()
    add_record(log_of(store), 1, A)
    add_revocation(log_of(store), A, by=B)
    del store.objects[layout.index_key(idempotency.of_revocation(ORIGIN, A.key_id, B.key_id))]
    add_record(log_of(store), 2, A)
    for key, data in store.objects.items():
        path = tmp_path / "evidence" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "trust.yml").write_bytes(format_trust(TRUST))
    reader = read_log(store, log_policy.of(TRUST))
    assert reader is not None
    common = ["--store", f"file:{tmp_path / 'evidence'}", "--trust", str(tmp_path / "trust.yml")]
    assert run([command, reader.card(2).envelope, *common]) == ExitCode.NOT_VERIFIED
    assert "which entry 1 revoked" in capsys.readouterr().err
    assert run(["show", reader.card(0).envelope, *common]) == ExitCode.ALLOWED, "what it signed before stays valid"


@pytest.mark.usefixtures("shop")
def test_show_prints_an_entry_about_keys(capsys: pytest.CaptureFixture[str]) -> None:
    rotated()
    newest = list(parse(Path("changegate-trust.yml").read_bytes()).public_keys)[-1]
    capsys.readouterr()
    assert run(["show", newest[:12], "--store", "file:evidence"]) == 0
    out = capsys.readouterr().out
    assert newest in out
    assert "rotated" in out


def test_a_key_that_the_log_revokes_is_revoked_whatever_is_taken_out_of_the_index(tmp_path: Path) -> None:
    store = MemoryStore()
    log = log_of(store)
    add_record(log, 1, A)
    add_revocation(log, A, by=B)
    add_record(log, 3, A)
    index = Index(tmp_path / "index.sqlite")
    reader = log.reader()
    assert reader is not None
    source = Source(index, TRUST, believed="x", open_log=lambda: Opened(reader, store), now=lambda: datetime.now(UTC))
    source.refresh()
    envelope = signed_record(3, A)[0].envelope
    for _ in range(2):
        with pytest.raises(VerificationError, match="revoked"):
            source.show(envelope)
        with sqlite3.connect(tmp_path / "index.sqlite") as database:
            database.execute("DELETE FROM revoking")
    assert source.show(signed_record(1, A)[0].envelope) is not None
