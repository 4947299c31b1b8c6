"""The git forge before repositories that can't be judged, or that would like to judge themselves."""

import shutil
import zlib
from pathlib import Path

import pytest
from repositories import ALICE, BOB, Built, History, run_git

from changegate.errors import ChangegateError, ForgeError, InputError
from changegate.facts import BaseSource, Change, Deployment, Identity, Run, Unavailable
from changegate.forges import Baseline
from changegate.forges.git import Git
from changegate.forges.git.repository import Repository


def deployment(head: str) -> Deployment:
    return Deployment(forge="git", repository="shop", environment="production", head=head, run=Run(id="1"))


def judge(built: Built, path: Path | None = None) -> tuple[Change, ...]:
    forge = Git(path or built.path)
    head = deployment(built.ids[-1])
    return forge.fetch_changes(head, forge.resolve_range(head, requested=None, logged=Baseline(built.ids[0], BaseSource.LOG)))


@pytest.fixture
def built(tmp_path: Path) -> Built:
    """0, 1 by Alice, and 2 beside it by Bob, merged as 3."""
    history = History()
    base = history.commit("Start", files={"cart": b"1\n2\n3\n4\n5\n6\n7\n8\n9\n"})
    ours = history.commit("Ours", author=ALICE, files={"cart": b"0\n2\n3\n4\n5\n6\n7\n8\n9\n"})
    theirs = history.commit("Theirs", author=BOB, parents=[base], files={"cart": b"1\n2\n3\n4\n5\n6\n7\n8\n0\n"})
    history.merge(ours, theirs, files={"cart": b"0\n2\n3\n4\n5\n6\n7\n8\n0\n"})
    return history.write(tmp_path / "shop", bare=False)


def refuse(error: type[ChangegateError], path: Path, message: str, remedy: str) -> None:
    with pytest.raises(error, match=message) as caught:
        Git(path).resolve_head("HEAD")
    assert remedy in caught.value.remedy


def test_no_repository(tmp_path: Path) -> None:
    refuse(InputError, tmp_path / "nothing", "is no directory", "git repository")
    refuse(InputError, tmp_path, "is not a git repository", "Check out")


def test_an_empty_repository(tmp_path: Path) -> None:
    run_git(tmp_path, "init", "-q")
    refuse(InputError, tmp_path, "'HEAD' names no commit", "Give a commit")


def test_a_shallow_clone(built: Built, tmp_path: Path) -> None:
    run_git(tmp_path, "clone", "-q", "--depth=1", built.path.as_uri(), "shallow")
    refuse(ForgeError, tmp_path / "shallow", "is a shallow clone", "`fetch-depth: 0`")
    refuse(ForgeError, tmp_path / "shallow", "is a shallow clone", "`GIT_DEPTH: 0`")


@pytest.mark.parametrize("sha256", [False, True])
def test_a_bare_clone_a_subdirectory_and_another_hash(built: Built, tmp_path: Path, sha256: bool) -> None:
    assert len(judge(built)) == 2
    (built.path / "below").mkdir()
    assert len(judge(built, built.path / "below")) == 2
    run_git(tmp_path, "clone", "-q", "--bare", str(built.path), "bare")
    assert len(judge(built, tmp_path / "bare")) == 2
    if sha256:
        run_git(tmp_path, "init", "-q", "--object-format=sha256", "other")
        run_git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "Start")
        assert len(Git(tmp_path / "other").resolve_head("HEAD")) == 64
        head = deployment(Git(tmp_path / "other").resolve_head("HEAD"))
        assert Git(tmp_path / "other").resolve_range(head, requested="HEAD", logged=None).base == head.head


def test_a_worktree(built: Built, tmp_path: Path) -> None:
    built.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"), built.ids[-1])
    assert len(judge(built, tmp_path / "tree")) == 2


def test_a_partial_clone_whose_source_is_gone(built: Built, tmp_path: Path) -> None:
    built.git("config", "uploadpack.allowFilter", "true")
    run_git(tmp_path, "clone", "-q", "--no-checkout", "--filter=blob:none", built.path.as_uri(), "partial")
    # The source is still there: git could fetch what the merge needs, and must not.
    with pytest.raises(ForgeError, match="can't be read whole") as caught:
        judge(built, tmp_path / "partial")
    assert "--filter" in caught.value.remedy


def test_a_commit_that_is_missing(built: Built) -> None:
    make_loose(built, built.ids[2]).unlink()
    with pytest.raises(ForgeError, match="can't be read whole"):
        judge(built)


def test_a_commit_with_another_content(built: Built) -> None:
    theirs = make_loose(built, built.ids[2])
    ours = theirs.parent.parent / built.ids[1][:2] / built.ids[1][2:]
    theirs.unlink()
    shutil.copy(ours, theirs)
    with pytest.raises(ForgeError, match=r"is damaged|can't be read whole"):
        judge(built)


