"""A tree's id from what GitLab lists, beside git's own."""

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.forges.answer import UnreadableError
from changegate.forges.gitlab.client import Answer
from changegate.forges.gitlab.content import tree_id


def entry(*fields: str) -> Answer:
    mode, kind, sha, name = fields
    return Answer({"mode": mode, "type": kind, "id": sha, "name": name, "path": name})


def git(folder: Path, *arguments: str, stdin: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, input=stdin.encode(), capture_output=True, check=True).stdout.decode().strip()


def test_it_is_what_git_makes(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    listed = ["100644 blob {blob}\ta.txt", "040000 tree {tree}\ta", "100755 blob {blob}\tb", "120000 blob {blob}\ta-link", "040000 tree {tree}\tä"]
    blob = git(tmp_path, "hash-object", "-w", "--stdin", stdin="x")
    tree = git(tmp_path, "mktree", stdin=f"100644 blob {blob}\tz\n")
    lines = [line.format(blob=blob, tree=tree) for line in listed]
    made = git(tmp_path, "mktree", stdin="\n".join(lines) + "\n")
    entries = [entry(*line.replace("\t", " ").split(" ")) for line in lines]
    assert tree_id(entries, 40) == made
    assert tree_id(entries[:-1], 40) != made


def test_an_empty_tree_has_the_id_that_git_gives_it() -> None:
    assert tree_id([], 40) == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@given(st.text(st.characters()), st.text(), st.text(st.characters()))
def test_what_is_no_entry_is_unreadable_or_another_tree(mode: str, sha: str, name: str) -> None:
    with suppress(UnreadableError):
        assert len(tree_id([entry(mode, "blob", sha, name)], 40)) == 40


def test_an_id_that_is_none_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="no entry of a tree"):
        tree_id([entry("100644", "blob", "xyz", "a")], 40)
