"""What follows from the commits: tiles, entry bundles, indices, the published checkpoint.

All of it is a function of the commits. The same function writes it after winning a commit, after a crash of whoever won, and after a loss of tiles.
"""

import re
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import layout, merkle, tiles
from changegate.evidence.commit import Commit, format_commit, parse_commit
from changegate.evidence.edge import Edge
from changegate.evidence.history import ROLLED_BACK, Head
from changegate.evidence.index_object import format_index_object
from changegate.evidence.tree import TreeReader
from changegate.stores import Batch, Store

_HINT_EVERY: Final = 16
_WIDTH: Final = re.compile(r"[0-9]{1,3}", re.ASCII)


class Publisher:
    """Keeps a store's published part up with its commits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._edge: Edge | None = None
        self._published = 0
        """The size of a tree that is known to be published."""

    def roll_forward(self, head: Head) -> Edge:
        """Step 5 for the head, unless it was done; the tree's right edge. Also what a crashed writer left is finished here."""
        if head.commit is None:
            return Edge()
        followed = self._edge if self._edge is not None and self._edge.size == head.commit.size else None
        edge = (followed or self._load_edge(head.commit.after)) if self.is_published(head.commit) else None
        if edge is not None:
            self._edge = edge
        else:
            # Its writer may have died before the commit's name was durable; what follows from it must not outlive it.
            self._store.apply(Batch(create={layout.commit_key(head.number): format_commit(head.commit)}))
            self._store.flush()
            before = self._load_edge(head.commit.before)
            if before is None:
                self._edge = self._rebuild(head.commit)
            else:
                self._edge, then = self.sequel(head.commit, before)
                self.write(then)
            self._published = head.commit.size
        return self._edge

    def is_published(self, commit: Commit) -> bool:
        """Whether all that follows from the head's commit is there, durably: `checkpoint` is published after everything else."""
        # Cosignatures stand after what the commit has.
        if self._published < commit.size and (self._store.read(layout.CHECKPOINT) or b"").startswith(commit.checkpoint):
            self._published = commit.size
        return self._published >= commit.size

    def follow(self, commit: Commit) -> None:
        """Another writer's commit was found, the next one: the edge is known without reading it."""
        if self._edge is not None and self._edge.size == commit.before.size:
            self._edge = self._edge.follow(commit.entries, commit.leaf_hashes)

    def _load_edge(self, frontier: merkle.Frontier) -> Edge | None:
        """The right edge of the tree with this frontier; None where its tiles are missing or damaged."""
        try:
            return TreeReader(self._store, frontier.size, frontier.root()).edge()
        except (VerificationError, FormatError):
            return None

    def _rebuild(self, last: Commit) -> Edge:
        """Write every tile, bundle and index anew from the commits. Raises `VerificationError` where the store holds others."""
        edge = Edge()
        for number in range(1, last.number + 1):
            data = self._store.read(layout.commit_key(number))
            if data is None:
                raise VerificationError(f"commit {number} is missing, so that the log can't be continued", remedy=ROLLED_BACK)
            edge, then = self.sequel(parse_commit(data), edge)
            final = number == last.number
            self.write(Batch({key: each for key, each in then.create.items() if final or ".p/" not in key}, then.publish if final else {}))
        if edge.frontier() != last.after:
            raise VerificationError("the commits don't make the tree that was signed", remedy=ROLLED_BACK)
        return edge

    def advance(self, edge: Edge) -> None:
        """The store is known to be published up to this edge."""
        self._edge, self._published = edge, edge.size

    def write(self, batch: Batch) -> None:
        """Apply it, durably. Raises `VerificationError` where an object exists with other bytes."""
        for key in self._store.apply(Batch(create=batch.create)):
            if self._store.read(key) not in {batch.create[key], None}:
                raise VerificationError(f"{key} exists and holds something else than the commits say", remedy=ROLLED_BACK)
        self._store.apply(Batch(publish=batch.publish, remove=batch.remove))
        self._store.flush()

    def sequel(self, commit: Commit, before: Edge) -> tuple[Edge, Batch]:
        """What follows from a commit: a pure function of it and the edge before, but for the names of partial tiles to remove."""
        after, objects = before.grow(commit.entries, commit.leaf_hashes)
        indices = {layout.index_key(key): format_index_object(index) for key, index in commit.places.items()}
        # A slow writer may publish an older checkpoint over a newer one: that is stale, never wrong, and the next append publishes anew.
        publish = {layout.CHECKPOINT: commit.checkpoint}
        if commit.number % _HINT_EVERY == 0:
            publish[layout.HINT] = b"%d" % commit.number
        remove = [layout.pending_key(key) for key in commit.places]
        for path in objects:
            tile = tiles.parse_path(path)
            if tile.width == tiles.WIDTH:
                partial = f"{path}.p/"
                remove += (key for key in self._store.list(partial) if _WIDTH.fullmatch(key.removeprefix(partial)))
        return after, Batch({**objects, **indices}, publish, tuple(remove))
