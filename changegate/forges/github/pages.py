"""GraphQL connections, read to the end: every page, each item once, as many as GitHub counts."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeVar

from changegate.forges.github.answer import Answer, UnreadableError

T = TypeVar("T")

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Answer]
"""`Client.query`."""


class Connection(NamedTuple):
    """A list that GitHub hands out in pages, and what is asked of its items."""

    on: str
    """The type that has it."""
    field: str
    selection: str
    """What is asked of each item."""
    first: int
    """The size of the first page; further ones hold a hundred, GitHub's most."""
    arguments: str = ""
    key: str = ""
    """Its alias, where it has one."""
    counted: str = "totalCount"
    """The field that counts the items."""

    @property
    def name(self) -> str:
        """Under which the answer has it."""
        return self.key or self.field

    def page(self, size: int, after: str = "") -> str:
        """GraphQL for one page."""
        alias = f"{self.key}: " if self.key else ""
        arguments = f", {self.arguments}" if self.arguments else ""
        asked = f"{self.counted} pageInfo {{ hasNextPage endCursor }} nodes {{ {self.selection} }}"
        return f"{alias}{self.field}(first: {size}{after}{arguments}) {{ {asked} }}"

    def __str__(self) -> str:
        return self.page(self.first)

    def next_page(self) -> str:
        """A document for a further page of the node `$id`."""
        return f"query($id: ID!, $after: String!) {{ node(id: $id) {{ ... on {self.on} {{ {self.page(100, ', after: $after')} }} }} }}"


def batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The values, so many at once."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def read_all(ask: Ask, owner: Answer, connection: Connection) -> list[Answer]:
    """Every item of a connection of `owner`, whose first page came with it.

    Raises `UnreadableError` where an item is null, comes twice or is missing, and `ForgeError` where a page can't be had.
    """
    page = owner.at(connection.name)
    total = page.number(connection.counted)
    items = page.items("nodes")
    cursors: set[str] = set()
    while page.at("pageInfo").flag("hasNextPage"):
        cursor = page.at("pageInfo").text("endCursor")
        if cursor in cursors or len(items) >= total:
            raise _odd(page, f"goes on after {len(items)} of {total}")
        cursors.add(cursor)
        page = ask(connection.next_page(), {"id": owner.text("id"), "after": cursor}).at("node").at(connection.name)
        items += page.items("nodes")
    if len(items) != total:
        raise _odd(page, f"brought {len(items)} of {total}")
    if len({_identity(item) for item in items}) != len(items):
        raise _odd(page, "repeats an item")
    return items


def _identity(item: Answer) -> str:
    """What tells an item from others: its id, or all of it (git's authors have none; GitHub lists each once)."""
    return json.dumps(item.value.get("id", item.value) if isinstance(item.value, dict) else item.value, sort_keys=True, default=str)


def _odd(page: Answer, what: str) -> UnreadableError:
    return UnreadableError(f"GitHub's list {page.where} {what}", remedy="Run the job again; if it stays, report it with the output of -v.")
