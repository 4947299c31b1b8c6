"""Real processes that append to one store, most of them to a directory: run as a script, so that it may fork.

writers.py together STORE PROCESSES RECORDS    that many processes, at once, that many records each; in any store
writers.py killed ROOT                         one process after the other, each killed (SIGKILL) one system call later than the one before
writers.py killed-git REPOSITORY               the same in a branch of a repository: killed before, and after, one git command later
writers.py cut-git REPOSITORY                  one process after the other, each of which loses the answer to one push that was made
writers.py filled ROOT BALLAST                 append until the disk is full, again and again, with a little more room each time
writers.py readonly ROOT                       append as a user who may not write there
writers.py limited ROOT BYTES                  append where no file may grow past so many bytes (RLIMIT_FSIZE)

Every receipt that was given is kept beside the store, in STORE.receipts, by its record's number.
"""

import os
import resource
import secrets
import signal
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from changegate.errors import StoreError
from changegate.evidence.log import Environment, Log
from changegate.evidence.proof import format_receipt
from changegate.stores import open_store
from changegate.stores.gitcommand import Answer, GitCommand
from support.evidence import BEGIN, KEY, ORIGIN, believe
from support.kept import check_kept
from support.records import append_signed

WRITES = ("fsync", "link", "rename", "unlink", "write", "mkdir")


def real_log(store: str) -> Log:
    environment = Environment(
        clock=lambda: BEGIN + timedelta(minutes=2),
        pause=lambda attempt: time.sleep(secrets.randbelow(1000) / 1e6 * min(attempt, 20)),
        nonce=lambda: secrets.token_hex(16),
    )
    return Log(open_store(store), KEY, ORIGIN, environment, vouch=believe)


def append_kept(store: str, log: Log, number: int) -> None:
    """Append; the receipt is kept where it has a place."""
    receipt = append_signed(log, number)
    folder = Path(f"{store}.receipts")
    if folder.is_dir():
        (folder / str(number)).write_bytes(format_receipt(receipt))


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
            append_kept(root, log, number)

    pids = [child(lambda each=each: work(each * records)) for each in range(processes)]  # type: ignore[misc]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    print(sorted(set(codes)))


def one_after_the_other(work: Callable[[int], None], codes: tuple[int, ...]) -> None:
    """Children until one ends well; how many there were. Each other must end with one of these codes."""
    for at in range(1000):
        code = os.waitstatus_to_exitcode(os.waitpid(child(partial(work, at)), 0)[1])
        if code == 0:
            print(at)
            return
        if code not in codes:
            sys.exit(f"ended with {code}")


def killed(root: str) -> None:
    one_after_the_other(partial(die_at, root), (-signal.SIGKILL,))


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
    append_kept(root, log, at)


def killed_git(repository: str) -> None:
    one_after_the_other(partial(die_at_git, repository), (-signal.SIGKILL,))


def die_at_git(repository: str, at: int) -> None:
    """Even numbers die before a git command, odd ones when it has done its work."""
    run, left = GitCommand.run, [at // 2]

    def counting(self: GitCommand, *arguments: str, feed: bytes = b"") -> Answer:
        if left[0] == 0 and at % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = run(self, *arguments, feed=feed)
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        return answer

    setattr(GitCommand, "run", counting)  # noqa: B010 - mypy allows no assignment to a method
    append_kept(repository, real_log(f"git:{repository}"), at)


def cut_git(repository: str) -> None:
    one_after_the_other(partial(cut_at_git, repository), (75,))


def cut_at_git(repository: str, at: int) -> None:
    """Ends with 75 where a push was cut, and the record was appended nevertheless: at once, or by the job's next attempt."""
    run, left = GitCommand.run, [at]

    def cutting(self: GitCommand, *arguments: str, feed: bytes = b"") -> Answer:
        answer = run(self, *arguments, feed=feed)
        if arguments[0] == "push":
            left[0] -= 1
            if left[0] == -1:
                return Answer(128, b"", "fatal: the remote end hung up unexpectedly\n")
        return answer

    setattr(GitCommand, "run", cutting)  # noqa: B010 - mypy allows no assignment to a method
    try:
        append_kept(repository, real_log(f"git:{repository}"), at)
    except StoreError:
        append_kept(repository, real_log(f"git:{repository}"), at)
    if left[0] < 0:
        os._exit(75)


def filled(root: str, ballast: str) -> None:
    """Prints how often the disk was full, and what was said first."""
    number, said = 0, list[str]()
    Path(f"{root}.receipts").mkdir()
    for kept in (ballast, f"{ballast}-for-the-end"):
        Path(kept).write_bytes(bytes(20 * 4096))
    for pages in range(19, -1, -1):
        try:
            while True:
                append_kept(root, real_log(root), number)
                number += 1  # the one that failed is tried again
        except StoreError as error:
            said.append(f"{error.exit_code:d}\n{error.message}\n{error.remedy}")
            os.truncate(ballast, pages * 4096)
    Path(f"{ballast}-for-the-end").unlink()
    append_kept(root, real_log(root), number)
    print(len(said), len(list(Path(root, ".tmp").iterdir())), said[0], sep="\n")
    check_kept(root)


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
    COMMANDS |= {"killed-git": killed_git, "cut-git": cut_git, "filled": filled}
    COMMANDS[sys.argv[1]](sys.argv[2], *(int(word) if word.isdigit() else word for word in sys.argv[3:]))
