"""Lists in pages: whole, or not at all."""

from collections.abc import Mapping
from typing import Any

import pytest

from changegate.forges.github.answer import Answer, UnreadableError
from changegate.forges.github.pages import Connection, read_all

THINGS = Connection("Owner", "things", "id", first=2)


def page(total: int, ids: list[str], after: str | None = None) -> dict[str, Any]:
    return {"totalCount": total, "pageInfo": {"hasNextPage": after is not None, "endCursor": after}, "nodes": [{"id": each} for each in ids]}


def read(first: dict[str, Any], *more: dict[str, Any]) -> list[str]:
    further = iter(more)

    def ask(document: str, variables: Mapping[str, Any]) -> Answer:
        assert "things(first: 100, after: $after)" in document
        assert variables["id"] == "owner"
        return Answer({"node": {"things": next(further)}})

    return [item.text("id") for item in read_all(ask, Answer({"id": "owner", "things": first}), THINGS)]


@pytest.mark.parametrize(
    ("pages", "ids"),
    [
        ([page(0, [])], []),
        ([page(2, ["a", "b"])], ["a", "b"]),
        ([page(3, ["a", "b"], "2"), page(3, ["c"])], ["a", "b", "c"]),
        ([page(3, ["a"], "1"), page(3, ["b"], "2"), page(3, ["c"])], ["a", "b", "c"]),
    ],
)
def test_whole(pages: list[dict[str, Any]], ids: list[str]) -> None:
    assert read(*pages) == ids


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ([page(3, ["a", "b"])], "brought 2 of 3"),
        ([page(1, ["a", "b"])], "brought 2 of 1"),
        ([page(2, ["a", "a"])], "repeats"),
        ([page(4, ["a", "b"], "2"), page(4, ["a", "b"])], "repeats"),
        ([page(4, ["a"], "2"), page(4, ["b"], "2")], "goes on after 2 of 4"),
        ([page(2, ["a", "b"], "2")], "goes on after 2 of 2"),
        ([page(3, ["a", "b"], "2"), page(3, [])], "brought 2 of 3"),
    ],
)
def test_not_whole(pages: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read(*pages)


def test_a_next_page_without_a_cursor() -> None:
    broken = {"totalCount": 3, "pageInfo": {"hasNextPage": True, "endCursor": None}, "nodes": [{"id": "a"}]}
    with pytest.raises(UnreadableError):
        read(broken)
