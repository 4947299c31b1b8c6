"""Identities: published Sigstore bundles verify offline where the trust file names who signed, and nothing else does. Signing: up to the network."""

import base64
import json
import sys
from pathlib import Path
from time import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.awskms import free_port

from changegate.cli import run
from changegate.errors import ExitCode, FormatError, InputError, SigningError, VerificationError
from changegate.evidence.signed_record import verify_envelope
from changegate.signing import keyless
from changegate.trust import Identity, Trust, signer_id

VECTORS = Path(__file__).parents[2] / "vectors" / "sigstore"
BUNDLES = sorted(path for path in VECTORS.glob("*.json") if path.stem != "rekor2-trusted-root")
ROOT = (VECTORS / "rekor2-trusted-root.json").read_text("utf-8")
HAPPY = VECTORS / "rekor2-dsse-happy-path.json"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library keeps a cache of the public root in the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME", "GITHUB_ACTIONS", "GITLAB_CI", keyless.TOKEN, keyless.CONFIG):
        monkeypatch.delenv(name, raising=False)


def trust(identity: str = WORKFLOW, issuer: str = ISSUER, root: str | None = ROOT) -> Trust:
    return Trust(log_policy="", identities=(Identity(issuer=issuer, identity=identity),), sigstore_root=root)


@pytest.mark.parametrize("path", BUNDLES, ids=lambda path: path.stem)
def test_the_published_bundles(path: Path) -> None:
    believed = trust(root=ROOT if path.stem.startswith("rekor2") else None)
    if path.stem.endswith("_fail"):
        with pytest.raises(VerificationError, match="bundle: "):
            verify_envelope(path.read_bytes(), believed)
        return
    signed = verify_envelope(path.read_bytes(), believed)
    assert signed.key_id == signer_id(ISSUER, WORKFLOW)
    assert json.loads(signed.payload)["_type"].startswith("https://in-toto.io/Statement/")


@pytest.mark.parametrize(
    "believed",
    [
        trust(identity=WORKFLOW.replace("main", "other")),
        trust(identity=WORKFLOW.removesuffix("@refs/heads/main")),
        trust(issuer="https://gitlab.com"),
        trust(identity="https://github.com/*"),
    ],
    ids=["another branch", "no branch", "another issuer", "a pattern that ends at a slash"],
)
def test_somebody_else_than_the_trust_file_names_is_refused(believed: Trust) -> None:
    with pytest.raises(VerificationError, match="doesn't name"):
        verify_envelope(HAPPY.read_bytes(), believed)


def test_a_pattern_names_many() -> None:
    assert verify_envelope(HAPPY.read_bytes(), trust(identity=WORKFLOW.replace("heads/main", "heads/*"))).key_id == signer_id(ISSUER, WORKFLOW)


def test_a_trust_file_without_identities_refuses_every_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library, too: a bundle that somebody plants stops no writer."""
    monkeypatch.setitem(sys.modules, "sigstore.errors", None)
    with pytest.raises(VerificationError, match="names none"):
        keyless.verify(HAPPY.read_bytes(), [], root=ROOT)


def test_another_sigstores_root_refuses() -> None:
    with pytest.raises(VerificationError):
        verify_envelope(HAPPY.read_bytes(), trust(root=None))


@pytest.mark.parametrize("root", ["", "{}", "[]", "nonsense", ROOT.replace("trustedroot", "other")])
def test_what_is_no_trusted_root(root: str) -> None:
    with pytest.raises(FormatError, match="sigstore-root"):
        verify_envelope(HAPPY.read_bytes(), trust(root=root))


def test_a_payload_that_was_changed_is_refused() -> None:
    bundle = json.loads(HAPPY.read_bytes())
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(b'{"_type": "https://in-toto.io/Statement/v1"}').decode()
    with pytest.raises(VerificationError):
        verify_envelope(json.dumps(bundle).encode(), trust())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(HAPPY.read_bytes()) - 1), st.integers(1, 127))
def test_whatever_byte_is_changed_only_our_error_escapes(position: int, change: int) -> None:
    data = bytearray(HAPPY.read_bytes())
    data[position] ^= change
    try:
        signed = verify_envelope(bytes(data), trust())
    except (VerificationError, FormatError):
        return
    assert signed == verify_envelope(HAPPY.read_bytes(), trust())  # it stood in nothing that is signed


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["verificationMaterial", "dsseEnvelope", "mediaType"]), st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_whatever_the_shape_only_our_error_escapes(part: str, value: object) -> None:
    bundle = json.loads(HAPPY.read_bytes())
    bundle[part] = value
    with pytest.raises((VerificationError, FormatError)):
        keyless.verify(json.dumps(bundle).encode(), [(ISSUER, lambda _issuer, _name: True)], root=ROOT)


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sigstore.errors", None)
    with pytest.raises(InputError, match="isn't installed") as caught:
        verify_envelope(HAPPY.read_bytes(), trust())
    assert "changegate[sigstore]" in caught.value.remedy


def token(**claims: object) -> str:
    """A token that nobody signed: the library looks at its claims, and leaves the rest to Fulcio."""
    now = int(time())
    said = {"iss": "https://gitlab.com", "sub": "project_path:acme/shop", "aud": "sigstore", "iat": now, "exp": now + 300} | claims
    parts = ({"alg": "RS256", "typ": "JWT"}, said)
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts) + ".c2ln"


def config(directory: Path) -> str:
    """A client trust config whose services nobody runs."""
    service = [{"url": f"http://127.0.0.1:{free_port()}", "majorApiVersion": 1, "validFor": {"start": "2022-01-01T00:00:00Z"}, "operator": "none"}]
    signing = {
        "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
        "caUrls": service,
        "oidcUrls": service,
        "rekorTlogUrls": service,
        "tsaUrls": [],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    }
    whole = {"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json", "trustedRoot": json.loads(ROOT), "signingConfig": signing}
    file = directory / "config.json"
    file.write_text(json.dumps(whole))
    return str(file)


@pytest.mark.parametrize(
    ("given_token", "message"),
    [
        ("", "no OIDC identity in this job"),
        ("nonsense", "IdentityError: Identity token is malformed"),
        (token(exp=1), "IdentityError: Identity token is malformed"),
        (token(aud="other"), "IdentityError: Identity token is malformed"),
        (token(), "Sigstore gave no signature: ConnectionError"),
    ],
    ids=["none", "nonsense", "expired", "another audience", "a service that doesn't answer"],
)
def test_where_sigstore_gives_no_signature(tmp_path: Path, given_token: str, message: str) -> None:
    signer = keyless.IdentitySigner({keyless.TOKEN: given_token, keyless.CONFIG: config(tmp_path)})
    with pytest.raises(SigningError, match=message) as caught:
        signer.sign_record(b'{"_type": "https://in-toto.io/Statement/v1"}')
    assert caught.value.exit_code is ExitCode.NOT_RECORDED
    assert caught.value.remedy


def test_what_is_no_client_trust_config(tmp_path: Path) -> None:
    for content in ("", "{}", "nonsense"):
        (tmp_path / "config.json").write_text(content)
        signer = keyless.IdentitySigner({keyless.TOKEN: token(), keyless.CONFIG: str(tmp_path / "config.json")})
        with pytest.raises(SigningError, match="no client trust config"):
            signer.sign_record(b"{}")


def test_an_identity_has_no_key_to_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "show", "--signing-key", "sigstore"]) == ExitCode.NOT_RECORDED
    assert "an identity has no key" in capsys.readouterr().err
