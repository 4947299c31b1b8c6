"""What is known about a deploy as a whole: where it goes, who and what runs it, and the commits that it brings or takes away."""

from enum import StrEnum

from changegate.facts.change import Identity
from changegate.facts.values import MISSING, Assurance, Fact, Maybe, Text, Time


class RangeOutcome(StrEnum):
    """How the commit to deploy stands to the one that is deployed."""

    AHEAD = "ahead"
    FIRST_DEPLOY = "first-deploy"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    REWRITTEN = "rewritten"


class BaseSource(StrEnum):
    """Who says what is deployed now."""

    DEPLOYMENT = "deployment"
    LOG = "log"
    OPTION = "option"


class RangeCommit(Fact):
    """A commit between base and head."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    subject: Text
    by_forge: bool = False
    """Whether the forge itself made it, by its own verified identity."""
    restored_at: tuple[str, ...] = ()
    """Later commits of the deployed branch at which every file that this one changed is again exactly as before it. Empty where nobody looked."""
    clean: bool = False
    """For a merge of two: whether it holds just what git makes of its parents, with nothing slipped in and no conflict resolved."""


class DeployRange(Fact):
    """Every commit that this deploy brings (`commits`) or takes away (`removed`), over the full ancestry."""

    outcome: RangeOutcome
    base: str
    head: str
    base_source: BaseSource
    base_url: Text = ""
    base_tree: str = ""
    """The tree of the base, where it is known."""
    deployed: str = ""
    """The commit that is known to be deployed, where a wider range was asked for: what is trusted is read there, not at the base."""
    assurance: Assurance = Assurance.ASSERTED
    """Who vouches that these are the commits."""
    head_deployed_at: Maybe[Time] = MISSING
    """For a rollback: when the forge says that the head was deployed here, for the first time."""
    commits: tuple[RangeCommit, ...] = ()
    removed: tuple[RangeCommit, ...] = ()


class Version(Fact):
    """A version that was deployed to this environment before, and may be returned to."""

    commit: str
    names: tuple[Text, ...] = ()
    artifacts: tuple["Artifact", ...] = ()
    """What was deployed as this version, as the log has it; looked up for versions that a rollback plan returns to."""


class Run(Fact):
    """The pipeline run that deploys."""

    id: Text
    attempt: int = 1
    url: Text = ""
    workflow: Text = ""
    workflow_ref: Text = ""
    workflow_sha: Text = ""
    trigger: Text = ""


class Artifact(Fact):
    """Something that is deployed, by the digest of its bytes."""

    name: Text
    sha256: str


class Provenance(Fact):
    """What somebody signed of how something was built."""

    sha256: str
    """Of the attestation's bytes, as they were given."""
    subjects: tuple[str, ...] = ()
    """Those of the deploy's artifacts that it names, by their digests."""
    builder: Text = ""
    signer: Text = ""
    """The key, by the beginning of its id, or the identity, that the policy names for a builder."""
    source: Text = ""
    """The repository that it was built from, without scheme and ref."""
    commit: Text = ""
    defect: Text = ""
    """Why it isn't believed. Then nothing else of it is recorded."""


class Deployment(Fact):
    """Which deploy this is, as the pipeline says."""

    forge: Text
    repository: Text
    repository_id: Text = ""
    server_url: Text = ""
    environment: Text
    head: str
    ref: Text = ""
    deployer: Maybe[Identity] = MISSING
    run: Run
    artifacts: tuple[Artifact, ...] = ()
