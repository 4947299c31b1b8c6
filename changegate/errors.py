"""Every fatal error of changegate, with its exit code and its remedy.

A denial is a value (`changegate.decision.Decision`), never an exception. An exception means that the tool could not do its work:
`changegate.cli.main` is the only place that catches them, prints message and remedy, and exits with `exit_code`.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The documented exit codes. All but `ALLOWED` stop a deploy."""

    ALLOWED = 0
    BLOCKED = 1
    USAGE = 2
    NOT_JUDGED = 3
    NOT_RECORDED = 4
    NOT_VERIFIED = 5
    BUG = 70


class ChangegateError(Exception):
    """What happened (`message`), and what to do about it (`remedy`)."""

    exit_code: ClassVar[ExitCode]

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[Callable[..., "ChangegateError"], tuple[type["ChangegateError"], str, str]]:
        """An error of another process stays the error that it is."""
        return _again, (type(self), self.message, self.remedy)


def _again(kind: type[ChangegateError], message: str, remedy: str) -> ChangegateError:
    return kind(message, remedy=remedy)


class InputError(ChangegateError):
    """An option, an environment variable or an input file is wrong or missing."""

    exit_code = ExitCode.USAGE


class PolicyError(InputError):
    """The policy file can't be used; the message names file, line and key."""


class ForgeError(ChangegateError):
    """The forge could not be asked, or its answer could not be trusted to be whole."""

    exit_code = ExitCode.NOT_JUDGED


class SigningError(ChangegateError):
    """No signature could be made: no key, wrong key, wrong passphrase."""

    exit_code = ExitCode.NOT_RECORDED


class StoreError(ChangegateError):
    """The evidence store could not be read or written."""

    exit_code = ExitCode.NOT_RECORDED


class FormatError(ChangegateError):
    """Bytes that should follow a published format don't. Parsers raise this and nothing else."""

    exit_code = ExitCode.NOT_VERIFIED


class VerificationError(ChangegateError):
    """Evidence is not what was signed: tampered with, incomplete or inconsistent."""

    exit_code = ExitCode.NOT_VERIFIED
