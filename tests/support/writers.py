"""Real processes that append to one store, most of them to a directory: run as a script, so that it may fork.

writers.py together STORE PROCESSES RECORDS    that many processes, at once, that many records each; in any store
writers.py killed ROOT                         one process after the other, each killed (SIGKILL) one system call later than the one before
writers.py readonly ROOT                       append as a user who may not write there
writers.py limited ROOT BYTES                  append where no file may grow past so many bytes (RLIMIT_FSIZE)
"""

import os
import resource
import secrets
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from changegate.errors import StoreError
from changegate.evidence.log import Environment, Log
from changegate.stores import open_store
from support.evidence import BEGIN, KEY, ORIGIN, believe
from support.records import append_signed

WRITES = ("fsync", "link", "rename", "unlink", "write", "mkdir")


def real_log(store: str) -> Log:
    environment = Environment(
        clock=lambda: BEGIN + timedelta(minutes=2),
        pause=lambda attempt: time.sleep(secrets.randbelow(1000) / 1e6 * min(attempt, 20)),
        nonce=lambda: secrets.token_hex(16),
    )
    return Log(open_store(store), KEY, ORIGIN, environment, vouch=believe)


def child(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except StoreError as error:
            print(f"{error.message}\n{error.remedy}", flush=True)
            os._exit(4)
        except BaseException as error:  # noqa: BLE001 - a forked child must end here, whatever happens
            print(repr(error), flush=True)
            os._exit(70)
        os._exit(0)
    return pid


def together(root: str, processes: int, records: int) -> None:
    def work(first: int) -> None:
        log = real_log(root)
        for number in range(first, first + records):
            append_signed(log, number)

    pids = [child(lambda each=each: work(each * records)) for each in range(processes)]  # type: ignore[misc]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    print(sorted(set(codes)))


def killed(root: str) -> None:
    for at in range(1000):
        code = os.waitstatus_to_exitcode(os.waitpid(child(lambda at=at: die_at(root, at)), 0)[1])  # type: ignore[misc]
        if code == 0:
            print(at)
            return
        if code != -signal.SIGKILL:
            sys.exit(f"ended with {code}")


def die_at(root: str, at: int) -> None:
    left = [at]

    def counting(name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*arguments: Any, **options: Any) -> Any:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return real(*arguments, **options)

        return call

    log = real_log(root)
    for name in WRITES:
        setattr(os, name, counting(name))
    append_signed(log, at)


def readonly(root: str) -> None:
    def work() -> None:
        log = real_log(root)
        log.reader()  # imports what it needs while it may
        if os.geteuid() == 0:
            os.setuid(65534)
        append_signed(log, 5)

    print(os.waitstatus_to_exitcode(os.waitpid(child(work), 0)[1]))


def limited(root: str, size: int) -> None:
    def work() -> None:
        log = real_log(root)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        append_signed(log, 5)

    print(os.waitstatus_to_exitcode(os.waitpid(child(work), 0)[1]))


if __name__ == "__main__":
    COMMANDS: dict[str, Callable[..., None]] = {"together": together, "killed": killed, "readonly": readonly, "limited": limited}
    COMMANDS[sys.argv[1]](sys.argv[2], *map(int, sys.argv[3:]))
