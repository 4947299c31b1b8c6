"""A pull request that is still open, with the same facts as a merged one."""

from typing import NamedTuple

from changegate.errors import ForgeError, InputError
from changegate.facts import MISSING, Known, Missing, Ticket, Unavailable
from changegate.forges import Needs, OpenChange
from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.association import read_pull
from changegate.forges.github.changes import fetch_pulls, with_needs
from changegate.forges.github.client import Client
from changegate.forges.github.commits import read_sha
from changegate.forges.github.queries import OPEN, Reference
from changegate.forges.github.range import Repository, successes
from changegate.forges.github.tickets import find_references
from changegate.forges.github.translate import Source, open_change


class Asked(NamedTuple):
    """Which open change is asked about, the commit onto which it would be merged, where it would go, and who asks."""

    number: int
    target: str
    environment: str
    run: str


def find_target(client: Client, repository: Repository, number: int) -> str:
    """The protocol's `find_target`. It is the branch's tip; `baseRefOid` would be where that stood when GitHub last compared."""
    node = _find(client, repository, number)
    branch = node.get("baseRef")
    if branch is None:
        raise InputError(
            f"the branch into which #{number} is to be merged is gone: {node.text('baseRefName')}", remedy="Change the pull request's base branch."
        )
    return read_sha(branch.at("target"), "oid")


def fetch_open(client: Client, repository: Repository, asked: Asked, host: str, needs: Needs) -> OpenChange:
    """The protocol's `fetch_open_change`. The head that was asked about first must be the one whose facts arrive."""
    number = asked.number
    node = _find(client, repository, number)
    pull = read_pull(node)
    head = read_sha(node, "headRefOid")
    source = Source(client.query, f"{repository.owner}/{repository.name}", host, asked.run)
    named = find_references(pull.body, source.repository, host)
    answers: dict[int, Answer] = {}
    resolved: dict[Reference, Ticket | None] = {}
    fetch_pulls(client, [pull], list(named), answers, resolved)
    change = open_change(source, pull, answers[number], named, resolved)
    if isinstance(change.head, str) and change.head != head:
        raise UnreadableError(f"#{number} was pushed to while it was read", remedy="Run the job again; the push starts one of its own.")
    change = with_needs(client, repository, change, answers[number], needs, onto=asked.target, number=number)
    return OpenChange(change, node.flag("isDraft"), head, _deployed(client, repository, asked.environment), f"refs/pull/{number}/head")


def _find(client: Client, repository: Repository, number: int) -> Answer:
    holder = client.query(OPEN, {**repository.variables(), "number": number}).at("repository")
    refusal = holder.refusal("pullRequest")
    if refusal is not None and refusal.kind == "NOT_FOUND":
        raise InputError(
            f"{repository.owner}/{repository.name} has no pull request #{number}", remedy="Give the number of an open pull request: --change N."
        )
    node = holder.at("pullRequest")
    state = node.text("state")
    if node.number("number") != number:
        raise UnreadableError(f"GitHub answered for another pull request than #{number}", remedy="Run the job again.")
    if state == "MERGED":
        raise InputError(f"#{number} is merged already", remedy="`changegate gate` judges what is merged, when it is deployed.")
    if state == "CLOSED":
        raise InputError(f"#{number} is closed, and was not merged", remedy="Reopen it to have it judged; nothing of it will be deployed as it is.")
    if state != "OPEN":
        raise UnreadableError(f"GitHub reports #{number} in the unknown state {state}", remedy="Update changegate.")
    return node


def _deployed(client: Client, repository: Repository, environment: str) -> Known[str | Missing]:
    try:
        found = next(successes(client, repository, environment), None)
    except ForgeError as error:
        return Unavailable(why=error.message, remedy=error.remedy)
    return found.baseline.commit if found is not None else MISSING
