"""What is deployed, and what the pipeline brings along of it, as options name the files."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeVar

from changegate import provenance, reports
from changegate.cli import judging
from changegate.errors import InputError
from changegate.facts import Artifact
from changegate.gate import Given

MAX_COUNT: Final = 1000
_BY_DIGEST: Final = re.compile(r"(?P<name>.{1,500})@sha256:(?P<sha256>[0-9a-f]{64})")

T = TypeVar("T")


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


def read_given(provenances: Sequence[str], tests: Sequence[str], coverage: Sequence[str]) -> Given:
    """All that the files of `--provenance`, `--test-results` and `--coverage` hold. Raises `InputError` for one that isn't there."""
    attestations = tuple(
        each
        for file in _bounded("--provenance", provenances)
        for each in provenance.split(_read("--provenance", file, provenance.MAX_BYTES), source=f"--provenance {file}")
    )
    return Given(
        tuple(_bounded("--provenance", attestations)),
        tuple(reports.read_tests(_read("--test-results", each, reports.MAX_BYTES), Path(each).name) for each in _bounded("--test-results", tests)),
        tuple(reports.read_coverage(_read("--coverage", each, reports.MAX_BYTES), Path(each).name) for each in _bounded("--coverage", coverage)),
    )


def _bounded(option: str, found: Sequence[T]) -> Sequence[T]:
    if len(found) > MAX_COUNT:
        raise InputError(f"{option}: {len(found)}, more than {MAX_COUNT}", remedy="Merge them, or give those of what is deployed.")
    return found


def _read(option: str, file: str, limit: int) -> bytes:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(limit + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no name of a file"
        raise InputError(f"{option} {file[:200]!r}: {why}", remedy="Name the file that the pipeline wrote.") from error
