"""A merge request that is still open, with the same facts as a merged one."""

from urllib.parse import quote

from changegate.errors import ForgeError, InputError
from changegate.facts import MISSING, Known, Missing, Unavailable
from changegate.forges import OpenChange
from changegate.forges.answer import UnreadableError, known
from changegate.forges.gitlab.changes import Source, read_change
from changegate.forges.gitlab.client import Answer
from changegate.forges.gitlab.deployments import successes
from changegate.forges.gitlab.faults import NotFoundError
from changegate.forges.gitlab.versions import learn_authors


def find_target(source: Source, number: int) -> str:
    """The protocol's `find_target`."""
    branch = _find(source, number).text("target_branch")
    try:
        return source.client.get(f"/projects/{source.project}/repository/branches/{quote(branch, safe='')}").at("commit").text("id")
    except NotFoundError:
        raise InputError(
            f"the branch into which !{number} is to be merged is gone: {branch}", remedy="Change the merge request's target branch."
        ) from None


def fetch_open(source: Source, number: int, environment: str) -> OpenChange:
    """The protocol's `fetch_open_change`."""
    detail = _find(source, number)
    head = detail.text("sha")
    learn_authors(source.client, source.people, [detail])
    listed = known(lambda: source.client.list_all(f"/projects/{source.project}/merge_requests/{number}/commits"))
    change = read_change(source, detail, (), listed)
    if _find(source, number).text("sha") != head:
        raise UnreadableError(f"!{number} was pushed to while it was read", remedy="Run the job again; the push starts one of its own.")
    return OpenChange(change, detail.flag("draft"), head, _deployed(source, environment), f"refs/merge-requests/{number}/head")


def _find(source: Source, number: int) -> Answer:
    try:
        detail = source.client.get(f"/projects/{source.project}/merge_requests/{number}")
    except NotFoundError as error:
        raise InputError(f"{source.path} has no merge request !{number} that the token may see", remedy=error.remedy) from None
    if detail.number("iid") != number:
        raise UnreadableError(f"GitLab answered for another merge request than !{number}", remedy="Run the job again.")
    state = detail.text("state")
    if state == "merged":
        raise InputError(f"!{number} is merged already", remedy="`changegate gate` judges what is merged, when it is deployed.")
    if state == "closed":
        raise InputError(f"!{number} is closed, and was not merged", remedy="Reopen it to have it judged; nothing of it will be deployed as it is.")
    if state not in {"opened", "locked"}:
        raise UnreadableError(f"GitLab reports !{number} in the unknown state {state}", remedy="Update changegate.")
    return detail


def _deployed(source: Source, environment: str) -> Known[str | Missing]:
    try:
        found = next(successes(source.client, source.project, environment), None)
    except ForgeError as error:
        return Unavailable(why=error.message, remedy=error.remedy)
    return found.baseline.commit if found is not None else MISSING
