"""Who started the workflow run that is running now, and what an account may do in the repository.

Sources, docs.github.com, REST: "Get a workflow run" (`triggering_actor` is who started this attempt), "Get repository permissions for a user",
"List issue events"; GraphQL, `PullRequest.lastEditedAt`.
"""

import re
from typing import Final
from urllib.parse import quote

from changegate.errors import InputError
from changegate.facts import Actor, Identity, IdentityKind, Known, Permission, Run, Unavailable
from changegate.forges.github.answer import Answer, UnreadableError, known
from changegate.forges.github.client import Client
from changegate.forges.github.faults import ForbiddenError, NotFoundError
from changegate.forges.github.queries import EDITED
from changegate.forges.github.range import Repository
from changegate.forges.labelled import check_words

_RUNNING: Final = frozenset({"in_progress", "queued", "requested", "waiting", "pending"})
_BY_HAND: Final = "workflow_dispatch"
_BASE: Final = {"admin": Permission.ADMIN, "write": Permission.WRITE, "read": Permission.READ, "none": Permission.NONE}
"""The four words of `permission`; `role_name` is finer, and may be an organization's own role, which is then taken for what it is based on."""
_PAGE: Final = 100
_MOST_PAGES: Final = 10
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})", re.ASCII)


def fetch_declarer(client: Client, repository: Repository, run: Run) -> Known[Actor]:
    """The protocol's `fetch_declarer`. A run that has ended, or another attempt of it, isn't the one that asks.

    Only a run that was started by hand counts: whoever writes a workflow could else declare an emergency in the name of whoever merges it.
    """
    if not run.id.isascii() or not run.id.isdigit():
        raise InputError(
            "this job is no workflow run of GitHub's, so nobody can say who declares the emergency",
            remedy="Declare it in the workflow that deploys: its run says who started it.",
        )
    return known(lambda: _declarer(client, repository, run))


def _declarer(client: Client, repository: Repository, run: Run) -> Actor:
    try:
        found = client.get(f"/repos/{repository.owner}/{repository.name}/actions/runs/{run.id}", {})
    except (ForbiddenError, NotFoundError) as refused:
        raise UnreadableError(f"the workflow run {run.id} can't be read ({refused.message})", remedy="Give the job `actions: read`.") from None
    if found.number("id") != int(run.id) or found.number("run_attempt") != run.attempt or found.text("status") not in _RUNNING:
        raise UnreadableError(
            f"the workflow run {run.id} isn't running, or not in attempt {run.attempt}", remedy="Declare it in the run that deploys, while it runs."
        )
    if found.text("event") != _BY_HAND:
        raise UnreadableError(
            f"the run was started by {found.text('event')[:40]}, not by hand: its workflow says so in the name of whoever caused it",
            remedy="Run the workflow by hand (workflow_dispatch), with the emergency as its input.",
        )
    actor = found.at("triggering_actor")
    return _actor(client, repository, actor.text("login"), actor)


def fetch_labeler(client: Client, repository: Repository, change: str, label: str) -> Known[Actor]:
    """The protocol's `fetch_labeler`, by the pull request's events (REST, "List issue events"), the oldest first."""
    return known(lambda: _labeler(client, repository, int(change.lstrip("#")), label))


def _labeler(client: Client, repository: Repository, number: int, label: str) -> Actor:
    path, put, renamed = f"/repos/{repository.owner}/{repository.name}/issues/{number}/events", None, None
    for page in range(1, _MOST_PAGES + 1):
        listed = Answer({"list": client.get(path, {"per_page": _PAGE, "page": page}).value}, f"#{number}").items("list")
        for event in listed:
            if event.text("event") in {"labeled", "unlabeled"} and event.at("label").text("name") == label:
                put = event if event.text("event") == "labeled" else None
            elif event.text("event") == "renamed":
                renamed = event.time("created_at")
        if len(listed) < _PAGE:
            break
    else:
        raise UnreadableError(f"#{number} has more than {_MOST_PAGES * _PAGE} events", remedy="Declare the emergency by the run: --emergency.")
    actor = put.get("actor") if put is not None else None
    if put is None or actor is None:
        raise UnreadableError(
            f"GitHub doesn't say who put the label {label[:60]!r} on #{number}", remedy="Somebody who may takes it off and puts it on again."
        )
    pull = client.query(EDITED, {**repository.variables(), "number": number}).at("repository").at("pullRequest")
    check_words(put.time("created_at"), [renamed, pull.time("lastEditedAt") if pull.get("lastEditedAt") is not None else None], f"#{number}")
    return _actor(client, repository, actor.text("login"), actor)


def fetch_actor(client: Client, repository: Repository, login: str) -> Known[Actor]:
    """The protocol's `fetch_actor`."""
    if not _LOGIN.fullmatch(login):
        raise InputError(f"{login[:60]!r} is no login of GitHub's", remedy="Name one person by login: --agreed-by alice.")
    return known(lambda: _actor(client, repository, login, None))


def _actor(client: Client, repository: Repository, login: str, shown: Answer | None) -> Actor:
    """The account with its permission. `shown` is how GitHub showed it elsewhere: then it must be the same one."""
    try:
        found = client.get(f"/repos/{repository.owner}/{repository.name}/collaborators/{quote(login, safe='')}/permission", {})
    except NotFoundError:
        if shown is None:
            raise InputError(f"GitHub has no account {login!r}, or doesn't show it", remedy="Check the login.") from None
        return Actor(person=_person(shown), permission=Unavailable(why=f"GitHub doesn't show what {login} may do"))
    except ForbiddenError as refused:
        if shown is None:
            raise UnreadableError(f"what {login} may do can't be read ({refused.message})", remedy=refused.remedy) from None
        return Actor(person=_person(shown), permission=Unavailable(why=refused.message, remedy=refused.remedy))
    person = _person(found.at("user"))
    if shown is not None and person.key != _person(shown).key:
        raise UnreadableError(f"GitHub shows two accounts under the login {login}", remedy="Run the job again.")
    return Actor(person=person, permission=known(lambda: _permission(found)))


def _person(user: Answer) -> Identity:
    login, kind = user.text("login"), user.text("type")
    bot = kind == "Bot" or login.endswith("[bot]")
    if kind not in {"Bot", "User"}:
        raise UnreadableError(f"{login} is a {kind}, and no person", remedy="A person's account starts the run.")
    return Identity(key=f"github:{user.number('id')}", login=login, kind=IdentityKind.BOT if bot else IdentityKind.HUMAN)


def _permission(found: Answer) -> Permission:
    role, base = found.text("role_name"), found.text("permission")
    if role in tuple(Permission):
        return Permission(role)
    if base not in _BASE:
        raise UnreadableError(f"GitHub reports the unknown permission {base}", remedy="Update changegate.")
    return _BASE[base]
