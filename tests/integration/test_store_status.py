"""What `changegate store status` sees of stores on this machine's disk."""

import subprocess
from pathlib import Path

import pytest

from changegate import cli
from changegate.errors import ExitCode
from changegate.stores import ManagedStore, open_store


def examine(url: str) -> dict[str, bool | None]:
    store = open_store(url)
    assert isinstance(store, ManagedStore)
    return {each.what: each.holds for each in store.examine()}


@pytest.mark.parametrize(("mode", "holds"), [(0o700, True), (0o755, True), (0o775, None), (0o777, False), (0o1777, False)])
def test_a_directory_that_others_may_write(tmp_path: Path, mode: int, holds: bool | None) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(mode)
    found = examine(f"file:{tmp_path}/store")
    assert found["nobody else on this machine may write there"] is holds
    assert found["what was written can't be deleted"] is False


def test_a_directory_that_isnt_there(tmp_path: Path) -> None:
    assert examine(f"file:{tmp_path}/store") == {
        "the directory is there": False, "this user may write there": False, "what was written can't be deleted": False,
    }  # fmt: skip


def test_a_place_that_is_not_there_is_neither_tried_nor_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["status"], ["probe"]):
        assert cli.run(["store", *words, f"file:{tmp_path}/store"]) == ExitCode.USAGE
        assert "isn't there" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_a_place_with_other_files_is_prepared_for_no_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("something")
    assert cli.run(["store", "init", f"file:{tmp_path}"]) == ExitCode.NOT_RECORDED
    assert "holds no log, but other objects: 'notes.txt'" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


def repository(place: Path, *settings: str, bare: bool = True) -> Path:
    subprocess.run(["git", "init", "--quiet", *(["--bare"] if bare else []), str(place)], check=True)
    for setting in settings:
        subprocess.run(["git", "-C", str(place), "config", *setting.split("=")], check=True)
    place.chmod(0o755)
    return place


def test_a_repository_as_it_should_be(tmp_path: Path) -> None:
    place = repository(tmp_path / "evidence.git", "receive.denyNonFastForwards=true", "receive.denyDeletes=yes")
    found = examine(f"git:{place}")
    assert {what for what, holds in found.items() if not holds} == {"the branch changegate-evidence is there"}


@pytest.mark.parametrize(
    ("settings", "bare", "mode", "fails"),
    [
        (("receive.denyDeletes=true",), True, 0o755, "history can't be rewritten by a push"),
        (("receive.denyNonFastForwards=false", "receive.denyDeletes=true"), True, 0o755, "history can't be rewritten by a push"),
        (("receive.denyNonFastForwards=true",), True, 0o755, "the branch can't be deleted by a push"),
        ((), False, 0o755, "the repository is bare"),
        ((), True, 0o777, "nobody else on this machine may write there"),
    ],
)
def test_a_repository_that_refuses_too_little(tmp_path: Path, settings: tuple[str, ...], bare: bool, mode: int, fails: str) -> None:
    place = repository(tmp_path / "evidence", *settings, bare=bare)
    place.chmod(mode)
    assert examine(f"git:{place}")[fails] is False


def test_a_missing_repository_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["store", "status", f"git:{tmp_path}/nowhere.git"]) == ExitCode.NOT_RECORDED
    assert "nowhere.git" in capsys.readouterr().err
