"""artifact-bound: this deploy may go if what it deploys is known by its digest and, where the policy asks, was built from what was judged."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from changegate.decision import Finding, Outcome, Remedy
from changegate.facts import Artifact, Deployment, Facts, Provenance
from changegate.pipeline_rules import ArtifactBound

ID: Final = "artifact-bound"


class Reason(StrEnum):
    """Why; each is explained in docs/controls/artifact-bound.md."""

    NAMED = "named"
    BUILT_FROM_IT = "built-from-it"
    NO_ARTIFACT = "no-artifact"
    NO_PROVENANCE = "no-provenance"
    NOT_BELIEVED = "not-believed"
    OTHER_SOURCE = "other-source"


def evaluate(facts: Facts, rules: ArtifactBound) -> Iterator[Finding]:
    """One finding for each artifact, or one that there is none; nothing where the control is off.

    1. At least one artifact is named by its digest.
    2. Where the policy asks for provenance: one that a builder of the policy signed names this digest, this repository, and the commit to deploy.
    """
    if not rules.enabled:
        return
    if not facts.deployment.artifacts:
        step = "name what is deployed: --artifact NAME@sha256:DIGEST, or the file itself: --artifact FILE. And deploy it by that digest"
        yield _finding(Outcome.FAIL, Reason.NO_ARTIFACT, "nothing is named that is deployed", rules, step)
    for artifact in facts.deployment.artifacts:
        yield _judge(artifact, facts, rules)


def _judge(artifact: Artifact, facts: Facts, rules: ArtifactBound) -> Finding:
    name = f"{artifact.name}@sha256:{artifact.sha256[:12]}…"
    if rules.provenance == "none":
        return _finding(Outcome.PASS, Reason.NAMED, f"{name} is deployed", rules)
    about = [each for each in facts.provenances if artifact.sha256 in each.subjects]
    believed = [each for each in about if not each.defect]
    built = next((each for each in believed if is_from(each, facts.deployment)), None)
    if built is not None:
        return _finding(
            Outcome.PASS, Reason.BUILT_FROM_IT, f"{name} was built from {built.commit[:10]} by {built.builder}; {built.signer} says so", rules
        )
    if believed:
        other = believed[0]
        where = f"{other.commit[:10]} of {other.source}" if other.commit else f"what it doesn't say ({other.source or 'no source'})"
        step = "deploy what was built from the commit that is judged; or judge the one that it was built from: --head COMMIT"
        return _finding(Outcome.FAIL, Reason.OTHER_SOURCE, f"{name} was built from {where}, not from {facts.deployment.head[:10]}", rules, step)
    # What can't be read names no digest: it is told where nothing better is there.
    refused = next((each for each in (*about, *facts.provenances) if each.defect), None)
    if refused is not None:
        step = "have it built, and its provenance signed, by a builder that the deployed policy names"
        return _finding(Outcome.FAIL, Reason.NOT_BELIEVED, f"{name}: its provenance isn't believed: {refused.defect}", rules, step)
    step = (
        "attest it where it is built (GitHub: actions/attest-build-provenance; else `cosign attest`), and give the gate the file: --provenance FILE"
    )
    return _finding(Outcome.FAIL, Reason.NO_PROVENANCE, f"{name}: no provenance names its digest", rules, step)


def is_from(provenance: Provenance, deployment: Deployment) -> bool:
    """Whether it says that this repository's commit was built. Without a forge's address, the commit's id alone has to tell the repository."""
    if provenance.commit != deployment.head:
        return False
    return not deployment.server_url or provenance.source == source_of(f"{deployment.server_url}/{deployment.repository}")


def source_of(uri: str) -> str:
    """The repository that a URI names, in one form: without scheme, ref and `.git` (SPDX download locations, which SLSA takes up)."""
    place = uri.removeprefix("git+").partition("://")[2] or uri
    host, slash, path = place.partition("/")
    return f"{host}{slash}{path.partition('@')[0].removesuffix('/').removesuffix('.git')}".casefold()


def _finding(outcome: Outcome, reason: Reason, observed: str, rules: ArtifactBound, step: str = "") -> Finding:
    required = "what is deployed is named by its digest"
    if rules.provenance == "required":
        required += ", and a builder that the policy names says that it was built from the commit to deploy"
    remedy = Remedy(who="whoever keeps the pipeline", step=step) if step else None
    return Finding(control=ID, change=None, outcome=outcome, reason=reason, observed=observed, required=required, remedy=remedy)
