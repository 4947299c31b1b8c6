"""Approvals and requested changes of a merge request, each with its time and the head that it was of.

GitLab's own `approved` flag is never read: without approval rules it is true with no approval at all. Nor does GitLab say which commit an approval
was of; the diff versions do. Sources: "Merge request approvals API", "Merge requests API" (reviewers), "Notes API" (system notes).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from changegate.facts import Known, Review, ReviewState, Unavailable
from changegate.forges.answer import UnreadableError, known
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.notes import APPROVED, REQUESTED, TAKEN_BACK, Notes
from changegate.forges.gitlab.people import People
from changegate.forges.gitlab.versions import History

_REVIEWER_STATES: Final = frozenset({"unreviewed", "reviewed", "requested_changes", "approved", "unapproved", "review_started"})


def read_reviews(
    client: Client, people: People, path: str, url: str, history: Known[History], notes: Notes, *, asked: Sequence[int] | None
) -> tuple[Review, ...]:
    """Every approval that stands, and every change that is requested. Raises `UnreadableError`, `ForgeError`.

    `asked` are the accounts that are asked to review (None: not told). Whoever requested changes may have been taken out of them since, or asked
    anew, by anybody who may edit the request: what GitLab noted stands until the same account approves.
    """

    def approved_at(approval: Answer) -> datetime:
        given = approval.value.get("approved_at")
        return approval.time("approved_at") if given is not None else notes.last(approval.at("user"), APPROVED, TAKEN_BACK)

    def requested_at(reviewer: Answer) -> datetime:
        return notes.last(reviewer.at("user"), REQUESTED)

    approvals = client.get(f"{path}/approvals").items("approved_by")
    reviewers = [] if asked is not None and not asked else client.list_all(f"{path}/reviewers", by="user")
    if not set(asked or ()) <= {each.at("user").number("id") for each in reviewers}:
        raise UnreadableError("GitLab's list of the merge request's reviewers isn't whole", remedy="Run the job again.")
    requests = [each for each in reviewers if _state(each) == "requested_changes"]
    known_already = {each.at("user").number("id") for each in requests}
    return (
        *(_review(people, each.get("user"), ReviewState.APPROVED, _when(approved_at, each), url, history) for each in approvals),
        *(_review(people, each.get("user"), ReviewState.CHANGES_REQUESTED, _when(requested_at, each), url, history) for each in requests),
        *(
            _review(people, note.author, ReviewState.CHANGES_REQUESTED, note.at, url, history)
            for note in notes.standing_requests()
            if note.number not in known_already
        ),
    )


def _when(read: Callable[[Answer], datetime], given: Answer) -> Known[datetime]:
    return known(lambda: read(given))


def _state(reviewer: Answer) -> str:
    state = reviewer.text("state")
    if state not in _REVIEWER_STATES:
        raise UnreadableError(f"GitLab reports a reviewer in the unknown state {state}", remedy="Update changegate.")
    return state


def _review(people: People, user: Answer | None, state: ReviewState, at: Known[datetime], url: str, history: Known[History]) -> Review:
    account = people.shown(user)
    seen: Known[str]
    if isinstance(history, Unavailable):
        seen = history
    elif isinstance(at, Unavailable):
        seen = at
    else:
        seen = known(lambda: history.head_at(at))
    return Review(
        id=f"{state.value}:{user.value.get('id') if user is not None else ''}",
        reviewer=account if isinstance(account, Unavailable) else account.identity,
        state=state,
        submitted_at=at,
        commit=seen,
        may_write=account if isinstance(account, Unavailable) else account.may_write,
        url=url,
    )
