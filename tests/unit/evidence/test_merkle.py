"""RFC 6962 trees: published vectors, and every tree up to a size against the definition."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import vectors

from changegate.errors import VerificationError
from changegate.evidence import merkle

LEAVES = [merkle.leaf_hash(b"entry %d" % i) for i in range(40)]


def root_of(hashes: list[bytes]) -> bytes:
    """MTH, word for word as section 2.1 defines it."""
    if not hashes:
        return merkle.EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return merkle.node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def reader(hashes: list[bytes]) -> merkle.HashReader:
    return lambda level, index: root_of(hashes[index << level : (index + 1) << level])


def decode(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def published(kind: str) -> list[Any]:
    root = vectors() / "merkle" / kind
    return [pytest.param(path, id=str(path.relative_to(root))) for path in sorted(root.rglob("*.json"))]


@pytest.mark.parametrize("path", published("inclusion"))
def test_published_inclusion_proofs(path: Path) -> None:
    case = json.loads(path.read_bytes())
    arguments = (decode(case["leafHash"]), case["leafIdx"], case["treeSize"], [decode(each) for each in case["proof"] or []], decode(case["root"]))
    if case["wantErr"]:
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(*arguments)
    else:
        merkle.verify_inclusion(*arguments)


@pytest.mark.parametrize("path", published("consistency"))
def test_published_consistency_proofs(path: Path) -> None:
    case = json.loads(path.read_bytes())
    arguments = (case["size1"], decode(case["root1"]), case["size2"], decode(case["root2"]), [decode(each) for each in case["proof"] or []])
    if case["wantErr"]:
        with pytest.raises(VerificationError):
            merkle.verify_consistency(*arguments)
    else:
        merkle.verify_consistency(*arguments)


def test_the_published_vectors_are_all_there() -> None:
    assert len(published("inclusion")) >= 40
    assert len(published("consistency")) >= 40


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_the_frontier_makes_the_root_however_the_leaves_come(size: int) -> None:
    for first in range(size + 1):
        frontier = merkle.Frontier().extend(LEAVES[:first]).extend(LEAVES[first:size])
        assert frontier.size == size
        assert frontier.root() == root_of(LEAVES[:size])


@pytest.mark.parametrize("size", range(1, len(LEAVES) + 1))
def test_every_inclusion_proof_holds_for_its_leaf_alone(size: int) -> None:
    root = root_of(LEAVES[:size])
    for index in range(size):
        proof = merkle.inclusion_proof(index, size, reader(LEAVES))
        merkle.verify_inclusion(LEAVES[index], index, size, proof, root)
        for other in range(size):
            if other != index:
                with pytest.raises(VerificationError):
                    merkle.verify_inclusion(LEAVES[index], other, size, proof, root)


@pytest.mark.parametrize("new", range(1, len(LEAVES) + 1))
def test_every_consistency_proof_holds_and_no_other_root_passes(new: int) -> None:
    for old in range(1, new + 1):
        proof = merkle.consistency_proof(old, new, reader(LEAVES))
        old_root, new_root = root_of(LEAVES[:old]), root_of(LEAVES[:new])
        merkle.verify_consistency(old, old_root, new, new_root, proof)
        forged = bytes([old_root[0] ^ 1]) + old_root[1:]
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, forged, new, new_root, proof)
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, old_root, new, forged, proof)


@given(st.integers(0, 30), st.integers(1, 10), st.data())
def test_the_growth_reader_proves_new_leaves_from_the_frontier_alone(old: int, gained: int, data: st.DataObject) -> None:
    size = old + gained
    index = data.draw(st.integers(old, size - 1))
    read = merkle.growth_reader(merkle.Frontier().extend(LEAVES[:old]), LEAVES[old:size])
    assert merkle.inclusion_proof(index, size, read) == merkle.inclusion_proof(index, size, reader(LEAVES))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 4)])
def test_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(VerificationError):
        merkle.inclusion_proof(index, size, reader(LEAVES))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5)])
def test_no_consistency_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(VerificationError):
        merkle.consistency_proof(old, new, reader(LEAVES))
    with pytest.raises(VerificationError):
        merkle.verify_consistency(old, merkle.EMPTY_ROOT, new, root_of(LEAVES[:new]), [])
