"""Every byte that a store or a pack holds, and what those bytes are when they are unpacked and decoded."""

import base64
import contextlib
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
        text = match[0].rstrip(b"=")
        yield base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + b"==")
    if data.lstrip().startswith(b"{"):
        with contextlib.suppress(ValueError):
            yield json.dumps(json.loads(data), ensure_ascii=False).encode("utf-8", "replace")  # without escapes


def find_words(texts: Iterable[bytes], words: Iterable[str]) -> set[str]:
    """Which of these words are in it anywhere, in any case. What is so short that it may stand there by chance has to stand alone."""
    patterns = {word: re.compile((rf"{re.escape(word)}" if len(word) > 3 else rf"\b{re.escape(word)}\b").encode(), re.IGNORECASE) for word in words}
    found: set[str] = set()
    for text in texts:
        found |= {word for word, pattern in patterns.items() if pattern.search(text)}
    return found
