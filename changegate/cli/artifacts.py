"""What is deployed, and what its builder says of it, as options name them."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from changegate import provenance
from changegate.cli import judging
from changegate.errors import InputError
from changegate.facts import Artifact

_BY_DIGEST: Final = re.compile(r"(?P<name>.{1,500})@sha256:(?P<sha256>[0-9a-f]{64})")


def read_artifact(text: str) -> Artifact:
    """One `--artifact`: a name with its digest, or a file, which is named by its last part. Raises `InputError`."""
    match = _BY_DIGEST.fullmatch(text)
    if match:
        return Artifact(name=judging.require_name("--artifact", match["name"]), sha256=match["sha256"])
    try:
        with Path(text).open("rb") as file:
            return Artifact(name=judging.require_name("--artifact", Path(text).name), sha256=hashlib.file_digest(file, "sha256").hexdigest())
    except (OSError, ValueError) as error:
        raise InputError(
            f"--artifact {text[:200]!r} is neither NAME@sha256:DIGEST nor a file that can be read",
            remedy="For example ghcr.io/acme/shop@sha256: and 64 hex digits, or dist/shop.tar.gz.",
        ) from error


def read_attestations(files: Iterable[str]) -> tuple[bytes, ...]:
    """All that the files of `--provenance` hold. Raises `InputError`."""
    found = tuple(each for file in files for each in provenance.split(_read(file), source=f"--provenance {file}"))
    if len(found) > provenance.MAX_COUNT:
        raise InputError(f"--provenance: {len(found)} attestations, more than {provenance.MAX_COUNT}", remedy="Give those of what is deployed.")
    return found


def _read(file: str) -> bytes:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(provenance.MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no name of a file"
        raise InputError(f"--provenance {file[:200]!r}: {why}", remedy="Name the file that the builder wrote.") from error
