"""Reading a tiled tree whose size and root are known: every hash and every entry is checked on its way in.

Every tile is checked against the tile above it, those at the right edge together against the root, and every entry against its tile.
"""

from collections import OrderedDict
from typing import Final

from changegate.errors import VerificationError
from changegate.evidence import merkle, tiles
from changegate.evidence.edge import Edge
from changegate.evidence.tiles import Tile
from changegate.stores import Store

_CACHED_TILES: Final = 64
REMEDY: Final = "Run `changegate verify`: it says what is damaged. The next append makes missing tiles anew; the rest comes from a copy of the store."


class TreeReader:
    """The tree of `size` entries with this root, in a store."""

    def __init__(self, store: Store, size: int, root: bytes) -> None:
        self._store = store
        self.size = size
        self.root = root
        self._cache: OrderedDict[Tile, tuple[bytes, ...]] = OrderedDict()
        self._rows: tuple[tuple[bytes, ...], ...] | None = None

    def entries(self, bundle: int) -> tuple[bytes, ...]:
        """The entries of one bundle, each of which hashes to its place in the verified tile.

        Raises `VerificationError`, `FormatError`, `StoreError`.
        """
        tile = tiles.tile_at(0, bundle, self.size)
        entries = tiles.parse_bundle(self._read_tile(Tile(0, bundle, tile.width, bundle=True)), tile.width)
        if tile.width == tiles.WIDTH and tile not in self._cache:
            # A whole bundle is proved by one hash of the tile above; its own tile is read only where that fails, to say which entry it is.
            above = self.tile(tiles.tile_at(1, bundle // tiles.WIDTH, self.size))[bundle % tiles.WIDTH]
            if merkle.perfect_root([merkle.leaf_hash(entry) for entry in entries]) == above:
                return entries
        hashes = self.tile(tile)
        for at, (entry, expected) in enumerate(zip(entries, hashes, strict=True)):
            if merkle.leaf_hash(entry) != expected:
                raise VerificationError(f"entry {bundle * tiles.WIDTH + at} is not the one that was signed", remedy=REMEDY)
        return entries

    def check_bundle(self, bundle: int, data: bytes | None) -> tuple[bytes, ...]:
        """A full bundle whose bytes are at hand, held against the tile above its own: for whoever reads them all. Raises as `entries`."""
        above = self.tile(tiles.tile_at(1, bundle // tiles.WIDTH, self.size))[bundle % tiles.WIDTH]
        path = Tile(0, bundle, bundle=True).path
        if data is None:
            raise VerificationError(f"{path} is missing from {self._store.url}", remedy=REMEDY)
        entries = tiles.parse_bundle(data, tiles.WIDTH)
        if merkle.perfect_root([merkle.leaf_hash(entry) for entry in entries]) != above:
            raise VerificationError(f"{path} doesn't hash to what the signed root demands", remedy=REMEDY)
        return entries

    def hashes(self, level: int, index: int) -> bytes:
        """The tree's verified hashes: a `merkle.HashReader`."""
        return tiles.hash_reader(self.size, self.tile)(level, index)

    def tile(self, tile: Tile) -> tuple[bytes, ...]:
        """A tile's verified hashes. Raises `VerificationError`, `FormatError`, `StoreError`."""
        if self._rows is None:
            self._rows = self._edge_rows()
        if tile.width < tiles.WIDTH:
            return self._rows[tile.level]
        if tile in self._cache:
            self._cache.move_to_end(tile)
            return self._cache[tile]
        # Its hash stands in the tile above, whose own was checked the same way; at the right edge the signed root vouches.
        above = self.tile(tiles.tile_at(tile.level + 1, tile.index // tiles.WIDTH, self.size))
        hashes = tiles.parse_tile(self._read(tile.path), tile.width)
        if merkle.perfect_root(hashes) != above[tile.index % tiles.WIDTH]:
            raise VerificationError(f"{tile.path} doesn't hash to what the signed root demands", remedy=REMEDY)
        self._cache[tile] = hashes
        if len(self._cache) > _CACHED_TILES:
            self._cache.popitem(last=False)
        return hashes

    def edge(self) -> Edge:
        """The right edge, verified. Raises as `tile` does, where its bundle is damaged too."""
        rows = tuple(self.tile(tile) if tile.width else () for tile in tiles.edge(self.size))
        return Edge(self.size, rows, self.entries(self.size // tiles.WIDTH) if self.size % tiles.WIDTH else ())

    def _edge_rows(self) -> tuple[tuple[bytes, ...], ...]:
        rows = tuple(tiles.parse_tile(self._read_tile(tile), tile.width) for tile in tiles.edge(self.size))
        if Edge(self.size, rows).frontier().root() != self.root:
            raise VerificationError("the tiles at the tree's right edge don't hash to the signed root", remedy=REMEDY)
        return rows

    def _read_tile(self, tile: Tile) -> bytes:
        """A tile's bytes. A partial one may have been removed once the full one was there ("Partial Tiles"), which begins with it."""
        if tile.width == 0:
            return b""
        data = self._store.read(tile.path)
        if data is not None:
            return data
        whole = self._read(tile.full.path)
        if tile.bundle:
            return tiles.format_bundle(tiles.parse_bundle(whole, tiles.WIDTH)[: tile.width])
        return tiles.format_tile(tiles.parse_tile(whole, tiles.WIDTH)[: tile.width])

    def _read(self, key: str) -> bytes:
        data = self._store.read(key)
        if data is None:
            raise VerificationError(f"{key} is missing from {self._store.url}", remedy=REMEDY)
        return data
