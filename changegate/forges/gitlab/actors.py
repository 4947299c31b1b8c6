"""Who started the job that is running now, and what an account may do in the project.

Sources: "Jobs API" (get job token's job: `user` is who started it), "Users API", "Members API"; the access levels of "Roles and permissions".
"""

import re
from typing import Final

from changegate.errors import ForgeError, InputError
from changegate.facts import Actor, Known, Permission, Run, Unavailable
from changegate.forges.answer import UnreadableError, known
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.notes import read_notes
from changegate.forges.gitlab.people import People
from changegate.forges.labelled import check_words

_LEVELS: Final = ((50, Permission.ADMIN), (40, Permission.MAINTAIN), (30, Permission.WRITE), (20, Permission.TRIAGE), (10, Permission.READ))
_BY_HAND: Final = frozenset({"web", "api"})
_WRITE: Final = 30
_LOGIN: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,254})", re.ASCII)


def fetch_declarer(client: Client, people: People, project: str, run: Run, job: Client | None) -> Known[Actor]:
    """The protocol's `fetch_declarer`: of the job, since a manual one is started by somebody else than its pipeline. It must be running.

    `job` asks with the job's own token: which job this is, a variable of a pipeline can say wrongly, and the token can't.
    """
    if not run.id.isascii() or not run.id.isdigit():
        raise InputError(
            "this is no job of GitLab's, so nobody can say who declares the emergency", remedy="Declare it in the pipeline that deploys."
        )
    return known(lambda: _declarer(client, people, project, int(run.id), job))


def _declarer(client: Client, people: People, project: str, number: int, job: Client | None) -> Actor:
    if job is None:
        raise UnreadableError("there is no CI_JOB_TOKEN, which says whose job this is", remedy="Declare it in the job that deploys, while it runs.")
    try:
        found = job.get("/job")
    except ForgeError as refused:
        raise UnreadableError(
            f"GitLab doesn't say whose job this is ({refused.message})",
            remedy="Declare it in the job that deploys, while it runs, with no variable CI_JOB_TOKEN of one's own.",
        ) from None
    if found.number("id") != number:
        raise UnreadableError(
            f"CI_JOB_ID says {number}, and GitLab says that this is the job {found.number('id')}",
            remedy="A variable of the pipeline overrides CI_JOB_ID: take it away.",
        )
    if found.text("status") != "running":
        raise UnreadableError(f"the job {number} isn't running", remedy="Declare it in the job that deploys, while it runs.")
    pipeline = client.get(f"/projects/{project}/pipelines/{found.at('pipeline').number('id')}")
    if pipeline.text("source") not in _BY_HAND:
        raise UnreadableError(
            f"the pipeline was started by {pipeline.text('source')[:40]}, not by hand: its configuration says so in the name of whoever caused it",
            remedy="Run a pipeline by hand (Build → Pipelines → New pipeline), with CHANGEGATE_EMERGENCY and CHANGEGATE_INCIDENT as its variables.",
        )
    return _actor(people, found.at("user").number("id"))


def fetch_labeler(client: Client, people: People, project: str, change: str, label: str) -> Known[Actor]:
    """The protocol's `fetch_labeler`, by the merge request's label events, the oldest first ("Resource label events API"), and its notes."""

    def read() -> Actor:
        put, path = None, f"/projects/{project}/merge_requests/{int(change.lstrip('!'))}"
        for event in client.list_all(f"{path}/resource_label_events"):
            shown = event.get("label")  # null for a label that was deleted since
            if shown is not None and shown.text("name") == label:
                put = event if event.text("action") == "add" else None
        user = put.get("user") if put is not None else None
        if put is None or user is None:
            raise UnreadableError(
                f"GitLab doesn't say who put the label {label[:60]!r} on {change}", remedy="Somebody who may takes it off and puts it on again."
            )
        check_words(put.time("created_at"), read_notes(client, path).edits(), change)
        return _actor(people, user.number("id"))

    return known(read)


def fetch_actor(client: Client, people: People, login: str) -> Known[Actor]:
    """The protocol's `fetch_actor`."""
    if not _LOGIN.fullmatch(login):
        raise InputError(f"{login[:60]!r} is no username of GitLab's", remedy="Name one person by username: --agreed-by alice.")
    found = Answer({"list": client.get("/users", username=login).value}).items("list")
    if len(found) != 1:
        raise InputError(f"GitLab has no account {login!r}, or doesn't show it", remedy="Check the username.")
    return known(lambda: _actor(people, found[0].number("id")))


def _actor(people: People, number: int) -> Actor:
    account = people.account(number)
    if isinstance(account, Unavailable):
        raise UnreadableError(account.why, remedy=account.remedy)
    level = people.level(number) if account.may_write is not False else _below_write(people.level(number))
    permission = level if isinstance(level, Unavailable) else next((named for least, named in _LEVELS if level >= least), Permission.NONE)
    return Actor(person=account.identity, permission=permission)


def _below_write(level: Known[int]) -> Known[int]:
    """Of an account that may not write for all its role: it is blocked."""
    return level if isinstance(level, Unavailable) else level if level < _WRITE else 0
