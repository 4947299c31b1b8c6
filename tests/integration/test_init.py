"""`changegate init`, in real repositories: what it proposes is written after a yes, nowhere else, and the gate judges by it."""

import subprocess
from pathlib import Path

import pytest
from support.gitshop import GitShop

from changegate.cli import run
from changegate.errors import ExitCode


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> GitShop:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    return GitShop(tmp_path / "shop", capsys)


def init(*words: str) -> int:
    return run(["init", "--workspace", "shop", *words])


@pytest.mark.parametrize("origin", ["", "git@github.com:acme/shop.git", "git@gitlab.com:acme/shop.git"])
def test_from_nothing_to_a_gate(shop: GitShop, origin: str) -> None:
    if origin:
        shop.git("remote", "add", "origin", origin)
    assert init("--yes") == 0
    said = shop.capsys.readouterr().out
    assert "What is left to do:\n1. Make a signing key" in said
    assert run(["policy", "check", "shop/.changegate.yml"]) == 0
    written = set(shop.git("ls-files", "--others").splitlines())
    assert ".changegate.yml" in written
    assert len(written) == {"": 1, "git@github.com:acme/shop.git": 3, "git@gitlab.com:acme/shop.git": 2}[origin]
    assert init("--yes") == 0
    assert "Nothing to write" in shop.capsys.readouterr().out
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "Open with rules")
    shop.git("tag", "rules")
    shop.commit("Round prices up", "no plan")
    assert shop.gate("--base", "rules", "--forge", "git") in (ExitCode.BLOCKED, ExitCode.NOT_JUDGED)


def test_without_a_yes_nothing_is_written(shop: GitShop) -> None:
    assert init() == ExitCode.USAGE
    said = shop.capsys.readouterr()
    assert "+version: 1" in said.out
    assert "--yes" in said.err
    assert shop.git("status", "--porcelain") == ""


def test_what_an_address_or_a_name_holds_is_no_command(shop: GitShop) -> None:
    shop.git("remote", "add", "origin", "https://github.com/\x1b[31mx\ny")
    assert init("--yes") == 0
    assert "\x1b" not in shop.capsys.readouterr().out


@pytest.mark.parametrize("place", [".github", ".github/pull_request_template.md"])
def test_a_link_leads_nowhere(shop: GitShop, tmp_path: Path, place: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = shop.path / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "elsewhere" / ("x" if place.endswith(".md") else ""))
    shop.git("remote", "add", "origin", "git@github.com:acme/shop.git")
    assert init("--yes") == ExitCode.USAGE
    assert "symbolic link" in shop.capsys.readouterr().err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_that_git_ignores_is_not_written_over(shop: GitShop) -> None:
    (shop.path / ".gitignore").write_text(".changegate.yml\n")
    (shop.path / ".changegate.yml").write_text("mine\n")
    assert init("--yes") == ExitCode.USAGE
    assert (shop.path / ".changegate.yml").read_text() == "mine\n"


@pytest.mark.parametrize("bare", [True, False])
def test_what_is_no_work_tree_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], bare: bool) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    if bare:
        subprocess.run(["git", "init", "-q", "--bare", "shop"], check=True)
    assert init("--yes") == ExitCode.USAGE
    assert "no work tree of a git repository" in capsys.readouterr().err
    assert run(["init", "--workspace", "absent"]) == ExitCode.USAGE


def test_a_repository_without_commits_is_a_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", "shop"], check=True)
    assert init("--yes") == 0
    assert "no forge: git alone" in capsys.readouterr().out
