"""The changes of a deploy range: which merge request brought each commit, and all that GitLab knows of it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from changegate.errors import ForgeError
from changegate.facts import Assurance, Change, ChangeKind, Check, CheckState, Commit, Deployment, DeployRange, Known, Retarget, Unavailable
from changegate.forges import Needs
from changegate.forges.answer import UnreadableError, known
from changegate.forges.caps import cut_description, cut_line
from changegate.forges.gitlab.associating import associate
from changegate.forges.gitlab.association import Landing
from changegate.forges.gitlab.checks import read_checks
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.content import read_tree
from changegate.forges.gitlab.files import read_files
from changegate.forges.gitlab.notes import Notes, read_notes
from changegate.forges.gitlab.people import People
from changegate.forges.gitlab.reviews import read_reviews
from changegate.forges.gitlab.tickets import read_tickets
from changegate.forges.gitlab.versions import History, learn_authors, read_commits, read_history


class Source(NamedTuple):
    """Whom the facts are asked of."""

    client: Client
    people: People
    project: str
    """The project's path, encoded for an address."""
    path: str
    """The same, for people."""
    job: str
    """The job that deploys: its own state says nothing."""
    needs: Needs
    trees: Mapping[str, str]
    """The trees of the range's commits, as the repository at hand has them."""


def fetch(source: Source, deployment: Deployment, deploy_range: DeployRange) -> tuple[Change, ...]:
    """The protocol's `fetch_changes`."""
    if not deploy_range.commits:
        return ()
    landing = _landing(source, deployment, deploy_range)
    found = associate(source.client, source.project, landing)
    details = source.client.gather(lambda number: _request(source, number), sorted(found.brought))
    learn_authors(source.client, source.people, details)
    place = {commit.sha: index for index, commit in enumerate(deploy_range.commits)}
    due = [(detail, tuple(sorted(found.brought[detail.number("iid")], key=place.__getitem__))) for detail in details]
    changes = source.client.gather(lambda each: read_change(source, each[0], each[1], found.commits[each[0].number("iid")]), due)
    changes += source.client.gather(lambda sha: _commit_change(source, sha, found.why.get(sha, "")), list(found.left))
    return tuple(sorted(changes, key=lambda change: place[change.landed[0]]))


def _request(source: Source, number: int) -> Answer:
    return source.client.get(f"/projects/{source.project}/merge_requests/{number}")


def _landing(source: Source, deployment: Deployment, deploy_range: DeployRange) -> Landing:
    project = source.client.get(f"/projects/{source.project}")
    branch = deployment.ref.removeprefix("refs/heads/")
    if not branch or branch.startswith("refs/"):  # a tag, or a bare commit, is deployed from the default branch
        branch = project.text("default_branch")
    return Landing.of(project.number("id"), branch, deploy_range.commits, deploy_range.head)


def read_change(source: Source, detail: Answer, landed: tuple[str, ...], listed: Known[Sequence[Answer]]) -> Change:
    """A merge request as a change: `landed` are the commits of the range that it brought (none where it is open).

    `listed` are its own commits, the newest first.
    """
    number, url, description = detail.number("iid"), detail.text("web_url"), cut_description(_written(detail, "description"))
    path = f"/projects/{source.project}/merge_requests/{number}"
    client, people = source.client, source.people
    history = listed if isinstance(listed, Unavailable) else known(lambda: read_history(client, people, path, listed))
    head = known(lambda: _head(detail, history))
    notes = known(lambda: read_notes(client, path))
    merged = detail.text("state") == "merged"
    change = Change(
        id=f"!{number}",
        kind=ChangeKind.PULL_REQUEST,
        assurance=Assurance.FORGE,
        title=cut_line(detail.text("title")),
        url=url,
        author=people.identity(detail.get("author")),
        description=description,
        labels=known(lambda: tuple(cut_line(str(label)) for label in detail.at("labels").value)),
        base_ref=detail.text("target_branch"),
        head_ref=detail.text("source_branch"),
        commits=listed if isinstance(listed, Unavailable) else known(lambda: _commits(source, listed, head)),
        former=history if isinstance(history, Unavailable) else history.former,
        pushers=notes if isinstance(notes, Unavailable) else known(lambda: notes.pushers(people)),
        landed=landed,
        head=head,
        head_tree=head if isinstance(head, Unavailable) else known(lambda: _tree(source, head)),
        created_at=known(lambda: detail.time("created_at")),
        reviews=notes
        if isinstance(notes, Unavailable)
        else known(lambda: read_reviews(client, people, path, url, history, notes, asked=_reviewers(detail))),
        force_pushed_at=history if isinstance(history, Unavailable) else history.rewritten_at,
        retargeted=_retargets(notes, history),
        tickets=known(lambda: read_tickets(client, source.project, path, description, people if source.needs.requesters else None)),
        checks=head if isinstance(head, Unavailable) else known(lambda: _checks(source, detail, head, landed)),
    )
    if source.needs.files:
        change = change.model_copy(update={"files": known(lambda: read_files(client, path, detail))})
    if source.needs.update_merges:
        gap = Unavailable(
            why="GitLab doesn't say which merges it made itself", remedy="Leave ignore-update-merges out: have the change approved again."
        )
        change = change.model_copy(update={"update_merges": gap})
    if merged:
        merger = "merge_user" if detail.value.get("merge_user") is not None else "merged_by"
        change = change.model_copy(
            update={"merged_at": known(lambda: detail.time("merged_at")), "merged_by": known(lambda: people.identity(detail.get(merger)))}
        )
    return change


