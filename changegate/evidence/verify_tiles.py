"""Hold a store's tiles against what the commits make, as the stretches of commits come in, in order. Memory: the right edge of the tree."""

from changegate.errors import FormatError, VerificationError
from changegate.evidence import merkle, tiles
from changegate.evidence.commit import Commit
from changegate.evidence.findings import EDITED, Report
from changegate.evidence.tiles import Tile
from changegate.evidence.tree import TreeReader
from changegate.evidence.verify_commits import CommitVerifier, Stretch, short
from changegate.stores import Store

_BEYOND = "Commits were deleted, or somebody put it there. Compare with a copy of the store and an earlier checkpoint; then remove it."


class TileVerifier:
    """The right edge of what was verified, and the tiles that it fills."""

    def __init__(self, store: Store, commits: CommitVerifier, report: Report) -> None:
        self._store, self._commits, self._report = store, commits, report
        self.whole = True
        """False where entries are missing, so that not every tile could be made from the commits."""
        self._entries: tuple[bytes, ...] = ()
        self._rows: list[list[bytes]] = []
        """By level, from 1 on: the hashes of the tile at the right edge."""
        self._size = 0

    def jump(self, tree: TreeReader) -> None:
        """Go on at the end of this tree. Raises `VerificationError`, `FormatError` where the store doesn't have it."""
        edge = tree.edge()
        self._entries, self._rows, self._size = edge.entries, [list(row) for row in edge.rows[1:]], edge.size

    def add(self, stretch: Stretch, first: Commit, size: int) -> None:
        """The next commits, up to `size` entries."""
        if self._size != first.before.size:
            self.whole = False
            return
        joined = self._entries + stretch.begin
        if len(joined) == tiles.WIDTH:
            number = self._size // tiles.WIDTH
            self._fill(self._commits.compare_tile(number, joined, self._report), (number + 1) * tiles.WIDTH)
            joined = ()
        begin = -(-first.before.size // tiles.WIDTH)
        for number, root in enumerate(stretch.roots, begin + 1):
            self._fill(root, number * tiles.WIDTH)
        self._entries, self._size = joined + stretch.end, size

    def finish(self) -> None:
        """The partial tiles at the right edge."""
        if not self.whole:
            return
        if self._entries:
            self._commits.compare_tile(self._size // tiles.WIDTH, self._entries, self._report)
        for level, row in enumerate(self._rows, 1):
            if row:
                path = Tile(level, self._size >> tiles.HEIGHT * (level + 1), len(row)).path
                self._commits.compare(path, tiles.format_tile(row), self._size - 1, self._report)

    def check_stray(self, key: str, tree: TreeReader) -> None:
        """A tile or bundle beyond the tree is one too many; a partial one must be the beginning of the tree's."""
        try:
            tile = tiles.parse_path(key)
        except FormatError as error:
            self._report.error("no tile has such a name", key, error, expected="a tile's path", meaning=_BEYOND)
            return
        now = tiles.tile_at(tile.level, tile.index, tree.size)
        if tile.level > tiles.MAX_LEVEL or now.width < tile.width:
            expected, found = f"at most {now.width} wide", f"{tile.width} wide"
            self._report.problem("a tile lies beyond the tree", key, expected=expected, found=found, meaning=_BEYOND)
        elif tile.width < tiles.WIDTH or not self.whole:
            self._check_within(key, tile, now, tree)

    def _check_within(self, key: str, tile: Tile, now: Tile, tree: TreeReader) -> None:
        data = self._store.read(key)
        if data is None:
            return  # removed since it was listed, as a partial tile may be; one that must be there is missed elsewhere
        try:
            whole = tree.entries(tile.index) if tile.bundle else tree.tile(now)
        except (FormatError, VerificationError) as error:
            if not self.whole:  # else it was held against the commits, and reported there
                self._report.error("a tile isn't what the signed root demands", key, error, expected="the tree's hashes", meaning=EDITED)
            return
        expected = tiles.format_bundle(whole[: tile.width]) if tile.bundle else tiles.format_tile(whole[: tile.width])
        if data != expected:
            self._report.problem("a tile isn't what the commits make", key, expected=short(expected), found=short(data), meaning=EDITED)

    def _fill(self, root: bytes, size: int) -> None:
        """A full tile of level 0 has this root; with it the tree has `size` leaves."""
        level = 1
        while True:
            if len(self._rows) < level:
                self._rows.append([])
            row = self._rows[level - 1]
            row.append(root)
            if len(row) < tiles.WIDTH:
                return
            path = Tile(level, (size >> tiles.HEIGHT * (level + 1)) - 1).path
            self._commits.compare(path, tiles.format_tile(row), size - 1, self._report)
            root = merkle.perfect_root(row)
            row.clear()
            level += 1
