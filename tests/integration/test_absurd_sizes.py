"""Texts and lists of absurd size on either forge: the record stays small and says what was cut, and no rule that needs what was cut is satisfied."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.exhaustive import some
from support.gating import Gated, gate, open_shop
from support.parity import ALLOWED, BLOCKED, UNKNOWN, deploy_with
from support.shops import PLAN, SHOPS, Shop

from changegate.cli import run
from changegate.forges.caps import MARK

MEGABYTE = 1024 * 1024
WORDS = "word " * (2 * MEGABYTE // 5)


def shown(shop: Shop, change: Any) -> Any:
    """The double's own pull or merge request."""
    return change.pull if shop.name == "github" else change.request


def a_title(shop: Shop) -> None:
    change = shop.change()
    shown(shop, change).title = WORDS
    change.approve("bob").merge()


def a_title_that_is_one_word(shop: Shop) -> None:
    change = shop.change()
    shown(shop, change).title = "x" * MEGABYTE
    change.approve("bob").merge()


def a_description_with_all_at_its_start(shop: Shop) -> None:
    shop.change(body=f"{PLAN}\n\n## Notes\n{WORDS}").approve("bob").merge()


def a_plan_beyond_what_is_read(shop: Shop) -> None:
    shop.change(body=f"Closes #{{issue}}\n\n{WORDS}\n\n## Rollback plan\nSwitch the flag off, then clear the cache.").approve("bob").merge()


def a_mention_beyond_what_is_read(shop: Shop) -> None:
    shop.change(body=f"{PLAN.replace('Closes #{issue}', '')}\n\n## Notes\n{WORDS}\nFor acme/shop#{shop.issue()}").approve("bob").merge()


def thousands_of_references(shop: Shop) -> None:
    shop.issue()
    shop.change(body=PLAN.replace("Closes #{issue}", " ".join(f"#{number}" for number in range(1, 5000)))).approve("bob").merge()


def a_message_of_two_megabytes(shop: Shop) -> None:
    change = shop.change()
    shop_commit(shop, change, f"Round up\n\n{WORDS}\n\nCo-authored-by: bob <bob@example.com>")
    change.check().approve("bob").merge(method="merge")


def a_subject_of_a_hundred_kilobytes(shop: Shop) -> None:
    change = shop.change()
    shop_commit(shop, change, "word " * 20_000)
    change.check().approve("bob").merge(method="merge")


def a_pushed_commit_of_two_megabytes(shop: Shop) -> None:
    shop.repo.push("main", author=_person(shop, "alice"), files={"a.txt": "a"}, message=WORDS)


def more_files_than_are_listed(shop: Shop) -> None:
    deploy_with(shop, "{code-owners: true}", "/f0001.txt @carol\n")
    shop.change(files={f"f{number:04}.txt": "x" for number in range(3001)}).approve("bob").merge()


def a_check_of_a_long_name(shop: Shop) -> None:
    shop.change().check("tests " * 2000).approve("bob").merge()


def a_failed_check_of_a_long_name(shop: Shop) -> None:
    shop.change().check("tests " * 2000, "failure").approve("bob").merge()


def _person(shop: Shop, name: str) -> Any:
    people: Any = shop
    return people.people[name]


def shop_commit(shop: Shop, change: Any, message: str) -> None:
    """A commit of alice's with this message."""
    if shop.name == "github":
        change.pull.commit(_person(shop, "alice"), message=message)
    else:
        change.request.push(_person(shop, "alice"), message=message)


class Expected(NamedTuple):
    """The exit code, the reasons, and whether the record says that something was cut."""

    code: int
    reasons: tuple[str, ...] = ()
    cut: bool = False


TABLE: dict[Callable[[Shop], None], Expected] = {
    a_title: Expected(ALLOWED, cut=True),
    a_title_that_is_one_word: Expected(ALLOWED, cut=True),
    a_description_with_all_at_its_start: Expected(ALLOWED, cut=True),
    a_plan_beyond_what_is_read: Expected(BLOCKED, ("rollback-plan/no-plan",), cut=True),
    a_mention_beyond_what_is_read: Expected(BLOCKED, ("ticket-linked/no-ticket",), cut=True),
    thousands_of_references: Expected(UNKNOWN, ("ticket-linked/ticket-unknown",)),
    a_message_of_two_megabytes: Expected(UNKNOWN, ("peer-approved/commits-unknown",)),
    a_subject_of_a_hundred_kilobytes: Expected(ALLOWED, cut=True),
    more_files_than_are_listed: Expected(UNKNOWN, ("peer-approved/owner-unknown",)),
    a_check_of_a_long_name: Expected(ALLOWED, cut=True),
    a_failed_check_of_a_long_name: Expected(BLOCKED, ("checks-passed/failed",), cut=True),
    a_pushed_commit_of_two_megabytes: Expected(
        UNKNOWN, ("checks-passed/no-checks", "peer-approved/direct-push", "rollback-plan/no-plan", "ticket-linked/no-ticket"), cut=True
    ),
}


@pytest.mark.parametrize("happens", some(TABLE, every=2), ids=[each.__name__ for each in TABLE])
@pytest.mark.parametrize("name", SHOPS)
def test_absurd_sizes(
    name: str, happens: Callable[[Shop], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = open_shop(name, tmp_path, monkeypatch)
    happens(shop)
    with shop.serve() as server:
        gated: Gated = gate(shop, server, monkeypatch, capsys, "--head", shop.repo.head)
    expected = TABLE[happens]
    assert (gated.code, tuple(gated.report["reasons"])) == expected[:2], gated.lacks
    assert run(["show", shop.repo.head, "--store", "file:evidence", "--facts", "facts.json"]) == 0
    facts = Path("facts.json").read_text(encoding="utf-8")
    assert len(facts) < MEGABYTE / 2, "the record stays small"
    assert (MARK in facts) == expected.cut
    assert run(["verify", "evidence"]) == 0