def _retargets(notes: Known[Notes], history: Known[History]) -> Known[tuple[Retarget, ...]]:
    if isinstance(notes, Unavailable):
        return notes
    return history if isinstance(history, Unavailable) else notes.retargets(history.widened_at)


def _reviewers(detail: Answer) -> tuple[int, ...] | None:
    """Who is asked to review; None where GitLab doesn't say (before 13.8)."""
    return tuple(each.number("id") for each in detail.items("reviewers")) if "reviewers" in detail.value else None


def _head(detail: Answer, history: Known[History]) -> str:
    head = detail.text("sha")
    if isinstance(history, Unavailable):
        raise UnreadableError(history.why, remedy=history.remedy)
    if history.versions[-1].head != head:
        raise UnreadableError("GitLab's newest diff version isn't of the merge request's head", remedy="Run the job again in a minute.")
    return head


def _commits(source: Source, listed: Sequence[Answer], head: Known[str]) -> tuple[Commit, ...]:
    if not isinstance(head, Unavailable) and (not listed or listed[0].text("id") != head):
        raise UnreadableError("GitLab's list of the merge request's commits doesn't end in its head", remedy="Run the job again.")
    return read_commits(source.people, listed, source.trees)


def _tree(source: Source, head: str) -> str:
    return source.trees[head] if head in source.trees else read_tree(source.client, source.project, head)


def _checks(source: Source, detail: Answer, head: str, landed: tuple[str, ...]) -> tuple[Check, ...]:
    """The checks of the final head (where they ran on a merge of it with its target, too), and of the commit that landed.

    Of those that GitLab ran and keeps in a fork only what is wrong counts: whoever owns it has its runners, its variables and every status in hand.
    """
    client = source.client
    found = list(read_checks(client, source.project, head, own_job=source.job))
    pipeline = detail.get("head_pipeline")
    if pipeline is not None:
        sha, project = pipeline.text("sha"), str(pipeline.number("project_id"))
        elsewhere = project != str(detail.number("target_project_id"))
        if (sha != head or elsewhere) and _is_of(client, project, sha, head):
            more = read_checks(client, project, sha, own_job=source.job, named=head)
            found += [each for each in more if not elsewhere or each.state is not CheckState.SUCCESS]
    if landed and landed[-1] != head:
        found += read_checks(client, source.project, landed[-1], own_job=source.job)
    return _worst_of_each(found)


def _is_of(client: Client, project: str, sha: str, head: str) -> bool:
    """Whether a pipeline's commit is the head, or a merge of it (merged results, merge trains). An older head's checks count for nothing."""
    return sha == head or head in client.get(f"/projects/{project}/repository/commits/{sha}").at("parent_ids").value


def _worst_of_each(checks: Sequence[Check]) -> tuple[Check, ...]:
    """One check for each name and commit: where two pipelines differ, both are told, under names of their own."""
    found: dict[tuple[str, str], Check] = {}
    for check in checks:
        key = (check.name, check.commit)
        if key in found and found[key].state is not check.state:
            check = check.model_copy(update={"name": f"{check.name} (merged result)"})
            key = (check.name, check.commit)
        found[key] = check
    return tuple(found.values())


def _commit_change(source: Source, sha: str, why: str) -> Change:
    """A commit that no merge request brought: a direct push where GitLab lists none, else unknown."""
    answer = source.client.get(f"/projects/{source.project}/repository/commits/{sha}")
    if answer.text("id") != sha:
        raise ForgeError(f"GitLab answered for another commit than {sha}", remedy="Run the job again.")
    gap = Unavailable(why=why, remedy="Revert the commit and bring it by a merge request of its own, into the deployed branch.")
    commits = known(lambda: read_commits(source.people, [answer], source.trees))
    first = commits if isinstance(commits, Unavailable) else commits[0]
    return Change(
        id=sha,
        kind=ChangeKind.UNKNOWN if why else ChangeKind.DIRECT_PUSH,
        assurance=Assurance.FORGE,
        title=cut_line(answer.text("title")),
        url=_written(answer, "web_url"),
        unknown=why,
        author=first if isinstance(first, Unavailable) else first.author,
        commits=commits,
        landed=(sha,),
        head=sha,
        head_tree=first if isinstance(first, Unavailable) else first.tree,
        reviews=gap if why else (),
        tickets=gap if why else (),
        checks=gap if why else known(lambda: read_checks(source.client, source.project, sha, own_job=source.job)),
    )


def _written(answer: Answer, key: str) -> str:
    value = answer.value.get(key) if isinstance(answer.value, dict) else None
    return value if isinstance(value, str) else ""
