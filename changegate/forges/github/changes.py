"""The changes of a range: every commit to its change, every change with its facts."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from changegate.errors import ForgeError
from changegate.facts import Change, Deployment, DeployRange, RangeCommit, Ticket
from changegate.forges import Needs
from changegate.forges.github.answer import Answer
from changegate.forges.github.association import Landing, Pull, Unsettled, read_pull, settle
from changegate.forges.github.client import Client
from changegate.forges.github.files import fetch_files
from changegate.forges.github.pages import batches, read_all
from changegate.forges.github.queries import (
    ASSOCIATED,
    COMMITS_AT_ONCE,
    PARENTS,
    PULLS_AT_ONCE,
    REFERENCES_AT_ONCE,
    Reference,
    commits,
    pulls,
    referenced,
)
from changegate.forges.github.range import Repository
from changegate.forges.github.tickets import find_references, read_referenced
from changegate.forges.github.translate import Source, commit_change, pull_change, strays
from changegate.forges.github.updates import fetch_update_merges
from changegate.forges.patience import OverloadError

_LAG: Final = (1.0, 2.0, 4.0)
"""Seconds between the attempts to learn a commit's change: GitHub's answer lags seconds behind a merge."""


class _Found(NamedTuple):
    """A commit of the range, what GitHub says of it, and which change that makes it."""

    answer: Answer
    settled: Pull | Unsettled


def fetch(client: Client, repository: Repository, deployment: Deployment, deploy_range: DeployRange, host: str, needs: Needs) -> tuple[Change, ...]:
    """The protocol's `fetch_changes`."""
    if not deploy_range.commits:
        return ()
    source = Source(client.query, f"{repository.owner}/{repository.name}", host, deployment.run.id)
    found, landing = _associate(client, repository, deployment, deploy_range)
    wanted = {each.settled.number: each.settled for each in found.values() if isinstance(each.settled, Pull)}
    named = {number: find_references(pull.body, source.repository, host) for number, pull in wanted.items()}
    answers: dict[int, Answer] = {}
    resolved: dict[Reference, Ticket | None] = {}
    for some in batches(list(wanted.values()), PULLS_AT_ONCE):
        fetch_pulls(client, some, list(dict.fromkeys(one for pull in some for one in named[pull.number])), answers, resolved)
    landed_on = {commit.sha: commit.parents[0] for commit in deploy_range.commits if commit.parents}
    changes = []
    for number, pull in wanted.items():
        landed = tuple(sha for sha, each in found.items() if isinstance(each.settled, Pull) and each.settled.number == number)
        change = pull_change(source, pull, answers[number], landed, named[number], resolved)
        change = with_needs(client, repository, change, answers[number], needs, onto=landed_on.get(pull.merge_commit or "", ""), number=number)
        by_hand = strays(change, pull.merge_commit, true_merge=pull.merge_commit in landing.merges)
        for sha in by_hand:
            why = f"it is one of the commits that #{number} squashed or rebased: it came to {landing.branch} by other means"
            found[sha] = found[sha]._replace(settled=Unsettled(why, lists_none=False, may_lag=False))
        changes.append(change.model_copy(update={"landed": tuple(sha for sha in landed if sha not in by_hand)}))
    changes += [commit_change(source, each.answer, sha, each.settled) for sha, each in found.items() if isinstance(each.settled, Unsettled)]
    place = {commit.sha: index for index, commit in enumerate(deploy_range.commits)}
    return tuple(sorted((change for change in changes if change.landed), key=lambda change: place[change.landed[0]]))


def with_needs(client: Client, repository: Repository, change: Change, answer: Answer, needs: Needs, *, onto: str, number: int) -> Change:
    """The change with what the policy asks of it besides. `onto` is the commit that it landed on, or would."""
    if needs.files:
        change = change.model_copy(update={"files": fetch_files(client, repository, number, answer)})
    if needs.update_merges:
        change = change.model_copy(update={"update_merges": fetch_update_merges(client, repository, change.commits, onto)})
    return change


def _associate(client: Client, repository: Repository, deployment: Deployment, deploy_range: DeployRange) -> tuple[dict[str, _Found], Landing]:
    """Every commit of the range with its change, in the range's order; asked again, with a bound, where the answer may lag."""
    asked = {commit.sha: commit for commit in deploy_range.commits}
    due = list(asked)
    found: dict[str, _Found] = {}
    landing: Landing | None = None
    for pause in (0.0, *_LAG):
        if pause and not client.wait(pause):
            break
        for some in batches(due, COMMITS_AT_ONCE):
            answer = client.query(commits(some, checks=bool(pause)), repository.variables()).at("repository")
            landing = landing or Landing.of(answer.number("databaseId"), _branch(deployment, answer), deploy_range.commits, deploy_range.head)
            for index, sha in enumerate(some):
                commit = _same(client, answer.at(f"c{index}"), asked[sha])
                listed = [read_pull(pull) for pull in read_all(client.query, commit, ASSOCIATED)]
                found[sha] = _Found(commit, settle(sha, listed, landing))
        due = [sha for sha in due if isinstance(settled := found[sha].settled, Unsettled) and settled.may_lag]
        if not due:
            break
    if landing is None:
        raise ForgeError("There was no time left to ask GitHub about the commits", remedy="Give more time: --timeout.")
    return found, landing


def _same(client: Client, answer: Answer, commit: RangeCommit) -> Answer:
    """The answer, if both of GitHub's APIs say the same of the commit."""
    parents = tuple(parent.text("oid") for parent in read_all(client.query, answer, PARENTS))
    if (answer.text("oid"), answer.at("tree").text("oid"), parents) != (commit.sha, commit.tree, commit.parents):
        raise ForgeError(f"GitHub says different things about commit {commit.sha}", remedy="Run the job again; if it stays, ask GitHub's support.")
    return answer


def _branch(deployment: Deployment, repository: Answer) -> str:
    """The deployed branch; a tag or a bare commit is deployed from the default branch."""
    ref = deployment.ref
    if ref and not ref.startswith("refs/"):
        return ref
    return ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else repository.at("defaultBranchRef").text("name")


def fetch_pulls(
    client: Client, some: Sequence[Pull], references: Sequence[Reference], answers: dict[int, Answer], resolved: dict[Reference, Ticket | None]
) -> None:
    """Fill `answers` and `resolved`. A request that GitHub keeps failing on is halved: it ends queries that take it longer than ten seconds."""
    first = [reference for reference in references if reference not in resolved][:REFERENCES_AT_ONCE]
    try:
        answer = client.query(pulls(first), {"ids": [pull.id for pull in some]})
    except OverloadError:
        if len(some) == 1:
            raise
        middle = len(some) // 2
        fetch_pulls(client, some[:middle], references, answers, resolved)
        fetch_pulls(client, some[middle:], (), answers, resolved)
        return
    resolved.update(read_referenced(answer, first))
    for rest in batches([reference for reference in references if reference not in resolved and reference not in first], REFERENCES_AT_ONCE):
        resolved.update(read_referenced(client.query(referenced(rest)), list(rest)))
    nodes = answer.at("nodes")
    if not isinstance(nodes.value, list) or len(nodes.value) != len(some):
        raise ForgeError("GitHub answered for another number of pull requests than asked", remedy="Run the job again.")
    for pull, value in zip(some, nodes.value, strict=True):
        answers[pull.number] = Answer({"pull": value}, f"#{pull.number}")