def test_an_ancestor_of_the_base_with_another_parent_hides_nothing(tmp_path: Path) -> None:
    """A workspace that is used again: the base's own parent is made to descend from a commit that nobody approved."""
    history = History()
    for number in range(4):
        history.commit(f"Change {number}", files={"cart": b"%d\n" % number})
    built = history.write(tmp_path / "line", bare=False)
    older = make_loose(built, built.ids[0])
    base, unapproved, head = built.ids[1:]
    repository = Repository(built.path, timeout=30, on_request=None)
    assert unapproved in repository.compare(base, head).only_right
    content = zlib.decompress(older.read_bytes()).partition(b"\0")[2].replace(b"author ", b"parent " + unapproved.encode() + b"\nauthor ", 1)
    older.chmod(0o644)
    older.write_bytes(zlib.compress(b"commit %d\0" % len(content) + content))
    with pytest.raises(ForgeError, match="its content doesn't have that id"):
        Repository(built.path, timeout=30, on_request=None).compare(base, head)
    with pytest.raises(ForgeError, match="its content doesn't have that id"):
        Repository(built.path, timeout=30, on_request=None).list_beyond([head], [base])


def make_loose(built: Built, sha: str) -> Path:
    """Every object in a file of its own; where the given one is."""
    objects = built.path / ".git" / "objects"
    packs = {path: path.read_bytes() for path in objects.glob("pack/*.pack")}
    for path in objects.glob("pack/*"):
        path.unlink()
    for content in packs.values():
        built.git("unpack-objects", "-q", stdin=content)
    return objects / sha[:2] / sha[2:]


def put_git_on_path(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> None:
    """A `git` that runs `script`; `$GIT` is the real one."""
    real = shutil.which("git")
    assert real
    directory.mkdir()
    wrapper = directory / "git"
    wrapper.write_text(f"#!/bin/sh\nGIT={real}\n{script}\n", encoding="utf-8")
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")


def test_somebody_elses_repository(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    put_git_on_path(monkeypatch, tmp_path / "bin", 'export GIT_TEST_ASSUME_DIFFERENT_OWNER=1; exec "$GIT" "$@"')
    refuse(ForgeError, built.path, "belongs to another user", f"git config --global --add safe.directory '{built.path.resolve()}'")
    (tmp_path / ".gitconfig").write_text(f"[safe]\n\tdirectory = {built.path.resolve()}\n", encoding="utf-8")
    assert len(judge(built)) == 2


@pytest.mark.parametrize("version", ["git version 2.38.4", "git version 1.8.3.1"])
def test_an_old_git(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    put_git_on_path(monkeypatch, tmp_path / "bin", f"echo {version}")
    refuse(ForgeError, built.path, "too old", "git 2.39 or newer")


def test_something_that_is_not_git(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_git_on_path(monkeypatch, tmp_path / "bin", "echo hello")
    refuse(ForgeError, built.path, "which version", "git 2.39")


def test_no_git(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refuse(ForgeError, built.path, "git is not installed", "Install git 2.39")


def test_a_git_that_does_not_end(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_git_on_path(monkeypatch, tmp_path / "bin", "exec sleep 60")
    with pytest.raises(ForgeError, match="did not end within"):
        Git(built.path, timeout=0.2)


def test_nothing_in_the_repository_is_run(built: Built, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    run = f"touch {trap}; false"
    for key in (
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "diff.external",
        "gpg.program",
        "merge.own.driver",
        "diff.own.textconv",
        "alias.log",
    ):
        built.git("config", key, f"!{run}" if key.startswith("alias") else run)
    for key, value in {"log.showSignature": "true", "merge.default": "own", "core.attributesFile": str(tmp_path / "attributes")}.items():
        built.git("config", key, value)
    for place in (tmp_path / "attributes", built.path / ".gitattributes", built.path / ".git" / "info" / "attributes"):
        place.parent.mkdir(exist_ok=True)
        place.write_text("* merge=own diff=own\n", encoding="utf-8")
    hooks = built.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "reference-transaction", "post-checkout"):
        (hooks / name).write_text(f"#!/bin/sh\n{run}\n", encoding="utf-8")
        (hooks / name).chmod(0o755)
    _, merge = judge(built)
    assert not isinstance(merge.commits, Unavailable)
    assert [commit.sha for commit in merge.commits] == [built.ids[2]]
    assert not trap.exists()


def test_history_cannot_be_replaced(built: Built) -> None:
    before = judge(built)
    tree = built.git("rev-parse", f"{built.ids[1]}^{{tree}}")
    harmless = built.git("commit-tree", tree, "-p", built.ids[0], "-m", "Harmless\n\nReviewed-by: Bob <bob@example.com>")
    built.git("replace", built.ids[1], harmless)
    (built.path / ".git" / "info").mkdir(exist_ok=True)
    (built.path / ".git" / "info" / "grafts").write_text(f"{built.ids[-1]} {built.ids[0]}\n", encoding="ascii")
    (built.path / ".mailmap").write_text("Bob <bob@example.com> Alice <alice@example.com>\n", encoding="ascii")
    built.git("config", "mailmap.file", str(built.path / ".mailmap"))
    assert judge(built) == before


def test_the_environment_cannot_lead_elsewhere(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judge(built)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_PARAMETERS"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert judge(built) == before


def test_what_is_made_for_reading_is_removed(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = sorted(built.path.rglob("*"))
    assert isinstance(judge(built)[0].author, Identity)
    assert sorted(built.path.rglob("*")) == before
    assert list((tmp_path / "temporary").iterdir()) == []
