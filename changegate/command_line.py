"""A command line as people may see it. Pure."""

import re
import shlex
from collections.abc import Iterable
from typing import Final

MOST: Final = 1000
"""Characters. A list of commits makes a line of any length."""
# Up to the last @ of the authority; a query, which may be a token; whatever a header that authenticates holds.
_SECRET: Final = re.compile(r"(?<=://)[^/\s]*(?=@)|(?<=\?)[^\s'\"#]+|(?i:(?<=authorization:)|(?<=token:)|(?<=extraheader=))[^\n]+")


def show(arguments: Iterable[str]) -> str:
    """The words as a shell would take them, with `***` in place of what may be a secret, cut after `MOST` characters."""
    line = shlex.join(_SECRET.sub("***", word) for word in arguments)
    return line if len(line) <= MOST else f"{line[:MOST]}…"
