"""Stores: where evidence lies. One port, one adapter a file.

The contract, on which the log's append protocol rests (`changegate.evidence.log`):

1. `create` makes a key that isn't there, whole and durable, or returns False and changes nothing. Of two creators exactly one gets True.
2. What `create` made is never changed. A reader sees all of an object or nothing of it.
3. `publish` replaces the object, atomically. Only the log's `checkpoint` and its `hint` are ever published.
4. `remove` exists for `pending/` alone, whose objects are copies of what a commit holds.
5. A key is slash-separated, lower-case, `[a-z0-9._/-]`, never absolute, never with `..`.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol


class Store(Protocol):
    """A keyed store of bytes. Every method raises `StoreError` where the store can't do what it is asked."""

    @property
    def url(self) -> str:
        """Where it lies, for people."""

    def read(self, key: str) -> bytes | None:
        """The object, or None where there is none."""

    def create(self, key: str, data: bytes) -> bool:
        """Make `key`, durably, unless it exists. True if this call made it."""

    def create_all(self, objects: Mapping[str, bytes]) -> None:
        """Make those of `objects` that don't exist, in order. A store that can do it in one round trip does.

        Raises `StoreError` where one exists with other bytes.
        """

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, sorted."""

    def publish(self, key: str, data: bytes) -> None:
        """Replace a mutable object, atomically and durably."""

    def remove(self, key: str) -> None:
        """Delete an object below `pending/`; no error where it is gone."""
