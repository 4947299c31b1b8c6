"""Hold what lies in a store against what the log's entries name: nothing else belongs there. And what they stand for: no record is in twice."""

from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, tiles
from changegate.evidence.card import KEY, parse_card
from changegate.evidence.findings import PLANTED, STOPPED, Report
from changegate.evidence.named import Buckets, key_of, repeated, unmatched
from changegate.evidence.signed_record import verify_record
from changegate.evidence.tree import TreeReader
from changegate.evidence.verify_tiles import TileVerifier
from changegate.stores import Store
from changegate.trust import Trust

_AGAIN: Final = "An old record was entered anew, under another key, to look like a new one. Look at both entries: the first one counts."
_FOREIGN: Final = "Somebody put it there, or the commit that it came from was deleted. Compare with a copy and an earlier checkpoint; then remove it."
_NO_ENTRY: Final = (
    "A writer was stopped before its card waited, or a second run wrote another record; or an entry's commit is gone. It proves nothing."
)


def check_repeated(named: Buckets, report: Report) -> None:
    """Whether any of these entries stands for what another one stands for already."""
    for first, again in repeated(named):
        found = f"the same statement as entry {first}"
        report.problem("a record is entered twice", f"entry {again}", expected="a statement of its own", found=found, meaning=_AGAIN)


class ObjectVerifier:
    """Lists a store first, and says later, when the entries are known, what doesn't belong there."""

    def __init__(self, store: Store, trust: Trust, report: Report, named: Buckets, listed: Buckets) -> None:
        self._store, self._trust, self._report = store, trust, report
        self._named, self._listed = named, listed
        self._strays: list[str] = []
        """Those objects that need a look of their own: partial tiles, waiting cards, whatever has no business there."""

    def list(self, size: int) -> None:
        """Take down every object's name. `size` is a tree's whose full tiles are read anyway."""
        for key in self._store.list(""):
            if (
                key in {layout.LOG, layout.CHECKPOINT, layout.HINT}
                or key.startswith((layout.COMMITS, layout.TIMESTAMPS))
                or self._listed.add_key(key)
            ):
                continue
            if not key.startswith(layout.TILES) or not _is_whole_within(key, size):
                self._strays.append(key)

    def verify(self, tree: TreeReader, of: TileVerifier) -> None:
        """What no entry of this tree accounts for."""
        for kind, name in unmatched(self._named, self._listed):
            self._check_extra(key_of(kind, name))
        for key in self._strays:
            if key.startswith(layout.TILES):
                of.check_stray(key, tree)
            elif key.startswith(layout.PENDING):
                self._check_waiting(key)
            else:
                self._check_extra(key)

    def _check_waiting(self, key: str) -> None:
        """Whoever may write to the store can put anything there. No writer commits it, so the log is none the worse: a note, whatever it is."""
        name = key.removeprefix(layout.PENDING)
        data = self._store.read(key) if KEY.fullmatch(name) else b""
        if data is None:
            return  # committed since it was listed
        try:
            card = parse_card(data)
            if card.key != name:
                raise VerificationError(f"the card's own key is {card.key}", remedy=PLANTED)
            verify_record(card, self._store.read(layout.envelope_key(card.envelope)) or b"", self._trust)
        except (FormatError, VerificationError) as error:
            self._report.note("a waiting card stands for no signed record", key, expected="a signed record", found=error.message, meaning=PLANTED)
            return
        self._report.note("a record waits for its commit", key, expected="an entry", found="a waiting card", meaning=STOPPED)

    def _check_extra(self, key: str) -> None:
        if key.startswith((layout.ENVELOPES, layout.FACTS)):
            self._report.note("an object belongs to no entry", key, expected="an entry that names it", found="none", meaning=_NO_ENTRY)
        else:
            self._report.problem("an object belongs to no commit", key, expected="nothing", found="an object", meaning=_FOREIGN)


def _is_whole_within(key: str, size: int) -> bool:
    """Whether a key is that of a full tile or bundle of a tree of this size: these are read anyway."""
    try:
        tile = tiles.parse_path(key)
    except FormatError:
        return False
    return tile.width == tiles.WIDTH and tile.level <= tiles.MAX_LEVEL and tiles.tile_at(tile.level, tile.index, size).width == tiles.WIDTH
