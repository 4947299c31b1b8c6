"""How a log begins: in a place that is empty, in a store that refuses what exists."""

from itertools import islice
from typing import Final

from changegate.errors import StoreError
from changegate.evidence import layout
from changegate.stores import Store

_PROBE: Final = "probe/"
_LOOKED_AT: Final = 1000
_OTHER: Final = "Name an empty place: a new directory, bucket prefix or branch (git:URL#BRANCH), never one that holds code or other files."
_LOST: Final = "This was a log whose log.json is gone. Keep what is left as proof, restore it from a copy, and find out who removed it."


def check_place(store: Store) -> bytes | None:
    """The log's own object, where a log began there. Raises `StoreError` where none did, and other objects lie there."""
    foreign = [key for key in islice(store.list(""), _LOOKED_AT) if not key.startswith(_PROBE)]
    begun = store.read(layout.LOG)
    if begun is None and foreign:
        remedy = _LOST if any(key.startswith((layout.COMMITS, layout.TILES, layout.INDEX)) for key in foreign) else _OTHER
        raise StoreError(f"{store.url} holds no log, but other objects: {foreign[0]!r} …", remedy=remedy)
    return begun


def begin(store: Store, log_object: bytes) -> bytes:
    """The log's own object: this one, if it begins the log now, or that of the writer who was faster.

    Raises `StoreError`, before anything is written, where other objects lie there; and where the store makes an object that exists.
    """
    begun = check_place(store)
    if begun is None and store.create(layout.LOG, log_object):
        if store.create(layout.LOG, log_object):
            raise StoreError(
                f"{store.url} makes an object that exists already: two writers would overwrite each other",
                remedy="It can't keep a log. `changegate store probe URL` says more.",
            )
        return log_object
    return begun or store.read(layout.LOG) or b""
