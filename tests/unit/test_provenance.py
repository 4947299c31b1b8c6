"""What builders sign, read: envelopes of our own making, and a bundle that GitHub's workflow made."""

import json
from pathlib import Path
from typing import Any

import pytest
from builders import deployment

from changegate import provenance
from changegate.errors import InputError
from changegate.facts import Artifact, Provenance
from changegate.pipeline_rules import ArtifactBound, Builder
from changegate.signing import dsse, keys

KEY, OTHER = keys.PrivateKey.generate(), keys.EcdsaPrivateKey.generate()
SHOP = Artifact(name="ghcr.io/acme/shop", sha256="a1" * 32)
HEAD = "ab" * 20
DEPLOY = deployment(artifacts=(SHOP,), head=HEAD, forge="github", repository="acme/shop", server_url="https://github.com")
RULES = ArtifactBound(enabled=True, provenance="required", builder_keys=(keys.format_public(KEY.public_key), keys.format_public(OTHER.public_key)))
V1 = "https://slsa.dev/provenance/v1"
BUNDLE = Path(__file__).parents[1] / "vectors/sigstore/happy-path-intoto-in-dsse-v3.json"
WORKFLOW = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/"
    ".github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)


def said(*materials: Any, **differs: Any) -> dict[str, Any]:
    """A statement of SLSA v1."""
    found = materials or ({"uri": "git+https://github.com/acme/shop@refs/heads/main", "digest": {"gitCommit": HEAD}},)
    predicate = {"buildDefinition": {"resolvedDependencies": list(found)}, "runDetails": {"builder": {"id": "https://builds.example.com/1"}}}
    subject = [{"name": "shop", "digest": {"sha256": SHOP.sha256}}]
    return {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": V1, "predicate": predicate} | differs


def signed(statement: Any, by: Any = KEY, **differs: Any) -> bytes:
    return dsse.format_envelope(dsse.sign(json.dumps(statement).encode(), by, **differs))


def read(data: bytes, rules: ArtifactBound = RULES) -> Provenance:
    (found,) = provenance.read_all([data], DEPLOY, rules, root=None)
    return found


@pytest.mark.parametrize("by", [KEY, OTHER], ids=["Ed25519", "ECDSA"])
def test_what_a_builder_says(by: Any) -> None:
    found = read(signed(said(), by))
    assert (found.subjects, found.builder, found.commit) == ((SHOP.sha256,), "https://builds.example.com/1", HEAD)
    assert (found.source, found.signer, found.defect) == ("github.com/acme/shop", f"key {by.key_id[:16]}", "")


def test_an_envelope_that_names_no_key_is_tried_with_each() -> None:
    envelope = json.loads(signed(said()))
    envelope["signatures"][0]["keyid"] = ""
    assert not read(json.dumps(envelope).encode()).defect


def test_the_older_provenance() -> None:
    predicate = {
        "builder": {"id": "https://builds.example.com/1"},
        "materials": [{"uri": "git+https://github.com/acme/shop", "digest": {"sha1": HEAD}}],
    }
    found = read(signed(said(predicateType="https://slsa.dev/provenance/v0.2", predicate=predicate, _type="https://in-toto.io/Statement/v0.1")))
    assert (found.commit, found.defect) == (HEAD, "")


def test_of_several_sources_the_one_that_is_deployed() -> None:
    tool = {"uri": "git+https://github.com/acme/tool", "digest": {"gitCommit": "cd" * 20}}
    shop = {"uri": "git+https://github.com/acme/shop", "digest": {"gitCommit": HEAD}}
    assert read(signed(said(tool, shop, {"uri": 7}, None))).source == "github.com/acme/shop"
    assert read(signed(said(tool))).commit == "cd" * 20
    assert read(signed(said({"uri": "pkg:docker/python"}))).commit == ""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (signed(said(), keys.PrivateKey.generate()), "no builder that the policy names"),
        (signed(said()).replace(b'"payload":"', b'"payload":"AAAA'), "no builder that the policy names"),
        (signed(said(), payload_type="text/plain"), "payload type 'text/plain'"),
        (signed(said(_type="other")), "no in-toto statement"),
        (signed(said(subject={})), "no in-toto statement"),
        (signed([]), "no in-toto statement"),
        (signed(said(predicateType="https://spdx.dev/Document")), "isn't one of SLSA's"),
        (signed(said(predicate={"runDetails": {}})), "names no builder"),
        (signed(said(predicate={"buildDefinition": {"resolvedDependencies": 7}, "runDetails": {"builder": {"id": "x"}}})), "no list"),
        (b"{}", "DSSE"),
        (b"\xff", "JSON"),
    ],
)
def test_what_is_not_believed_says_nothing_else(data: bytes, why: str) -> None:
    found = read(data)
    assert why in found.defect
    assert found == Provenance(sha256=found.sha256, defect=found.defect)


def test_a_digest_that_is_none_names_nothing() -> None:
    assert read(signed(said(subject=[{"digest": {"sha256": ["a1"]}}, {"digest": 7}, None, {"name": "x"}]))).subjects == ()


@pytest.mark.parametrize(
    ("identity", "why"),
    [(WORKFLOW, ""), (WORKFLOW.replace("heads/main", "heads/*"), ""), (WORKFLOW.replace("main", "dev"), "whom the policy doesn't name")],
)
def test_a_bundle_of_githubs(identity: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its statement is a real one of actions/attest-build-provenance's kind."""
    monkeypatch.setenv("HOME", str(tmp_path))  # the library keeps a cache of the public root
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    text = Artifact(name="a.txt", sha256="a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf")
    built = deployment(
        artifacts=(text,), head="ebff8dfbd609b7b22237c7719ce07f2dc7934f5f", server_url="https://github.com", repository="loosebazooka/aa-test"
    )
    rules = ArtifactBound(enabled=True, builders=(Builder(issuer="https://token.actions.githubusercontent.com", identity=identity),))
    (found,) = provenance.read_all([BUNDLE.read_bytes()], built, rules, root=None)
    assert why in found.defect
    if not why:
        assert (found.subjects, found.commit, found.source, found.signer) == ((text.sha256,), built.head, "github.com/loosebazooka/aa-test", WORKFLOW)


def test_a_bundle_where_the_policy_names_keys_alone() -> None:
    assert "the policy names none" in read(BUNDLE.read_bytes()).defect


def test_files_of_one_or_several() -> None:
    one = signed(said())
    assert provenance.split(one, source="x") == (one,)
    assert provenance.split(one + b"\n" + one + b"\n", source="x") == (one, one)
    pretty = json.dumps(json.loads(one), indent=2).encode()
    assert provenance.split(pretty, source="x") == (pretty,)
    for data in (b"", b"\n", b"x" * (provenance.MAX_BYTES + 1), (one + b"\n") * (provenance.MAX_COUNT + 1)):
        with pytest.raises(InputError):
            provenance.split(data, source="x")
