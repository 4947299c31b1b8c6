"""The right edge of a tiled tree: what a log must know to write the tiles of its next commit. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from changegate.evidence import merkle, tiles
from changegate.evidence.tiles import Tile


@dataclass(frozen=True)
class Edge:
    """The partial tiles of a tree of `size`, by level, and the entries of its partial bundle."""

    size: int = 0
    rows: tuple[tuple[bytes, ...], ...] = ()
    entries: tuple[bytes, ...] = ()

    def frontier(self) -> merkle.Frontier:
        """The frontier that these tiles make. Each hash of a row stands for a perfect subtree, as a leaf does."""
        hashes: list[bytes] = []
        for row in reversed(self.rows):
            hashes += merkle.Frontier().extend(row).hashes
        return merkle.Frontier(self.size, tuple(hashes))

    def objects(self) -> dict[str, bytes]:
        """The partial tiles and the partial bundle."""
        first = self.size // tiles.WIDTH
        objects = {Tile(0, first, len(self.entries), bundle=True).path: tiles.format_bundle(self.entries)} if self.entries else {}
        for level, row in enumerate(self.rows):
            if row:
                objects[Tile(level, self.size >> tiles.HEIGHT * (level + 1), len(row)).path] = tiles.format_tile(row)
        return objects

    def follow(self, entries: Sequence[bytes], leaf_hashes: Sequence[bytes]) -> "Edge":
        """The edge after these entries, without the objects of `grow`."""
        gained, rows, level = list(leaf_hashes), list[tuple[bytes, ...]](), 0
        while gained or level < len(self.rows):
            row = [*(self.rows[level] if level < len(self.rows) else ()), *gained]
            full = len(row) // tiles.WIDTH
            gained = [merkle.perfect_root(row[i * tiles.WIDTH : (i + 1) * tiles.WIDTH]) for i in range(full)]
            rows.append(tuple(row[full * tiles.WIDTH :]))
            level += 1
        bundled = (*self.entries, *entries)
        return Edge(self.size + len(entries), tuple(rows), bundled[len(bundled) - len(bundled) % tiles.WIDTH :])

    def grow(self, entries: Sequence[bytes], leaf_hashes: Sequence[bytes]) -> tuple["Edge", dict[str, bytes]]:
        """The edge after these entries, and the objects that a store gains: every tile and bundle that is new or wider."""
        objects: dict[str, bytes] = {}
        bundled = [*self.entries, *entries]
        index = self.size // tiles.WIDTH
        for at in range(0, len(bundled) if entries else 0, tiles.WIDTH):
            part = bundled[at : at + tiles.WIDTH]
            objects[Tile(0, index + at // tiles.WIDTH, len(part), bundle=True).path] = tiles.format_bundle(part)
        gained, level = list(leaf_hashes), 0
        while gained:
            row = [*(self.rows[level] if level < len(self.rows) else ()), *gained]
            index = self.size >> tiles.HEIGHT * (level + 1)
            for at in range(0, len(row), tiles.WIDTH):
                part_row = row[at : at + tiles.WIDTH]
                objects[Tile(level, index + at // tiles.WIDTH, len(part_row)).path] = tiles.format_tile(part_row)
            gained = [merkle.perfect_root(row[at : at + tiles.WIDTH]) for at in range(0, len(row) - tiles.WIDTH + 1, tiles.WIDTH)]
            level += 1
        return self.follow(entries, leaf_hashes), objects
