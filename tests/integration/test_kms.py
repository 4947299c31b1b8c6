"""Keys in a key service: ministack's KMS signs ECDSA P-256 as AWS's does; every refusal is an error that says what to do."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import awskms
from support.gitshop import GitShop

from changegate.cli import run
from changegate.errors import ExitCode, InputError, SigningError
from changegate.signing import keys, kms
from changegate.trust import parse


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with awskms.running_kms(tmp_path_factory.mktemp("kms")) as url:
        yield url


@pytest.fixture
def key(service: str, monkeypatch: pytest.MonkeyPatch) -> str:
    awskms.use(monkeypatch, service)
    return awskms.make_key(service)


def test_the_service_signs_and_the_public_key_verifies(key: str) -> None:
    signer = kms.open_key(f"awskms:{key}")
    made = [signer.sign(b"data") for _ in range(8)]
    assert len(set(made)) == 8
    for signature in made:
        keys.verify(signer.public_key, signature, b"data")
        assert keys.low_s(signature) == signature


def test_a_deploy_is_recorded_with_a_key_of_the_service(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shop = GitShop(tmp_path / "shop", capsys)
    shop.commit("Good")
    uri = f"awskms:{key}"
    capsys.readouterr()
    assert run(["keys", "show", "--signing-key", uri, "--log-key", "changegate-key.pem", "--trust"]) == 0
    Path("kms.yml").write_text(capsys.readouterr().out)
    assert set(parse(Path("kms.yml").read_bytes()).public_keys) == {kms.open_key(uri).key_id}
    assert shop.gate("--base", "v1", "--log-key", "changegate-key.pem", "--trust", "kms.yml", key=uri) == 0
    assert run(["verify", "file:evidence", "--trust", "kms.yml"]) == 0
    assert run(["verify", "file:evidence", "--trust", "changegate-trust.yml"]) == ExitCode.NOT_VERIFIED


def test_a_disabled_key_signs_nothing(service: str, key: str) -> None:
    signer = kms.open_key(f"awskms:{key}")
    awskms.client(service).disable_key(KeyId=key)
    with pytest.raises(SigningError, match="DisabledException") as caught:
        signer.sign(b"data")
    assert "Enable the key" in caught.value.remedy
    assert caught.value.exit_code is ExitCode.NOT_RECORDED


@pytest.mark.parametrize(
    ("spec", "usage", "message"),
    [
        ("ECC_NIST_P384", "SIGN_VERIFY", "secp384r1, not P-256"),
        ("RSA_2048", "SIGN_VERIFY", "not Ed25519 or ECDSA P-256"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "can't be used"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY", "secp256k1, not P-256"),
    ],
)
def test_a_key_of_another_kind_is_refused(service: str, monkeypatch: pytest.MonkeyPatch, spec: str, usage: str, message: str) -> None:
    awskms.use(monkeypatch, service)
    with pytest.raises(SigningError, match=message):
        kms.open_key(f"awskms:{awskms.make_key(service, spec, usage)}")


def test_a_key_that_is_not_there(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    awskms.use(monkeypatch, service)
    with pytest.raises(SigningError, match="NotFoundException") as caught:
        kms.open_key("awskms:alias/none")
    assert "Check the key's name" in caught.value.remedy


def test_without_credentials(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    awskms.use(monkeypatch, service)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SigningError, match="redentials") as caught:
        kms.open_key("awskms:alias/some")
    assert "credentials" in caught.value.remedy


def test_without_a_region(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    awskms.use(monkeypatch, service)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SigningError, match="region") as caught:
        kms.open_key("awskms:alias/some")
    assert "AWS_REGION" in caught.value.remedy


def test_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    awskms.use(monkeypatch, f"http://127.0.0.1:{awskms.free_port()}")
    with pytest.raises(SigningError, match="EndpointConnectionError") as caught:
        kms.open_key("awskms:alias/some")
    assert "Check the network" in caught.value.remedy


def test_without_the_permission_to_sign(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator allows everything, so the vendor's own error is made here."""
    from botocore.exceptions import ClientError

    signer = kms.open_key(f"awskms:{key}")
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized to perform: kms:Sign"}}, "Sign")

    class Denying:
        def sign(self, _data: bytes) -> None:
            raise denied

    monkeypatch.setattr(signer, "_service", Denying())
    with pytest.raises(SigningError, match="AccessDeniedException") as caught:
        signer.sign(b"data")
    assert "kms:Sign" in caught.value.remedy


def test_a_service_that_signs_with_another_key_is_not_believed(service: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signer, other = kms.open_key(f"awskms:{key}"), kms.open_key(f"awskms:{awskms.make_key(service)}")
    monkeypatch.setattr(signer, "_service", other._service)
    with pytest.raises(SigningError, match="signed with another key"):
        signer.sign(b"data")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("awskms:", "names no key"),
        ("azurekms:name", "not the URI of a key in Azure"),
        ("azurekms://shop.vault.azure.net/keys/deploy", "aren't installed"),
        ("gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "aren't installed"),
        ("hv:deploy", "aren't installed"),
    ],
)
def test_a_uri_that_can_not_be_used_here(uri: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        kms.open_key(uri)


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "securesystemslib", None)
    assert run(["keys", "show", "--signing-key", "awskms:alias/some"]) == ExitCode.USAGE
    assert "pip install 'changegate[kms]'" in capsys.readouterr().err
