"""How much is read of what comes from outside: one place for all forges. Pure.

A text that people read (a title, a description, a name) is cut, and says so: what was cut can only be missed by a rule, never count for one.
What asserts something by being there or not (a commit's message with its co-authors, a list of files) is read whole or is unknown.
"""

from typing import Final

from changegate.forges.answer import UnreadableError

MAX_LINE: Final = 1000
"""Titles, subjects, labels and names, in characters."""
MAX_DESCRIPTION: Final = 256 * 1024
MAX_MESSAGE: Final = 1024 * 1024
"""A longer message is not read: nobody can have reviewed it, and what it asserts would be cut."""
MAX_FILES: Final = 3000
"""Changed files of one change; GitHub lists no more."""
MAX_REFERENCES: Final = 500
"""Issues that one description names."""
MARK: Final = "… (cut)"


def cut_line(text: str) -> str:
    """A title, a subject or a name; only its beginning where it is very long."""
    return _cut(text, MAX_LINE)


def cut_description(text: str) -> str:
    """A description; only its beginning where it is very long."""
    return _cut(text, MAX_DESCRIPTION)


def _cut(text: str, most: int) -> str:
    """Cut between two words: what is left of SHOP-123, #123 or v1.4.1 would name something else."""
    if len(text) <= most:
        return text
    end = most
    while end and not text[end].isspace():
        end -= 1
    return text[:end] + MARK


def check_message(sha: str, message: str) -> str:
    """The message of a commit. Raises `UnreadableError` where it is longer than is read."""
    if len(message) > MAX_MESSAGE:
        raise UnreadableError(
            f"the message of {sha[:12]} has {len(message)} characters, more than the {MAX_MESSAGE} that are read",
            remedy="Make the commit anew with a message that can be reviewed, and have the change approved again.",
        )
    return message


def check_files(change: str, count: int) -> int:
    """The number of files of a change. Raises `UnreadableError` where there are more than are read."""
    if count > MAX_FILES:
        raise UnreadableError(
            f"{change} changes {count} files, more than the {MAX_FILES} that are read", remedy="Bring it in by several smaller changes."
        )
    return count
