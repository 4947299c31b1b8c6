"""Real processes on a directory store: many at once, killed anywhere, refused by the system."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.evidence import log_in
from support.kept import check_kept
from support.records import TRUST, append_signed

from changegate.errors import StoreError
from changegate.evidence.verify import verify_store
from changegate.stores import Batch
from changegate.stores.directory import DirectoryStore

WRITERS = Path(__file__).parents[1] / "support" / "writers.py"


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that other users can reach, which pytest's own can't be."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "store"


def run(*arguments: object, within: tuple[str, ...] = ()) -> list[str]:
    done = subprocess.run([*within, sys.executable, str(WRITERS), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def entries_of(root: Path) -> list[str]:
    """The commits of all entries, after the whole store is verified."""
    reader = log_in(DirectoryStore(root)).reader()
    assert reader is not None
    report = verify_store(DirectoryStore(root), TRUST)
    assert report.clean, report.problems
    return [card.commit for _, card in reader.cards()]


def test_twenty_four_writers_at_once_lose_nothing_and_never_fork(root: Path) -> None:
    assert run("together", root, 24, 6) == ["[0]"]
    commits = entries_of(root)
    assert len(commits) == len(set(commits)) == 24 * 6
    assert list((root / ".tmp").iterdir()) == []
    assert list((root / "pending").iterdir()) == []


def keep_receipts(store: Path) -> None:
    """So that the writers keep theirs beside the store."""
    Path(f"{store}.receipts").mkdir()


def kept(store: Path) -> int:
    return len(list(Path(f"{store}.receipts").iterdir()))


def test_a_hundred_processes_at_once_lose_nothing_and_every_receipt_holds(root: Path) -> None:
    keep_receipts(root)
    began = time.monotonic()
    assert run("together", root, 100, 2) == ["[0]"]
    assert time.monotonic() - began < 60
    assert kept(root) == 200
    assert len(check_kept(str(root))) == 201


def test_a_writer_killed_at_any_write_leaves_a_log_that_goes_on(root: Path) -> None:
    keep_receipts(root)
    (points,) = run("killed", root)
    assert int(points) > 30
    commits = check_kept(str(root))
    # Those that died after their commit are in, though nobody got a receipt; those that died before left nothing that counts.
    assert int(points) > len(commits) > 5


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "evidence.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(folder)], check=True)
    keep_receipts(folder)
    return folder


@pytest.mark.exhaustive
def test_a_writer_killed_around_any_git_command_leaves_a_branch_that_goes_on(repository: Path) -> None:
    (points,) = run("killed-git", repository)
    assert int(points) > 10
    commits = check_kept(f"git:{repository}")
    assert int(points) > len(commits) >= 3


def test_no_answer_of_the_git_server_that_is_lost_loses_or_doubles_a_record(repository: Path) -> None:
    (pushes,) = run("cut-git", repository)
    assert int(pushes) >= 1
    assert kept(repository) == int(pushes) + 1
    assert len(check_kept(f"git:{repository}")) == int(pushes) + 2


def small_disk(folder: Path) -> tuple[str, ...]:
    """What runs a command with a file system of 1 MiB in this folder, seen by nobody else."""
    mounted = 'mount -t tmpfs -o size=1m changegate-test "$0" && exec "$@"'
    for alone in (("unshare", "-m"), ("unshare", "-r", "-m"), ("sudo", "-n", "unshare", "-m")):
        command = (*alone, "sh", "-c", mounted, str(folder))
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    pytest.fail("no file system can be mounted here, by root, in a user namespace or by sudo, so that a full disk can't be tried")


def test_a_disk_that_is_full_at_any_write_loses_nothing(tmp_path: Path) -> None:
    full, left_over, code, message, remedy = run("filled", tmp_path / "store", tmp_path / "ballast", within=small_disk(tmp_path))
    assert int(full) == 20
    assert left_over == "0"
    assert code == "4"
    assert "No space left on device" in message
    assert "free some space and run again" in remedy


def test_a_directory_that_may_not_be_written_says_so(root: Path) -> None:
    append_signed(log_in(DirectoryStore(root)), 1)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        folder.chmod(0o555)
    message, remedy, code = run("readonly", root)
    assert code == "4"
    assert "Permission denied" in message
    assert "right to write" in remedy
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    assert len(entries_of(root)) == 1


@pytest.mark.exhaustive
def test_a_full_disk_says_so_and_leaves_nothing_half_written(root: Path) -> None:
    append_signed(log_in(DirectoryStore(root)), 1)
    for size in (0, 100, 800):
        message, remedy, code = run("limited", root, size)
        assert code == "4"
        assert "File too large" in message
        assert "nothing half-written" in remedy
        assert list((root / ".tmp").iterdir()) == []
    assert len(entries_of(root)) in {1, 2}


@pytest.mark.parametrize("number", [28, 122])
def test_errors_of_the_disk_have_a_remedy(root: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DirectoryStore(root)
    assert store.create("a", b"1")

    def refuse(*_arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(StoreError) as caught:
        store.create("b", b"2")
    assert "disk" in caught.value.remedy
    monkeypatch.undo()
    assert store.create("b", b"2")


def test_no_symbolic_link_is_followed(root: Path) -> None:
    store = DirectoryStore(root)
    assert store.create("a/one", b"1")
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (root / "linked").symlink_to(outside)
    (root / "a" / "link").symlink_to(outside / "secret")
    for use in (
        lambda: store.read("linked/secret"),
        lambda: store.read("a/link"),
        lambda: store.create("linked/new", b""),
        lambda: list(store.list("")),
        lambda: list(store.list("linked/")),
        lambda: store.apply(Batch(remove=("linked/secret",))),
    ):
        with pytest.raises(StoreError, match=r"symbolic link|Not a directory|Too many levels"):
            use()
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_fifo_or_a_folder_in_an_objects_place_is_refused(root: Path) -> None:
    store = DirectoryStore(root)
    assert store.create("a/one", b"1")
    os.mkfifo(root / "a" / "pipe")
    for key in ("a/pipe", "a"):
        with pytest.raises(StoreError):
            store.read(key)


def test_stray_temporary_files_are_harmless_and_removed_when_old(root: Path) -> None:
    append_signed(log_in(DirectoryStore(root)), 1)
    young, old = root / ".tmp" / "1-young", root / ".tmp" / "1-old"
    for stray in (young, old):
        stray.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    append_signed(log_in(DirectoryStore(root)), 2)
    assert young.exists()
    assert not old.exists()
    assert [key for key in DirectoryStore(root).list("") if "tmp" in key] == []


def test_an_object_cannot_be_written_by_mistake(root: Path) -> None:
    store = DirectoryStore(root)
    assert store.create("a", b"1")
    assert (root / "a").stat().st_mode & 0o222 == 0
