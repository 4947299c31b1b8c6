"""What a bot made alone, and what only looks so."""

from typing import Any

import pytest
from builders import ALICE, BOB, ROBOT, WEB_FLOW, change, commit

from changegate.exemption import find_exempt_bot
from changegate.facts import Identity, IdentityKind, Unavailable

GAP = Unavailable(why="not told")
OTHER_BOT = Identity(key="github:10", login="other[bot]", kind=IdentityKind.BOT)


def made(**differs: Any) -> Any:
    values: dict[str, Any] = {"author": ROBOT, "committer": WEB_FLOW, "verified": True}
    return commit(**values | differs)


@pytest.mark.parametrize(
    ("differs", "exempt"),
    [
        ({}, True),
        ({"commits": (made(committer=ROBOT),)}, True),
        ({"commits": (made(co_authors=(ROBOT,)),)}, True),
        ({"former": (ROBOT,)}, True),
        ({"author": ALICE}, False),
        ({"author": GAP}, False),
        ({"author": OTHER_BOT}, False),
        ({"author": ROBOT.model_copy(update={"kind": IdentityKind.HUMAN})}, False),
        ({"author": ROBOT.model_copy(update={"key": "email:9"})}, False),
        ({"author": ROBOT.model_copy(update={"key": "gitlab:9"})}, False),
        ({"commits": ()}, False),
        ({"commits": GAP}, False),
        ({"commits": (made(verified=False),)}, False),
        ({"commits": (made(), made(author=ALICE))}, False),
        ({"commits": (made(), made(author=OTHER_BOT))}, False),
        ({"commits": (made(author=GAP),)}, False),
        ({"commits": (made(committer=ALICE),)}, False),
        ({"commits": (made(committer=GAP),)}, False),
        ({"commits": (made(co_authors=(ALICE,)),)}, False),
        ({"commits": (made(co_authors=(GAP,)),)}, False),
        ({"former": (BOB,)}, False),
        ({"former": (GAP,)}, False),
        ({"former": GAP}, False),
        ({"pushers": (ROBOT,)}, True),
        ({"pushers": (BOB,)}, False),
        ({"pushers": GAP}, False),
    ],
)
def test_table(differs: dict[str, Any], exempt: bool) -> None:
    found = find_exempt_bot(change(**{"author": ROBOT, "commits": (made(),)} | differs), (9,))
    assert found == (ROBOT if exempt else None)


def test_nobody_is_exempt_unless_the_policy_lists_it() -> None:
    it = change(author=ROBOT, commits=(made(),))
    assert find_exempt_bot(it, ()) is None
    assert find_exempt_bot(it, (90,)) is None
