"""Commits verified by several processes, and handed over in the order of the log."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass

from changegate.errors import StoreError
from changegate.evidence.verify_commits import CommitVerifier, Stretch, Task
from changegate.stores import Store


@dataclass(frozen=True)
class Workers:
    """How many processes, and how each of them opens the store for itself: something that can be pickled."""

    jobs: int
    reopen: Callable[[], Store]

    def verify(self, task: Task, runs: Iterable[tuple[int, int]]) -> Iterator[list[Stretch]]:
        """What `CommitVerifier.verify` gives for each run, in order. Raises as it does, and `StoreError` where a process died."""
        # Spawned, not forked: a worker shares no descriptor, lock or connection with this process, and it is the same on every system.
        context = multiprocessing.get_context("spawn")
        with _safe_path(), ProcessPoolExecutor(self.jobs, mp_context=context, initializer=_begin, initargs=(self.reopen, task)) as pool:
            ahead: deque[Future[list[Stretch]]] = deque()
            try:
                for run in runs:
                    ahead.append(pool.submit(_verify, *run))
                    if len(ahead) > 2 * self.jobs:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            except BrokenProcessPool as error:
                raise StoreError(
                    "verification stopped: one of its processes died, so nothing is known of what it had to check",
                    remedy="It was killed, most likely for want of memory. Run again, with fewer --jobs.",
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)


@contextmanager
def _safe_path() -> Iterator[None]:
    """A spawned Python begins with `-c`, for which it would import from the working directory first: a `pickle.py` lying there must not run."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


_verifier: CommitVerifier | None = None


def _begin(reopen: Callable[[], Store], task: Task) -> None:
    global _verifier
    _verifier = CommitVerifier(reopen(), task)


def _verify(first: int, last: int) -> list[Stretch]:
    if _verifier is None:
        raise StoreError("a verifying process has no store", remedy="Report this: it is a mistake in changegate.")
    return _verifier.verify(first, last)
