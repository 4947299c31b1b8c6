"""What a deploy brings: the last successful deployment of the environment, compared with the head over the full ancestry.

Deployments come from GraphQL (with their statuses), the comparison from REST, which alone compares two commits and pages through the result.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from changegate.errors import ForgeError, InputError
from changegate.facts import MISSING, Assurance, BaseSource, Deployment, DeployRange, RangeCommit, RangeOutcome
from changegate.forges import Baseline
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.client import Client
from changegate.forges.github.commits import read_sha, subject_of
from changegate.forges.github.faults import NotFoundError
from changegate.forges.github.pages import read_all
from changegate.forges.github.queries import DEPLOYED, DEPLOYMENTS, REVISION, STATUSES
from changegate.forges.graph import oldest_first, reaches

_PAGE: Final = 100
_RELATIONS: Final = frozenset({"ahead", "behind", "identical", "diverged"})


class Comparison(NamedTuple):
    """How `head` stands to `base`, and the commits that it has more."""

    relation: str
    commits: tuple[RangeCommit, ...]
    fork_tree: str = ""
    """The tree of the commit at which the two part; the base's own where `head` is ahead."""
    fork: str = ""
    """That commit."""


class Succeeded(NamedTuple):
    """A deployment that succeeded. `gone`: GitHub shows no commit for it; if it can't be compared either, the branch was rewritten."""

    baseline: Baseline
    gone: bool
    at: datetime


class Repository(NamedTuple):
    """The repository that is asked about."""

    owner: str
    name: str

    def variables(self, **more: str | None) -> dict[str, str | None]:
        """GraphQL variables that name it."""
        return {"owner": self.owner, "name": self.name, **more}


def resolve(
    client: Client,
    repository: Repository,
    deployment: Deployment,
    *,
    requested: str | None,
    logged: Baseline | None,
    believe_deployments: bool = True,
) -> DeployRange:
    """The protocol's `resolve_range`."""
    found = next(successes(client, repository, deployment.environment), None) if believe_deployments else None
    known = found.baseline if found is not None else logged
    baseline = known
    if requested is not None:
        asked = resolve_revision(client, repository, requested)
        if known is not None and known.commit != asked:
            _require_wider(client, repository, asked, known)
        if known is None or known.commit != asked:
            baseline = Baseline(asked, BaseSource.OPTION)
    if baseline is None:
        raise InputError(
            f"GitHub knows no successful deployment to {deployment.environment}, and the log holds none: nothing says what is deployed now",
            remedy="A first deploy needs a baseline: pass --base with the commit that is deployed now; all up to it is taken as it is.",
        )
    try:
        resolved = _range(client, repository, deployment.head, baseline, first=known is None)
        if known is not None and known.commit != baseline.commit:
            from_known = _range(client, repository, deployment.head, known, first=False)
            if from_known.outcome is RangeOutcome.REWRITTEN:
                return from_known  # a wider range would hide that
        if resolved.outcome is RangeOutcome.ROLLBACK:
            times = [each.at for each in successes(client, repository, deployment.environment) if each.baseline.commit == deployment.head]
            return resolved.model_copy(update={"head_deployed_at": min(times, default=MISSING)})
        return resolved.model_copy(update={"deployed": known.commit if known is not None and known.commit != resolved.base else ""})
    except NotFoundError as missing:
        base, source, url = baseline
        if found is not None and found.gone and baseline is known:
            return DeployRange(
                outcome=RangeOutcome.REWRITTEN, base=base, head=deployment.head, base_source=source, base_url=url, assurance=Assurance.FORGE
            )
        where = {BaseSource.LOG: ", which the log in --store says is deployed,", BaseSource.OPTION: ", given by --base,"}.get(source, "")
        raise ForgeError(f"{base}{where} can't be compared with {deployment.head}: {missing.message}", remedy=missing.remedy) from None


