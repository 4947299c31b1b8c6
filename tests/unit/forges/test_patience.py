"""How long a forge is waited for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from changegate.errors import ForgeError
from changegate.forges.patience import OverloadError, Patience, Reply, Retry

GOOD = Reply(200, {}, {})


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


def ask(clock: Clock, answers: list[Reply | Retry], judge: Callable[[Reply], Retry | ForgeError | None] = lambda _reply: None) -> Reply:
    due = iter(answers)
    return Patience(timeout=60, now=clock.now, sleep=clock.sleep).ask(lambda: next(due), judge, forge="The forge", status_page="its page")


def test_a_passing_fault_is_tried_again_each_time_later() -> None:
    clock = Clock()
    assert ask(clock, [Retry("cut"), Retry("cut"), Retry("cut"), GOOD]) is GOOD
    assert [1 <= clock.slept[0] < 1.5, 2 <= clock.slept[1] < 3, 4 <= clock.slept[2] < 6] == [True] * 3


def test_the_wait_that_the_forge_asks_for_is_kept() -> None:
    clock = Clock()
    assert ask(clock, [Retry("limited", after=7.0), GOOD]) is GOOD
    assert clock.slept == [7.0]


@pytest.mark.parametrize(
    ("answers", "kind", "said"),
    [
        ([Retry("cut")] * 9, ForgeError, "within 5 attempts or 60 s: cut"),
        ([Retry("limited", after=3600.0)], ForgeError, "limited, and asks to wait 3600 s"),
        ([Retry("lost", heavy=True)] * 9, OverloadError, "lost"),
    ],
)
def test_patience_ends(answers: list[Reply | Retry], kind: type[ForgeError], said: str) -> None:
    clock = Clock()
    with pytest.raises(kind, match=said) as raised:
        ask(clock, answers)
    assert "--timeout" in raised.value.remedy
    assert clock.time <= 60


def test_a_lasting_fault_is_not_tried_again() -> None:
    clock = Clock()
    with pytest.raises(ForgeError, match="refused"):
        ask(clock, [GOOD], lambda _reply: ForgeError("refused", remedy=""))
    assert clock.slept == []


def test_without_time_nothing_is_asked() -> None:
    clock = Clock()
    with pytest.raises(ForgeError, match="before the first request"):
        Patience(timeout=0, now=clock.now, sleep=clock.sleep).ask(lambda: GOOD, lambda _reply: None, forge="The forge", status_page="its page")


DATE = "Sun, 01 Mar 2026 12:00:00 GMT"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"date": DATE}, NOON),
        ({"date": "Sun, 01 Mar 2026 13:00:00 +0100"}, NOON),
        ({"date": "Sun, 01 Mar 2026 12:00:00 -0000"}, NOON),
        ({"date": DATE, "age": "0"}, NOON),
        ({"date": DATE, "age": "7"}, None),
        ({}, None),
        ({"date": ""}, None),
        ({"date": "yesterday"}, None),
        ({"date": "Sun, 99 Mar 2026 12:00:00 GMT"}, None),
        ({"date": "Sun, 01 Mar 99999999999 12:00:00 GMT"}, None),
        ({"date": "\x00" * 5000}, None),
    ],
)
def test_the_forges_clock_is_what_its_answer_says(headers: dict[str, str], found: datetime | None) -> None:
    clock = Clock()
    patience = Patience(timeout=60, now=clock.now, sleep=clock.sleep)
    assert patience.clock() is None
    patience.ask(lambda: Reply(200, headers, {}), lambda _reply: None, forge="The forge", status_page="its page")
    assert patience.clock() == found


def test_the_forges_clock_goes_on_and_the_newest_answer_sets_it() -> None:
    clock = Clock()
    patience = Patience(timeout=6000, now=clock.now, sleep=clock.sleep)

    def answered(headers: dict[str, str]) -> datetime | None:
        patience.ask(lambda: Reply(200, headers, {}), lambda _reply: None, forge="The forge", status_page="its page")
        return patience.clock()

    assert answered({"date": DATE}) == NOON
    clock.sleep(90)
    assert answered({}) == NOON + timedelta(seconds=90)
    assert answered({"date": DATE}) == NOON
