"""Whether what is printed has colour, and how wide it is: by the terminal, and by the variables that people set for every tool."""

import shutil
import sys
from collections.abc import Mapping
from typing import Final

WIDEST: Final = 120
_WITHOUT_TERMINAL: Final = 100


def colour(environ: Mapping[str, str], *, terminal: bool) -> bool:
    """NO_COLOR (https://no-color.org) before FORCE_COLOR (https://force-color.org) before CLICOLOR_FORCE and CLICOLOR (https://bixense.com/clicolors).

    Without any of them: on a terminal that isn't `dumb`. A pipeline's log is no terminal; where it shows colour, FORCE_COLOR=1 asks for it.
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return environ["FORCE_COLOR"] not in {"0", "false"}
    if environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    return terminal and environ.get("CLICOLOR") != "0" and environ.get("TERM") != "dumb"


def width(environ: Mapping[str, str], *, terminal: bool) -> int:
    """COLUMNS, where it is a number; else the terminal's width within reason, or 100 columns where there is none."""
    given = environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given[:6]) > 0:
        return min(int(given[:6]), 1000)
    return min(shutil.get_terminal_size().columns, WIDEST) if terminal else _WITHOUT_TERMINAL


def on_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()
