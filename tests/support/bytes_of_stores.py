"""Every byte that a store or a pack holds, and what those bytes are when they are unpacked and decoded."""

import base64
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")


def read_folder(folder: Path) -> Iterator[bytes]:
    """Each file below the folder, decoded as far as anybody could."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)).encode()
            yield from decoded(path.read_bytes())


def decoded(data: bytes) -> Iterator[bytes]:
    """The bytes, unpacked where they are gzip, and whatever base64 is in them (a DSSE envelope's payload, a receipt's entry)."""
    yield data
    if data.startswith(b"\x1f\x8b"):
        yield from decoded(gzip.decompress(data))
    for match in _BASE64.finditer(data):
        text = match[0]
        yield base64.b64decode(text + b"=" * (-len(text) % 4))
    if data.lstrip().startswith(b"{"):
        try:
            yield json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace")  # without escapes
        except ValueError:
            pass


def find_words(texts: Iterable[bytes], words: Iterable[str]) -> set[str]:
    """Which of these words are in it anywhere, whatever stands around them, in any case."""
    lower = [text.lower() for text in texts]
    return {word for word in words if any(word.lower().encode() in text for text in lower)}
