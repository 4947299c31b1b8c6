"""A second opinion: a reader of logs that follows only the published texts and knows nothing of changegate.

https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint, https://c2sp.org/tlog-tiles, RFC 6962 section 2.1, https://c2sp.org/tlog-proof.
Simple rather than fast: it reads the whole log and hashes the tree by the RFC's definition.
"""

import base64
import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class RefusedError(Exception):
    """This is no such log, or not signed by this key."""


def read_checkpoint(note: bytes, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that this verifier key signed."""
    text, _, signatures = note.decode().rpartition("\n\n")
    text += "\n"
    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded)
    if key[0] != 1 or hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() != key_id:
        raise RefusedError("not an Ed25519 verifier key")
    for line in signatures.splitlines():
        dash, signer, value = line.split(" ")
        raw = base64.b64decode(value)
        if dash == "—" and signer == name and raw[:4].hex() == key_id:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(raw[4:], text.encode())
            origin, size, root = text.splitlines()[:3]
            return origin, int(size), base64.b64decode(root)
    raise RefusedError("not signed by this key")


def tree_hash(leaves: list[bytes]) -> bytes:
    """MTH(D[n]) of RFC 6962 over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _path(number: int) -> str:
    """A tile's index as three digits a part, all but the last with an x."""
    digits = str(number)
    digits = "0" * (-len(digits) % 3) + digits
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*("x" + part for part in parts[:-1]), parts[-1]])


def _tiles(log: Path, level: str, count: int) -> list[bytes]:
    """All tiles of a level that has so many hashes or entries."""
    found = []
    for number in range(-(-count // 256)):
        width = min(256, count - number * 256)
        path = log / "tile" / level / _path(number)
        found.append((path if width == 256 else path.with_name(path.name + ".p") / str(width)).read_bytes())
    return found


def read_log(log: Path, vkey: str) -> list[bytes]:
    """Every entry, after all tiles were held against the signed root."""
    _, size, root = read_checkpoint((log / "checkpoint").read_bytes(), vkey)
    entries: list[bytes] = []
    for bundle in _tiles(log, "entries", size):
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
    hashes = [leaf_hash(entry) for entry in entries]
    if len(hashes) != size or tree_hash(hashes) != root:
        raise RefusedError("the entries don't make the signed tree")
    level = 0
    while hashes:
        if b"".join(_tiles(log, str(level), len(hashes))) != b"".join(hashes):
            raise RefusedError(f"the tiles of level {level} aren't the tree's")
        hashes = [tree_hash(hashes[at : at + 256]) for at in range(0, len(hashes) - len(hashes) % 256, 256)]
        level += 1
    return entries


def read_proof(proof: bytes, entry: bytes, vkey: str) -> int:
    """The index at which a tlog-proof shows this entry to be in a signed tree (RFC 9162, section 2.1.3.2)."""
    head, _, checkpoint = proof.partition(b"\n\n")
    lines = [line for line in head.decode().split("\n") if not line.startswith("extra ")]
    _, size, root = read_checkpoint(checkpoint, vkey)
    if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("index "):
        raise RefusedError("not a proof")
    index = int(lines[1].removeprefix("index "))
    node, last, found = index, size - 1, leaf_hash(entry)
    for sibling in map(base64.b64decode, lines[2:]):
        if node % 2 or node == last:
            found = hashlib.sha256(b"\x01" + sibling + found).digest()
            while not node % 2 and node:
                node, last = node // 2, last // 2
        else:
            found = hashlib.sha256(b"\x01" + found + sibling).digest()
        node, last = node // 2, last // 2
    if last or found != root:
        raise RefusedError("the proof leads to another root")
    return index