def _require_wider(client: Client, repository: Repository, asked: str, known: Baseline) -> None:
    if compare(client, repository, asked, known.commit).relation != "ahead":
        raise InputError(
            f"--base {asked} is no ancestor of {known.commit}, which is deployed now: it would leave changes out",
            remedy="Leave --base away, or pass an ancestor of the deployed commit.",
        )


def _range(client: Client, repository: Repository, head: str, baseline: Baseline, *, first: bool) -> DeployRange:
    base, source, url = baseline
    comparison = compare(client, repository, base, head)
    outcome = {
        "ahead": RangeOutcome.FIRST_DEPLOY if first else RangeOutcome.AHEAD,
        "identical": RangeOutcome.FIRST_DEPLOY if first else RangeOutcome.REDEPLOY,
        "behind": RangeOutcome.REWRITTEN if first else RangeOutcome.ROLLBACK,
        "diverged": RangeOutcome.REWRITTEN,
    }[comparison.relation]
    backwards = outcome in (RangeOutcome.ROLLBACK, RangeOutcome.REWRITTEN)
    taken = compare(client, repository, head, base).commits if backwards else ()
    return DeployRange(
        outcome=outcome,
        base=base,
        head=head,
        base_source=source,
        base_url=url,
        base_tree=comparison.fork_tree if comparison.relation == "ahead" else "",
        assurance=Assurance.FORGE,
        commits=comparison.commits,
        removed=taken,
    )


def resolve_revision(client: Client, repository: Repository, revision: str) -> str:
    """The full id of the commit that a revision names. Raises `InputError` where there is none."""
    nothing = InputError(
        f"{revision} names no commit of {repository.owner}/{repository.name}", remedy="Pass a commit id, a branch or a tag that is on GitHub."
    )
    if not revision or revision.startswith("-") or not revision.isprintable():
        raise nothing
    found = client.query(REVISION, repository.variables(revision=revision)).at("repository").get("object")
    while found is not None and found.text("__typename") == "Tag":
        found = found.get("target")
    if found is None or found.text("__typename") != "Commit":
        raise nothing
    return read_sha(found, "oid")


def successes(client: Client, repository: Repository, environment: str) -> Iterator[Succeeded]:
    """The deployments to `environment` that succeeded, the newest first. Raises `ForgeError` where a page is not whole."""
    after: str | None = None
    seen: set[str] = set()
    while True:
        page = client.query(DEPLOYED, repository.variables(environment=environment, after=after)).at("repository").at(DEPLOYMENTS.name)
        total, before = page.number(DEPLOYMENTS.counted), len(seen)
        nodes = page.items("nodes")
        seen.update(node.text("id") for node in nodes)
        if len(seen) != before + len(nodes):
            raise _not_whole("deployments", "repeats a deployment")
        for node in nodes:
            # The filter is GitHub's, so it is checked; case makes no difference between environments.
            if node.text("environment").casefold() == environment.casefold() and (succeeded := _succeeded(client, node)):
                yield succeeded
        if not page.at("pageInfo").flag("hasNextPage"):
            if len(seen) != total:
                raise _not_whole("deployments", f"brought {len(seen)} of {total}")
            return
        if not nodes or len(seen) >= total:
            raise _not_whole("deployments", f"goes on after {len(seen)} of {total}")
        after = page.at("pageInfo").text("endCursor")


def _succeeded(client: Client, node: Answer) -> Succeeded | None:
    """The deployment, if it succeeded and nothing failed since. `INACTIVE` says only that a newer one took its place."""
    statuses = read_all(client.query, node, STATUSES)
    times = [(status.text("state"), status.time("createdAt"), status) for status in statuses]
    failed = [at for state, at, _ in times if state in {"FAILURE", "ERROR"}]
    succeeded = [(at, status) for state, at, status in times if state == "SUCCESS" and not any(at <= failure for failure in failed)]
    if not succeeded:
        return None
    at, status = max(succeeded, key=lambda each: each[0])
    url = status.text("logUrl") if status.get("logUrl") is not None else ""
    return Succeeded(Baseline(read_sha(node, "commitOid"), BaseSource.DEPLOYMENT, url), gone=node.get("commit") is None, at=at)


