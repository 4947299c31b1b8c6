"""The Merkle tree of RFC 6962, section 2.1, over SHA-256: hashes, a frontier that grows, proofs and their verification.

Pure. A tree is read through `HashReader`: the hash of the perfect subtree at (level, index), whose leaves are
`index << level` up to `(index + 1) << level`.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from changegate.errors import VerificationError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()

HashReader: TypeAlias = Callable[[int, int], bytes]

_REMEDY: Final = "The proof doesn't belong to this tree: fetch both anew. If it happens again, the log was changed; keep what you have and say so."


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf that holds `entry`."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """What a tree needs to grow: the roots of its maximal perfect subtrees, the leftmost and largest first, one for each bit set in `size`."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def extend(self, leaf_hashes: Iterable[bytes]) -> "Frontier":
        """The frontier after these leaves."""
        size, stack = self.size, list(self.hashes)
        for leaf in leaf_hashes:
            node, rest = leaf, size
            while rest & 1:
                node, rest = node_hash(stack.pop(), node), rest >> 1
            stack.append(node)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self.hashes:
            return EMPTY_ROOT
        *rest, root = self.hashes
        for left in reversed(rest):
            root = node_hash(left, root)
        return root


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a row of hashes whose number is a power of two."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def growth_reader(before: Frontier, leaf_hashes: Sequence[bytes]) -> HashReader:
    """A reader for the leaves that a tree has just gained: `before` and they are all it knows.

    It answers for every subtree that a proof of one of the new leaves needs: an old sibling is always one of the frontier's roots.
    """
    known: dict[tuple[int, int], bytes] = {}
    start = 0
    for level, hash_ in zip(_bits(before.size), before.hashes, strict=True):
        known[level, start >> level] = hash_
        start += 1 << level
    known.update({(0, before.size + i): leaf for i, leaf in enumerate(leaf_hashes)})

    def read(level: int, index: int) -> bytes:
        found = known.get((level, index))
        if found is None:
            found = known[level, index] = node_hash(read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
        return found

    return read


def inclusion_proof(index: int, size: int, read: HashReader) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree of `size` leaves (section 2.1.1), the leaf's sibling first."""
    if not 0 <= index < size:
        raise VerificationError(f"no leaf {index} in a tree of {size}", remedy=_REMEDY)
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(begin, middle, read))
            begin = middle
    return tuple(reversed(path))


def root_of(size: int, read: HashReader) -> bytes:
    """The root of the tree of the first `size` leaves (section 2.1)."""
    return _range_hash(0, size, read) if size else EMPTY_ROOT


def consistency_proof(old: int, new: int, read: HashReader) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves extends the one of `old` (section 2.1.2)."""
    if not 0 < old <= new:
        raise VerificationError(f"no consistency proof from {old} to {new} leaves", remedy=_REMEDY)
    path: list[bytes] = []
    begin, end = 0, new
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_range_hash(middle, end, read))
            end = middle
        else:
            path.append(_range_hash(begin, middle, read))
            begin = middle
    if begin > 0:
        path.append(_range_hash(begin, end, read))
    return tuple(reversed(path))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise `VerificationError` unless the proof binds the leaf hash at `index` to `root` (RFC 9162, section 2.1.3.2)."""
    _check_lengths(leaf, root, *proof)
    if not 0 <= index < size:
        raise VerificationError(f"inclusion proof: no leaf {index} in a tree of {size}", remedy=_REMEDY)
    _, found = _climb(index, size - 1, leaf, proof)
    if found != root:
        raise VerificationError("inclusion proof: leads to another root than the signed one", remedy=_REMEDY)


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise `VerificationError` unless the proof shows that `new` extends `old` (RFC 9162, section 2.1.4.2)."""
    _check_lengths(old_root, new_root, *proof)
    if not 0 < old <= new:
        raise VerificationError(f"consistency proof: from {old} to {new} leaves there is none", remedy=_REMEDY)
    if old == new:
        if proof or old_root != new_root:
            raise VerificationError("consistency proof: two roots for one size, or a proof where none is needed", remedy=_REMEDY)
        return
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise VerificationError("consistency proof: empty", remedy=_REMEDY)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    from_old, from_new = _climb(node, last, path[0], path[1:])
    if from_old != old_root or from_new != new_root:
        raise VerificationError("consistency proof: the newer tree doesn't extend the older one", remedy=_REMEDY)


def _climb(node: int, last: int, start: bytes, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """From a node of a level whose last is `last` up to the root: the root over what lies left of the node and itself, and that over all."""
    left = whole = start
    for sibling in path:
        if last == 0:
            raise VerificationError("proof: longer than the tree is high", remedy=_REMEDY)
        if node & 1 or node == last:
            left, whole = node_hash(sibling, left), node_hash(sibling, whole)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            whole = node_hash(whole, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise VerificationError("proof: shorter than the tree is high", remedy=_REMEDY)
    return left, whole


def _range_hash(begin: int, end: int, read: HashReader) -> bytes:
    """MTH(D[begin:end]) where `begin` is aligned as in every range of the RFC's recursion."""
    count = end - begin
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return read(level, begin >> level)
    middle = begin + _split(count)
    return node_hash(_range_hash(begin, middle, read), _range_hash(middle, end, read))


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _bits(size: int) -> list[int]:
    return [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]


def _check_lengths(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise VerificationError("proof: a hash that isn't 32 bytes long", remedy=_REMEDY)
