"""Whose turn it is to commit. Only a courtesy: it saves writers the work of losing a race. `create` decides who commits, whatever is said here.

Alone, a writer commits its record at once, and nothing waits in `pending/`. Where others are at it, it leaves its card there for whoever commits
next, and looks now and then whether it is in. In a store that knows who is at it, the next turn decides; elsewhere the writer whose card comes
first in the list goes first, and at each further look twice as many, since the first may be dead.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

from changegate.evidence import layout
from changegate.stores import Store, TakesTurns

_PATIENCE: Final = 200
"""Looks after which nobody's turn is waited for any more: whoever has it, hangs."""


class Turns:
    """What one writer knows of others that write to the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._telling = store if isinstance(store, TakesTurns) else None
        self.crowded = False
        """Whether the last append met other writers: then this one will, too."""

    @contextmanager
    def take(self, key: str, looks: int) -> Iterator[bool]:
        """Whether the writer of this card commits now, at its first, second… look."""
        if looks > _PATIENCE:
            yield True
        elif self._telling:
            with self._telling.turn(wait=looks > 1) as ours:
                yield ours
        elif looks == 1:
            yield not self.crowded
        else:
            before = list(islice(self._store.list(layout.PENDING), 2 ** min(looks - 2, 10)))
            yield layout.pending_key(key) in before or len(before) < 2 ** min(looks - 2, 10)

    def delay(self, looks: int) -> int:
        """How long to wait after so many looks, as the attempts after lost races are counted: shortly, where the store tells whose turn it is."""
        return 1 + looks // 4 if self._telling else looks
