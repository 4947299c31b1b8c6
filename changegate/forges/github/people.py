"""Who somebody is: GitHub's actors and git's authors as identities. Pure.

The key is the account's numeric id; logins and e-mails only point to one, and anybody can write any of them into a commit.
"""

import re
from typing import Final, NamedTuple

from changegate.facts import Identity, IdentityKind, Known, Unavailable
from changegate.forges.github.answer import Answer, UnreadableError, known

_WEB_FLOW: Final = "web-flow"
_WEB_FLOW_ID: Final = 19864447
"""On github.com; a server has its own, and gives it where it shows the account."""
_BOT_ADDRESS: Final = re.compile(r"([1-9][0-9]*)\+([A-Za-z0-9-]+\[bot\])@users\.noreply\.([A-Za-z0-9.-]+)")
"""A bot's own address, `<id>+<login>[bot]@users.noreply.<host>`: GitHub gives it out and no person can have it."""
_KINDS: Final = {"Bot": IdentityKind.BOT, "User": IdentityKind.HUMAN, "Mannequin": IdentityKind.HUMAN, "Organization": IdentityKind.HUMAN}


class Vouched(NamedTuple):
    """What GitHub says about a commit's signature."""

    valid: bool
    by_github: bool


def read_actor(answer: Answer, key: str) -> Known[Identity]:
    """The account under `key`. GitHub shows a deleted one as null."""
    return known(lambda: _actor(answer, key))


def _actor(answer: Answer, key: str) -> Identity:
    actor = answer.get(key)
    if actor is None:
        raise UnreadableError(
            f"the account at {answer.where}.{key} is deleted or hidden", remedy="Nobody can tell who it was: have the change approved anew."
        )
    kind, login = actor.text("__typename"), actor.text("login")
    if kind == "EnterpriseUserAccount":
        return Identity(key=f"github:{actor.at('user').number('databaseId')}", login=login)
    if kind not in _KINDS:
        raise UnreadableError(
            f"{login} is a {kind}, an account of a kind that is not known here", remedy="Have the change approved by a user's account."
        )
    return _account(actor.number("databaseId"), login, _KINDS[kind])


def _account(number: int, login: str, kind: IdentityKind) -> Identity:
    if number <= 0:
        raise UnreadableError(f"{login} has no account number", remedy="Run the job again; if it stays, ask GitHub's support.")
    bot = kind is IdentityKind.BOT or login.endswith("[bot]")
    if bot and not login.endswith("[bot]"):  # GraphQL leaves it out, every other place of GitHub shows it
        login += "[bot]"
    return Identity(key=f"github:{number}", login=login, kind=IdentityKind.BOT if bot else kind)


def read_author(commit: Answer, vouched: Vouched, host: str) -> Known[Identity]:
    """The account to which the e-mail of a commit's author leads."""
    return known(lambda: git_actor(commit.at("author"), host, bots=vouched.valid))


def git_actor(actor: Answer, host: str, *, bots: bool) -> Identity:
    """The account behind a name in a commit. Raises `UnreadableError` where the e-mail leads to no account.

    `bots`: whether a bot's address is believed. Anybody can write one into a commit, and hide behind it, unless a verified signature stands for it.
    """
    user = actor.get("user")
    if user is not None:
        # The schema says User; bots come through it all the same, and the type name tells.
        kind = _KINDS.get(user.text("__typename"), IdentityKind.HUMAN)
        return _account(user.number("databaseId"), user.text("login"), kind)
    bot = _BOT_ADDRESS.fullmatch(_written(actor, "email"))
    if bot and bots and bot[3].lower() == _name(host):
        return _account(int(bot[1]), bot[2], IdentityKind.BOT)
    raise UnreadableError(
        f"the e-mail of {_written(actor, 'name') or 'an unnamed author'} leads to no GitHub account",
        remedy="Whoever it is adds the commit's e-mail to their GitHub account, or the commit is made anew with an address that is.",
    )


def read_committer(commit: Answer, vouched: Vouched, host: str) -> Known[Identity]:
    """The committer. GitHub's own (web-flow) is the platform where GitHub signed the commit; elsewhere its name proves nothing."""
    return known(lambda: _committer(commit, vouched, host))


def _committer(commit: Answer, vouched: Vouched, host: str) -> Identity:
    committer = commit.at("committer")
    user = committer.get("user")
    named_so = user is not None and user.text("login") == _WEB_FLOW
    if not named_so and _written(committer, "email").lower() not in {"noreply@github.com", f"noreply@{_name(host)}"}:
        return git_actor(committer, host, bots=vouched.valid)
    if vouched.valid and vouched.by_github:
        number = user.number("databaseId") if user is not None else _WEB_FLOW_ID
        return Identity(key=f"github:{number}", login=_WEB_FLOW, kind=IdentityKind.PLATFORM)
    raise UnreadableError(
        "the committer calls itself GitHub, and GitHub did not sign the commit: anybody can write that name",
        remedy="The committer makes the commit anew under their own address, and the change is approved again.",
    )


def read_co_authors(authors: list[Answer], host: str) -> tuple[Known[Identity], ...]:
    """Everybody after the first: GitHub puts git's author first and the `Co-authored-by:` people behind. A bot among them hides nobody."""
    return tuple(_each(author, host) for author in authors[1:])


def _each(author: Answer, host: str) -> Identity | Unavailable:
    return known(lambda: git_actor(author, host, bots=True))


def _name(host: str) -> str:
    return host.partition(":")[0]


def _written(actor: Answer, key: str) -> str:
    return actor.text(key) if actor.get(key) is not None else ""
