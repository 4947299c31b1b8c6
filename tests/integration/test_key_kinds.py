"""Records signed by ECDSA keys, in a log that an Ed25519 key of its own signs: gated, recorded, verified, retried."""

from pathlib import Path

import pytest
from support.evidence import MemoryStore, believe, digest, environment
from support.gitshop import GitShop
from support.records import RECORD_KEY, signed_record

from changegate import canonical
from changegate.cli import run
from changegate.errors import ExitCode
from changegate.evidence import log_policy, note
from changegate.evidence.log import AlreadyRecordedError, Log
from changegate.evidence.signed_record import verify_record
from changegate.evidence.verify import verify_store
from changegate.signing.dsse import EnvelopeSigner, parse_envelope
from changegate.signing.keys import EcdsaPrivateKey, PrivateKey, format_public, read_private
from changegate.trust import RecordKey, Trust, parse

ORIGIN = "example.com/acme/evidence"
P256, LOG_KEY = EcdsaPrivateKey.generate(), PrivateKey.generate()
TRUST = Trust(
    log_policy=log_policy.format_single(note.verifier_key(ORIGIN, LOG_KEY.public_key)), record_keys=(RecordKey(key=format_public(P256.public_key)),)
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    for name in ("changegate-key.pem", "changegate-trust.yml"):
        Path(name).unlink()
    assert run(["keys", "generate", "--kind", "ecdsa-p256", "--origin", ORIGIN]) == 0
    shop.commit("Good")
    return shop


def test_a_deploy_is_recorded_by_two_keys_and_verified(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    with_log = ("--log-key", "changegate-log-key.pem", "--trust", "changegate-trust.yml")
    assert shop.gate("--base", "v1", *with_log) == 0
    assert shop.gate(*with_log) == 0
    assert shop.entries() == 2
    capsys.readouterr()
    assert run(["verify", "file:evidence"]) == 0
    assert "WHOLE: 2 records" in capsys.readouterr().out
    assert run(["show", shop.git("rev-parse", "HEAD"), "--store", "file:evidence"]) == 0


def test_without_the_logs_key_nothing_is_judged(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.gate("--base", "v1") == ExitCode.NOT_RECORDED
    said = capsys.readouterr().err
    assert "no key for the log" in said
    assert "CHANGEGATE_LOG_KEY" in said
    assert not Path("evidence").exists()


def test_a_log_key_that_the_trust_file_does_not_name_is_refused(shop: GitShop, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.pem").write_bytes(PrivateKey.generate().to_pem())
    assert shop.gate("--base", "v1", "--log-key", "other.pem", "--trust", "changegate-trust.yml", "--origin", ORIGIN) == ExitCode.NOT_RECORDED
    assert "no log key of the trust file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (P256.to_pem(), "not Ed25519"),
        (PrivateKey.generate().to_pem(passphrase="secret"), "CHANGEGATE_LOG_KEY_PASSPHRASE"),
        (b"nonsense", "log key is not a PKCS#8"),
    ],
    ids=["ECDSA", "encrypted", "nonsense"],
)
def test_a_log_key_that_can_not_be_used_is_refused_by_name(shop: GitShop, capsys: pytest.CaptureFixture[str], content: bytes, message: str) -> None:
    Path("log.pem").write_bytes(content)
    assert shop.gate("--base", "v1", "--log-key", "log.pem") == ExitCode.NOT_RECORDED
    assert message in capsys.readouterr().err


def test_both_keys_are_encrypted_with_their_own_passphrases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_KEY_PASSPHRASE", "one")
    monkeypatch.setenv("CHANGEGATE_LOG_KEY_PASSPHRASE", "two")
    assert run(["keys", "generate", "--kind", "ecdsa-p256"]) == 0
    read_private(Path("changegate-key.pem").read_bytes(), passphrase="one")
    read_private(Path("changegate-log-key.pem").read_bytes(), passphrase="two")
    assert [Path(name).stat().st_mode & 0o777 for name in ("changegate-key.pem", "changegate-log-key.pem")] == [0o600, 0o600]
    capsys.readouterr()
    assert run(["keys", "show", "--signing-key", "changegate-key.pem", "--log-key", "changegate-log-key.pem", "--trust"]) == 0
    assert parse(capsys.readouterr().out.encode()) == parse(Path("changegate-trust.yml").read_bytes())
    assert run(["keys", "show", "--signing-key", "changegate-key.pem", "--trust"]) == ExitCode.USAGE
    assert run(["keys", "generate", "--kind", "ecdsa-p256", "--out", "b.pem", "--trust", "b.yml"]) == ExitCode.USAGE
    assert sorted(each.name for each in Path().iterdir()) == ["changegate-key.pem", "changegate-log-key.pem", "changegate-trust.yml"]


def ecdsa_log(store: MemoryStore) -> Log:
    return Log(store, LOG_KEY, ORIGIN, environment(), vouch=believe)


def test_a_retry_with_another_signature_finds_the_first_one() -> None:
    """ECDSA signs anew each time, so a retried job has another envelope under the same idempotency key."""
    card, first, facts = signed_record(1)
    statement = parse_envelope(first).payload
    one, other = (EnvelopeSigner(P256).sign_record(statement) for _ in range(2))
    assert one != other
    cards = [card.__class__(**{**vars(card), "envelope": digest(each)}) for each in (one, other)]
    store = MemoryStore()
    receipt = ecdsa_log(store).append(cards[0], envelope=one, facts=facts)
    with pytest.raises(AlreadyRecordedError) as caught:
        ecdsa_log(store.sharing()).append(cards[1], envelope=other, facts=facts)
    assert (caught.value.receipt.index, caught.value.card) == (receipt.index, cards[0])
    assert verify_store(store, TRUST).problems == []


def test_a_retry_adopts_what_an_earlier_run_left_waiting() -> None:
    card, first, facts = signed_record(1)
    one, other = (EnvelopeSigner(P256).sign_record(parse_envelope(first).payload) for _ in range(2))
    cards = [card.__class__(**{**vars(card), "envelope": digest(each)}) for each in (one, other)]
    store = MemoryStore()
    ecdsa_log(store).submit(cards[0], envelope=one, facts=facts)
    with pytest.raises(AlreadyRecordedError) as caught:
        ecdsa_log(store.sharing()).append(cards[1], envelope=other, facts=facts)
    assert caught.value.card == cards[0]
    report = verify_store(store, TRUST)
    assert (report.entries, report.problems) == (1, [])


def test_a_record_of_another_key_than_the_trusted_is_found() -> None:
    card, envelope, facts = signed_record(1, RECORD_KEY)
    store = MemoryStore()
    ecdsa_log(store).append(card, envelope=envelope, facts=facts)
    assert [each.what for each in verify_store(store, TRUST).problems] == ["a record can't be trusted"]


def test_an_ecdsa_record_is_what_its_card_says() -> None:
    card, first, _ = signed_record(1)
    envelope = EnvelopeSigner(P256).sign_record(parse_envelope(first).payload)
    signed = verify_record(card.__class__(**{**vars(card), "envelope": digest(envelope)}), envelope, TRUST)
    assert signed.key_id == P256.key_id
    assert canonical.loads(signed.payload, what="statement")["predicateType"] == card.predicate_type
