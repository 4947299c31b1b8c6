"""The policy's rules for what the pipeline brings along of what it deploys: reports of its tests, artifacts, and who built them. Models only."""

from typing import Annotated, Literal

from pydantic import Field

from changegate.policy_defects import ISSUER, PUBLIC_KEY
from changegate.rules import Name, Rules
from changegate.signing import identity


class TestsReported(Rules):
    """The pipeline's own reports say that the tests of the commit to deploy passed."""

    __test__ = False

    enabled: bool = False
    min_tests: Annotated[int, Field(ge=1, le=10_000_000)] = Field(1, description="How many tests must have run and passed.")
    min_coverage: Annotated[int, Field(ge=0, le=100)] = Field(
        0, description="How many percent of the lines they must cover. 0: no coverage is asked for."
    )


class Builder(Rules):
    """Somebody whom an OIDC issuer names, as Sigstore's certificates repeat it."""

    issuer: Annotated[str, Field(pattern=ISSUER)] = Field(description="Such as https://token.actions.githubusercontent.com.")
    identity: Name = Field(description="A workflow's address with its ref, or a mail address. `*` stands for any letters but `/` and `@`.")

    def matches(self, issuer: str, name: str) -> bool:
        """Whether this is who is meant."""
        return issuer == self.issuer and identity.matches(self.identity, name)


class ArtifactBound(Rules):
    """What is deployed is named by its digest, and was built from what was judged."""

    enabled: bool = False
    provenance: Literal["none", "required"] = Field(
        "none", description="`required`: each artifact needs a signed SLSA provenance that names this repository and the commit to deploy."
    )
    builders: tuple[Builder, ...] = Field((), strict=False, max_length=50, description="Whose provenance counts: identities that Sigstore certifies.")
    builder_keys: tuple[Annotated[str, Field(pattern=PUBLIC_KEY)], ...] = Field(
        (), strict=False, max_length=50, description="And keys, as PEM: Ed25519, or ECDSA over P-256."
    )
