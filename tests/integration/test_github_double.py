"""The double itself: its git objects are git's own, and what GitHub forbids it forbids."""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from doubles.github import GitHubServer, Person
from doubles.github.scenario import forge, world
from doubles.objects import commit_id, tree_id

from changegate.errors import ForgeError


def git(folder: Path, *arguments: str, **environment: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, **environment}
    return subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()


def test_trees_and_commits_have_the_ids_that_git_gives_them(tmp_path: Path) -> None:
    files = {"a.txt": b"a\n", "a/b.txt": b"b\n", "a/c/d.bin": b"\x00\xff", "a-b": b"", "ü.md": "ü\n".encode()}
    git(tmp_path, "init", "-q")
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    git(tmp_path, "add", "-A")
    tree = git(tmp_path, "write-tree")
    assert tree_id(files) == tree
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    when = f"{int(at.timestamp())} +0000"
    people = {
        "GIT_AUTHOR_NAME": "alice",
        "GIT_AUTHOR_EMAIL": "alice@example.com",
        "GIT_COMMITTER_NAME": "bob",
        "GIT_COMMITTER_EMAIL": "bob@example.com",
    }
    made = git(tmp_path, "commit-tree", tree, "-m", "One", GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when, **people)
    assert commit_id(tree, (), "One\n", Person("alice", "alice@example.com"), Person("bob", "bob@example.com"), at) == made


def test_nobody_approves_their_own_change() -> None:
    it = world()
    with pytest.raises(ValueError, match="own pull request"):
        it.repo.pull(author=it.alice).approve(it.alice)


def test_a_squash_has_the_tree_of_the_head_unless_the_base_moved() -> None:
    it = world()
    pull = it.repo.pull(author=it.alice).merge("squash")
    assert it.repo.commits[it.repo.head].tree == it.repo.commits[pull.head].tree
    late = it.repo.pull(author=it.bob)
    it.repo.pull(author=it.alice).merge("squash")
    late.merge("squash")
    assert it.repo.commits[it.repo.head].tree != it.repo.commits[late.head].tree


def test_a_field_that_github_does_not_have_fails() -> None:
    it = world()
    with GitHubServer(it.hub) as server, pytest.raises(ForgeError, match="Cannot query field 'nope'"):
        forge(server)._client.query('{ repository(owner: "acme", name: "shop") { nope } }')