def compare(client: Client, repository: Repository, base: str, head: str) -> Comparison:
    """How `head` stands to `base`. Raises `ForgeError` where the list of commits is not whole.

    Source: REST "Compare two commits"; `total_commits` counts all pages together.
    """
    if base == head:
        return Comparison("identical", ())
    path = f"/repos/{repository.owner}/{repository.name}/compare/{quote(base, safe='')}...{quote(head, safe='')}"
    commits: dict[str, RangeCommit] = {}
    page = 1
    while True:
        try:
            answer = client.get(path, {"per_page": _PAGE, "page": page})
        except NotFoundError as missing:
            if missing.said.startswith("No common ancestor"):
                return Comparison("diverged", ())
            raise
        relation, total = answer.text("status"), answer.number("total_commits")
        if relation not in _RELATIONS:
            raise _not_whole("comparison", f"says {relation}")
        got = [_read_range_commit(commit) for commit in answer.items("commits")]
        before = len(commits)
        commits.update((commit.sha, commit) for commit in got)
        if len(commits) != before + len(got) or len(commits) > total:
            raise _not_whole("comparison", f"repeats commits: {before + len(got)} of {total}")
        if len(commits) == total:
            _check_whole(answer, relation, base, head, commits)
            fork = answer.at("merge_base_commit")
            return Comparison(relation, oldest_first(list(commits.values())), read_sha(fork.at("commit").at("tree"), "sha"), read_sha(fork, "sha"))
        if not got:
            raise _not_whole("comparison", f"brought {len(commits)} of {total} commits")
        page += 1


def _check_whole(answer: Answer, relation: str, base: str, head: str, commits: dict[str, RangeCommit]) -> None:
    """What the comparison says of itself must agree: its counts, its merge base, and a graph without holes."""
    ahead, behind = answer.number("ahead_by"), answer.number("behind_by")
    expected = {
        "ahead": ahead > 0 and behind == 0,
        "behind": ahead == 0 and behind > 0,
        "identical": ahead == behind == 0,
        "diverged": ahead > 0 and behind > 0,
    }
    if not expected[relation] or ahead != len(commits):
        raise _not_whole("comparison", f"says {relation}, {ahead} ahead and {behind} behind, and brought {len(commits)} commits")
    fork = read_sha(answer.at("merge_base_commit"), "sha")
    if relation in {"ahead", "behind"} and fork != {"ahead": base, "behind": head}[relation]:
        raise _not_whole("comparison", f"says {relation}, and names the merge base {fork}")
    if not reaches(list(commits.values()), head):
        raise _not_whole("comparison", f"holds commits that don't lead to {head}")


def _read_range_commit(answer: Answer) -> RangeCommit:
    commit = answer.at("commit")
    return RangeCommit(
        sha=read_sha(answer, "sha"),
        tree=read_sha(commit.at("tree"), "sha"),
        parents=tuple(read_sha(parent, "sha") for parent in answer.items("parents")),
        subject=subject_of(commit.text("message")),
        by_forge=_is_by_forge(answer),
    )


def _is_by_forge(answer: Answer) -> bool:
    """Whether GitHub made the commit: its own account committed it, and its signature was verified. Anything else is somebody's."""
    verification, committer = answer.at("commit").get("verification"), answer.get("committer")
    if verification is None or committer is None or committer.get("login") is None:
        return False
    return verification.flag("verified") and committer.text("login") == "web-flow"


def _not_whole(what: str, how: str) -> UnreadableError:
    return UnreadableError(
        f"GitHub's {what} {how}: it can't be trusted to be whole", remedy="Run the job again; if it stays, report it with the output of -v."
    )
