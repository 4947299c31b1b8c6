"""`--names`: the file with what opens the names that records hide. It is never in a store."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from changegate.cli import options
from changegate.errors import InputError
from changegate.gate import Judged
from changegate.openings import SALT_BYTES, Opening, format_openings, parse_openings
from changegate.withholding import withhold

_PERMISSIONS: Final = 0o600

F = TypeVar("F", bound=Callable[..., Any])


def gate_option(function: F) -> F:
    """`--names` of the gate, which writes it."""
    text = "Where to append what opens the names, where the policy hides people. Keep it apart from the evidence; /dev/null forgets them."
    return options.option("--names", metavar="FILE", help=text)(function)


def reading_option(function: F) -> F:
    """`--names` of whoever reads records."""
    text = "The file that opens the names in records that hide people, as `changegate gate --names` wrote it."
    return click.option("--names", metavar="FILE", help=text)(function)


def withhold_names(judged: Judged, file: str | None) -> Judged:
    """What is to be recorded: without names, where the policy says so, and what opens them in the file.

    They are written before the record: a crash in between leaves openings of nothing. Raises `InputError`, also as `withhold` does.
    """
    if not judged.policy.privacy.pseudonymise_people:
        return judged
    if not file:
        raise InputError(
            "the policy hides people's names (`privacy: pseudonymise-people`): where does what opens them go?",
            remedy="Give --names FILE, and keep that file where you may know them; /dev/null forgets the names for good.",
        )
    withheld = withhold(judged, lambda: secrets.token_bytes(SALT_BYTES))
    try:
        path = Path(file)
        path.touch(mode=_PERMISSIONS)
        with path.open("ab") as out:
            out.write(format_openings(withheld.openings))
    except OSError as error:
        raise InputError(f"--names {file}: {error.strerror}", remedy="Name a file that can be written.") from error
    return withheld.judged


def read_names(file: str | None) -> Mapping[str, Opening]:
    """Every opening in the file by its token; none where no file is named. Raises `InputError`, and as `parse_openings` does."""
    return {each.token: each for each in parse_openings(options.read_file(file, "--names"))} if file else {}
