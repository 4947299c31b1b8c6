"""artifact-bound: what is deployed, and whether it was built from what was judged."""

from typing import Any

import pytest
from builders import HEAD, deployment, facts, sha

from changegate.controls import evaluate
from changegate.controls.artifact_bound import ID, source_of
from changegate.decision import Outcome
from changegate.facts import Artifact, Facts, Provenance
from changegate.pipeline_rules import ArtifactBound
from changegate.policy import Controls, EffectivePolicy

IMAGE, OTHER = Artifact(name="ghcr.io/acme/shop", sha256="a1" * 32), Artifact(name="shop.tar.gz", sha256="b2" * 32)
NAMED = EffectivePolicy(controls=Controls(artifact_bound=ArtifactBound(enabled=True)))
BUILT = EffectivePolicy(controls=Controls(artifact_bound=ArtifactBound(enabled=True, provenance="required")))
HERE = {"forge": "github", "repository": "acme/shop", "server_url": "https://github.com"}


def provenance(*of: Artifact, **differs: Any) -> Provenance:
    values: dict[str, Any] = {"sha256": "c3" * 32, "builder": "https://github.com/actions/runner", "signer": "key 1234"}
    values |= {"subjects": tuple(each.sha256 for each in of), "source": "github.com/acme/shop", "commit": HEAD}
    return Provenance(**values | differs)


def deploy(*artifacts: Artifact, said: tuple[Provenance, ...] = (), **differs: Any) -> Facts:
    return facts(deployment=deployment(artifacts=artifacts, head=HEAD, **HERE | differs), provenances=said)


@pytest.mark.parametrize(
    ("found", "policy", "reasons"),
    [
        (deploy(), EffectivePolicy(), []),
        (deploy(), NAMED, ["no-artifact"]),
        (deploy(IMAGE), NAMED, ["named"]),
        (deploy(), BUILT, ["no-artifact"]),
        (deploy(IMAGE), BUILT, ["no-provenance"]),
        (deploy(IMAGE, said=(provenance(IMAGE),)), BUILT, ["built-from-it"]),
        (deploy(IMAGE, said=(provenance(OTHER),)), BUILT, ["no-provenance"]),
        (deploy(IMAGE, OTHER, said=(provenance(IMAGE, OTHER),)), BUILT, ["built-from-it", "built-from-it"]),
        (deploy(IMAGE, OTHER, said=(provenance(IMAGE),)), BUILT, ["built-from-it", "no-provenance"]),
        (deploy(IMAGE, said=(provenance(IMAGE, commit=sha("other")),)), BUILT, ["other-source"]),
        (deploy(IMAGE, said=(provenance(IMAGE, commit=""),)), BUILT, ["other-source"]),
        (deploy(IMAGE, said=(provenance(IMAGE, source="github.com/mallory/shop"),)), BUILT, ["other-source"]),
        (deploy(IMAGE, said=(provenance(IMAGE, commit=sha("other")), provenance(IMAGE))), BUILT, ["built-from-it"]),
        (deploy(IMAGE, said=(provenance(IMAGE, defect="signed by nobody"),)), BUILT, ["not-believed"]),
        (deploy(IMAGE, said=(Provenance(sha256="c3" * 32, defect="signed by nobody"),)), BUILT, ["not-believed"]),
        (deploy(IMAGE, said=(provenance(IMAGE, defect="signed by nobody"), provenance(IMAGE))), BUILT, ["built-from-it"]),
        (deploy(IMAGE, said=(provenance(IMAGE, source="elsewhere/acme/shop"),), server_url=""), BUILT, ["built-from-it"]),
    ],
)
def test_table(found: Facts, policy: EffectivePolicy, reasons: list[str]) -> None:
    judged = [each for each in evaluate(found, policy).findings if each.control == ID]
    assert [each.reason for each in judged] == reasons
    for each in judged:
        assert (each.outcome is Outcome.PASS) is (each.reason in {"named", "built-from-it"})
        assert (each.remedy is None) is (each.outcome is Outcome.PASS)


@pytest.mark.parametrize(
    "uri",
    [
        "git+https://github.com/acme/shop@refs/heads/main",
        "git+https://github.com/acme/shop.git@refs/tags/v1",
        "https://github.com/Acme/Shop",
        "https://github.com/acme/shop/",
        "git+ssh://github.com/acme/shop.git",
    ],
)
def test_one_repository_in_its_spellings(uri: str) -> None:
    assert source_of(uri) == "github.com/acme/shop"


@pytest.mark.parametrize(
    "uri",
    ["https://github.com/acme/shop2", "https://github.com.evil/acme/shop", "https://evil@github.com/acme/shop", "https://github.com/acme/shop/x"],
)
def test_another_repository(uri: str) -> None:
    assert source_of(uri) != "github.com/acme/shop"
