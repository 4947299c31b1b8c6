"""How far a long command is: on a terminal a bar with rate and time left, else a line now and then. All on standard error."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click

_QUIET_SECONDS: Final = 30.0


@contextmanager
def shown(clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[int, int], None]]:
    """A function to tell how many records are done, and of how many."""
    if not sys.stderr.isatty():
        yield _lines(clock)
        return
    # Only where it is shown: a command starts fast.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("records, {task.fields[rate]:.0f}/s"), TimeRemainingColumn())
    begun = clock()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate=0.0)
        yield lambda done, total: bar.update(task, completed=done, total=total, rate=done / max(clock() - begun, 0.001))


def _lines(clock: Callable[[], float]) -> Callable[[int, int], None]:
    begun = told = clock()

    def tell(done: int, total: int) -> None:
        nonlocal told
        now = clock()
        if now - told >= _QUIET_SECONDS:
            told = now
            rate = done / (now - begun)
            left = f", about {max(0, total - done) / rate:.0f} s left" if done else ""
            click.echo(f"{done} of {total} records, {rate:.0f}/s{left}", err=True)

    return tell
