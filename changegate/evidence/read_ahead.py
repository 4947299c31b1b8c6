"""Reading objects that are known beforehand, some at a time: one round trip where the store can, in place of as many as there are objects."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from changegate.stores import Store

AT_ONCE: Final = 96
"""How many objects are read, and held, at a time: for 32 entries the record, facts and index."""


class ReadAhead:
    """A store's objects. What was planned is to be read in about that order, and each once: then it is forgotten."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._planned: dict[str, None] = {}
        self._found: dict[str, bytes | None] = {}

    def plan(self, keys: Iterable[str]) -> None:
        """What will be read next, in place of what was planned before. Nothing is read yet."""
        self._planned = dict.fromkeys(keys)
        self._found = {}

    def read(self, key: str) -> bytes | None:
        """The object, or None where there is none: of the moment when it, or one planned before it, was first asked for. Raises `StoreError`."""
        while key in self._planned:
            some = list(islice(self._planned, AT_ONCE))
            for each in some:
                del self._planned[each]
            self._found |= self._store.read_many(some)
        return self._found.pop(key) if key in self._found else self._store.read(key)
