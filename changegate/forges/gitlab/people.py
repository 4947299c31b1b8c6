"""Who somebody is on a GitLab server: accounts by their numeric id, and the accounts behind a commit's e-mail addresses.

Only GitLab can say which account a private address belongs to, and it says so of a commit's author alone (GraphQL `Commit.author`, by the account's
confirmed addresses). A committer is known where the address is one of an author's, GitLab's own private form, or somebody's public one.
"""

import re
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

from changegate.facts import Identity, IdentityKind, Known, Unavailable
from changegate.forges.answer import UnreadableError, known
from changegate.forges.gitlab.client import Answer, Client

_GHOST: Final = "ghost"
"""GitLab's account that stands for deleted ones ("Associated records", Deleting a user account)."""
_PRIVATE: Final = re.compile(r"([1-9][0-9]*)-[A-Za-z0-9_.-]+@users\.noreply\.([A-Za-z0-9.-]+)")
"""`<id>-<username>@users.noreply.<host>`: given out by GitLab ("Use an automatically generated private commit email")."""
_DEVELOPER: Final = 30
"""The least role that may push ("Roles and permissions"; access levels of the Members API)."""


K = TypeVar("K")
V = TypeVar("V")


class Account(NamedTuple):
    """An account, and whether it may push to the project now."""

    identity: Identity
    may_write: Known[bool]


class _Once(Generic[K, V]):
    """Values that are made once each, however many threads ask for them at the same time."""

    def __init__(self) -> None:
        self._made: dict[K, V] = {}
        self._turns: dict[K, Lock] = {}
        self._lock = Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value under a key; `make` is called by the first who asks."""
        with self._lock:
            turn = self._turns.setdefault(key, Lock())
        with turn:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]


class People:
    """The accounts of one server, each asked about once."""

    def __init__(self, client: Client, project: str) -> None:
        self._client = client
        self._project = project
        self._host = (urlsplit(client.root).hostname or "").lower()
        self._accounts = _Once[int, Known[Account]]()
        self._addresses = _Once[str, Known[Identity]]()

    def account(self, number: int) -> Known[Account]:
        """The account of this id, with its right to push."""
        return self._accounts.get(number, lambda: known(lambda: self._read(number)))

    def level(self, number: int) -> Known[int]:
        """The account's role in the project by GitLab's number (30: Developer); 0 where it has none."""
        return known(lambda: self._level(number))

    def shown(self, user: Answer | None) -> Known[Account]:
        """The account that GitLab shows as an author, an approver…; None where it shows none."""
        if user is None:
            return Unavailable(why="the account is deleted or hidden", remedy="Nobody can tell who it was: have the change approved anew.")
        number = known(lambda: user.number("id"))
        return number if isinstance(number, Unavailable) else self.account(number)

    def identity(self, user: Answer | None) -> Known[Identity]:
        """Who that is."""
        found = self.shown(user)
        return found if isinstance(found, Unavailable) else found.identity

    def learn(self, address: str, identity: Identity) -> None:
        """GitLab says that this address is confirmed as this account's."""
        self._addresses.get(address.strip().casefold(), lambda: identity)

    def by_address(self, name: str, address: str) -> Known[Identity]:
        """The account behind a commit's address."""
        address = address.strip().casefold()
        return self._addresses.get(address, lambda: known(lambda: self._find(name, address)))

    def _find(self, name: str, address: str) -> Identity:
        private = _PRIVATE.fullmatch(address)
        if private and private[2] == self._host:
            found = self.account(int(private[1]))
            if not isinstance(found, Unavailable):
                return found.identity
        elif "@" in address:
            for user in Answer({"list": self._client.get("/users", search=address, per_page=20).value}).items("list"):
                shown = user.value.get("public_email") if isinstance(user.value, dict) else None
                if isinstance(shown, str) and shown.casefold() == address:
                    found = self.account(user.number("id"))
                    if not isinstance(found, Unavailable):
                        return found.identity
        raise UnreadableError(
            f"the e-mail of {name or 'an unnamed author'} leads to no GitLab account",
            remedy="Whoever it is adds the commit's e-mail to their GitLab account (and shows it, where they only committed), "
            "or the commit is made anew with an address that is.",
        )

    def _read(self, number: int) -> Account:
        user = self._client.get(f"/users/{number}")
        username = user.text("username")
        if user.number("id") != number or username.casefold() == _GHOST:
            raise UnreadableError(f"the account {number} is deleted", remedy="Nobody can tell who it was: have the change approved anew.")
        kind = IdentityKind.BOT if is_bot(user) else IdentityKind.HUMAN
        active = user.text("state") == "active"
        identity = Identity(key=f"gitlab:{number}", login=username, kind=kind)
        return Account(identity, known(lambda: active and self._level(number) >= _DEVELOPER))

    def _level(self, number: int) -> int:
        """The role in the project, its groups' included; 0 where there is none ("List all members of a group or project").

        A list of nobody is GitLab's plain word for that; a 404 could as well mean that the token doesn't see it.
        """
        members = self._client.list_all(f"/projects/{self._project}/members/all", **{"user_ids[]": str(number)})
        if any(member.number("id") != number for member in members):
            raise UnreadableError(f"GitLab answered for other members than the account {number}", remedy="Run the job again.")
        return max((member.number("access_level") for member in members), default=0)


def is_bot(user: Answer) -> bool:
    """GitLab's own word, which servers before 13.10 don't give: there, the names that access tokens' accounts get."""
    said = user.value.get("bot") if isinstance(user.value, dict) else None
    if isinstance(said, bool):
        return said
    return re.fullmatch(r"(?:project|group)_[0-9]+_bot[0-9a-f_]*", user.text("username")) is not None


def read_users(found: Mapping[str, object]) -> int:
    """The numeric id in a GraphQL user's global id (`gid://gitlab/User/7`). Raises `UnreadableError`."""
    match = re.fullmatch(r"gid://gitlab/User/([1-9][0-9]*)", str(found.get("id", "")))
    if match is None:
        raise UnreadableError("GitLab's answer holds no account id", remedy="Run the job again; if it stays, report it with the output of -v.")
    return int(match[1])
