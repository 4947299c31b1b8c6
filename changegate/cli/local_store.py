"""The store that holds where none is named: a directory on this machine's disk. Good for a try, and no place for evidence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from changegate.cli.options import DEFAULT_STORE
from changegate.errors import InputError, StoreError

_DIRECTORY: Final = Path(DEFAULT_STORE.removeprefix("file:")).parent
_REMEDY: Final = (
    "Name one that stays: --store git:URL#changegate-evidence (CHANGEGATE_STORE). A directory that outlives the job goes as --store file:DIR."
)


def prepare(context: click.Context, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Look whether `--store` was left to its default, before anything is written there; the warnings that this leaves.

    In a pipeline it is refused: the record would vanish with the job. Elsewhere git is told to leave the directory alone. Raises `InputError`,
    or `StoreError` where the directory can't be made.
    """
    if context.get_parameter_source("store") is not ParameterSource.DEFAULT:
        return ()
    if environ.get("CI", "").lower() in {"true", "1"}:
        raise InputError("no evidence store is named: by default it lies on this machine's disk, and would vanish with the job", remedy=_REMEDY)
    try:
        _DIRECTORY.mkdir(exist_ok=True)
        if not (_DIRECTORY / ".gitignore").exists():
            (_DIRECTORY / ".gitignore").write_text("# Evidence of a try, on this disk only.\n/evidence/\n/.gitignore\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{_DIRECTORY}: {error.strerror}", remedy="Let it be a directory that can be written, or name another --store.") from error
    return ("this store lies on this machine's disk, for a try; in a pipeline name one that stays: --store git:URL#changegate-evidence",)
