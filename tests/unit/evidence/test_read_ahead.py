"""Objects that are read before they are asked for: the same bytes, in fewer round trips, and few held at a time."""

from collections.abc import Collection, Mapping

import pytest
from support.evidence import MemoryStore
from support.records import TRUST
from support.tampering import honest_log

from changegate.evidence import layout
from changegate.evidence.read_ahead import AT_ONCE, ReadAhead
from changegate.evidence.verify import Scope, verify_store
from changegate.evidence.verify_commits import Share


class Counted(MemoryStore):
    """Counts the round trips of a store that answers for many objects in one."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__(objects)
        self.alone: list[str] = []
        self.together: list[int] = []

    def read(self, key: str) -> bytes | None:
        self.alone.append(key)
        return super().read(key)

    def read_many(self, keys: Collection[str]) -> Mapping[str, bytes | None]:
        self.together.append(len(keys))
        return {key: super(Counted, self).read(key) for key in keys}


def test_what_is_planned_is_read_together_and_once() -> None:
    store = Counted({f"k{number}": b"%d" % number for number in range(300)})
    ahead = ReadAhead(store)
    ahead.plan([*(f"k{number}" for number in range(310)), "k5"])
    assert [ahead.read(f"k{number}") for number in range(310)] == [b"%d" % number if number < 300 else None for number in range(310)]
    assert store.together == [AT_ONCE, AT_ONCE, AT_ONCE, 310 - 3 * AT_ONCE]
    assert store.alone == []
    assert ahead.read("k5") == b"5"  # a second time: by itself
    assert store.alone == ["k5"]


def test_what_is_asked_for_out_of_order_or_unplanned_is_read_all_the_same() -> None:
    store = Counted({f"k{number}": b"%d" % number for number in range(300)})
    ahead = ReadAhead(store)
    ahead.plan(f"k{number}" for number in range(250))
    assert [ahead.read(key) for key in ("k200", "k299", "k1", "k249", "x")] == [b"200", b"299", b"1", b"249", None]
    assert store.alone == ["k299", "x"]
    ahead.plan([])
    assert ahead.read("k2") == b"2"
    assert store.alone[2:] == ["k2"]


@pytest.mark.parametrize(("scope", "most"), [(Scope(), 40), (Scope(share=Share(0.1, "s")), 30)], ids=["all", "a share"])
def test_no_record_is_read_by_itself(scope: Scope, most: int) -> None:
    store = Counted(honest_log())
    report = verify_store(store, TRUST, scope=scope)
    assert report.clean
    alone = [key for key in store.alone if key.startswith((layout.FACTS, layout.INDEX, layout.COMMITS))]
    assert len(alone) <= 4, alone  # the last commits, to know where the log ends
    assert len(store.together) <= most
    assert max(store.together) <= AT_ONCE
