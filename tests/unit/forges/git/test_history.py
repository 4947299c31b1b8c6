"""Commit objects read from bytes, and ranges divided into changes."""

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import ForgeError
from changegate.facts import Identity, Unavailable
from changegate.forges.git.history import CommitObject, Step, parse_commit, partition, short_ids

TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def read(content: bytes) -> CommitObject:
    sha = hashlib.sha1(b"commit %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return parse_commit(sha, content)


def raw(author: bytes = b"Alice <alice@example.com> 1767225600 +0100", message: bytes = b"Fix\n", extra: bytes = b"") -> bytes:
    return b"tree %s\nauthor %s\ncommitter Bob <bob@example.com> 1767225600 +0000\n%s\n%s" % (TREE.encode(), author, extra, message)


def test_a_commit() -> None:
    commit = read(raw(message=b"Fix\nthe cart\n\nBody\n", extra=b"gpgsig -----BEGIN\n author Eve <eve@example.com> 1 +0000\n"))
    assert (commit.tree, commit.parents, commit.subject, commit.body) == (TREE, (), "Fix the cart", "Body")
    assert isinstance(commit.author.who, Identity)
    assert commit.author.who.key == "email:alice@example.com"
    assert commit.author.at == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("author", "key", "dated"),
    [
        (b"Alice <> 1767225600 +0000", "name:alice", True),
        (b"<alice@example.com> 1767225600 +0000", "email:alice@example.com", True),
        (b" <> 1767225600 +0000", None, True),
        (b"nobody", None, False),
        (b"Alice <a@b> 99999999999999999999 +0000", "email:a@b", False),
        (b"Alice <a@b> -1 +0000", "email:a@b", True),
        (b"Alice <a@b>", "email:a@b", False),
        (b"Alice <a@b>> 1767225600 +0000", "email:a@b", True),
        (b"Al\xffice <a@b> 1767225600 +0000", "email:a@b", True),
    ],
)
def test_odd_people(author: bytes, key: str | None, dated: bool) -> None:
    signature = read(raw(author=author)).author
    assert (signature.who.key if isinstance(signature.who, Identity) else None) == key
    assert (not isinstance(signature.at, Unavailable)) == dated


@pytest.mark.parametrize(
    ("encoding", "message", "subject"),
    [
        (b"", "Café".encode(), "Café"),
        (b"encoding ISO-8859-1\n", "Café".encode("latin-1"), "Café"),
        (b"encoding rot13\n", b"Fix", "Fix"),
        (b"encoding unicode_escape\n", b"\\x41", "\\x41"),
        (b"encoding iso-8859-12\n", b"Fix", "Fix"),
        (b"", b"Caf\xe9", "Caf\ufffd"),
    ],
)
def test_encodings(encoding: bytes, message: bytes, subject: str) -> None:
    assert read(raw(message=message, extra=encoding)).subject == subject


def test_an_id_that_is_not_the_contents_is_refused() -> None:
    with pytest.raises(ForgeError, match="doesn't have that id"):
        parse_commit("0" * 40, raw())


@given(st.binary())
def test_any_bytes_are_a_commit_or_our_error(content: bytes) -> None:
    for whole in (content, raw(message=content), raw(author=content), raw(extra=content)):
        try:
            read(whole)
        except ForgeError:
            continue


PARTITIONS: list[tuple[str, dict[str, tuple[str, ...]], list[Step]]] = [
    ("single commits", {"a": ("base",), "b": ("a",)}, [Step("a", ("a",)), Step("b", ("b",))]),
    ("a merge", {"x": ("base",), "y": ("x",), "m": ("base", "y")}, [Step("m", ("x", "y", "m"))]),
    ("a merge after a commit", {"x": ("base",), "a": ("base",), "m": ("a", "x")}, [Step("a", ("a",)), Step("m", ("x", "m"))]),
    ("a nested merge", {"x": ("base",), "y": ("base",), "n": ("x", "y"), "m": ("base", "n")}, [Step("m", ("x", "y", "n", "m"))]),
    ("an octopus", {"x": ("base",), "y": ("base",), "m": ("base", "x", "y")}, [Step("m", ("x", "y", "m"))]),
    (
        "the base by a second parent",
        {"root": (), "x": ("root",), "m": ("x", "base")},
        [Step("root", ("root",)), Step("x", ("x",)), Step("m", ("m",))],
    ),
    ("a branch brought twice", {"x": ("base",), "m": ("base", "x"), "n": ("m", "x")}, [Step("m", ("x", "m")), Step("n", ("n",))]),
]


@pytest.mark.parametrize(("commits", "wanted"), [case[1:] for case in PARTITIONS], ids=[case[0] for case in PARTITIONS])
def test_partition(commits: dict[str, tuple[str, ...]], wanted: list[Step]) -> None:
    assert list(partition(list(commits)[-1], commits)) == wanted


def test_short_ids_are_as_long_as_they_must_be() -> None:
    assert short_ids(["a" * 40], ["a" * 40, "b" * 40]) == {"a" * 40: "a" * 12}
    twins = ["a" * 14 + "1" * 26, "a" * 14 + "2" * 26]
    assert short_ids(twins[:1], twins) == {twins[0]: "a" * 14 + "1"}
