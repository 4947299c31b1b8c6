"""Objects are what their ids say, or an error."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.errors import ForgeError
from changegate.forges.git.objects import Entry, check_id, parse_tree

SHA1, SHA256 = ("a" * 40, 20), ("b" * 64, 32)


def name_of(kind: str, content: bytes, digits: int = 40) -> str:
    digest = hashlib.sha1 if digits == 40 else hashlib.sha256
    return digest(f"{kind} {len(content)}\0".encode() + content).hexdigest()


@pytest.mark.parametrize("digits", [40, 64])
def test_an_id_is_of_kind_and_content(digits: int) -> None:
    name = name_of("blob", b"version: 1\n", digits)
    check_id(name, "blob", b"version: 1\n")
    for kind, content in (("blob", b"version: 2\n"), ("tree", b"version: 1\n"), ("blob", b"")):
        with pytest.raises(ForgeError, match=f"the {kind} {name} is damaged: its content doesn't have that id"):
            check_id(name, kind, content)


@pytest.mark.parametrize(("child", "length"), [SHA1, SHA256])
def test_a_tree(child: str, length: int) -> None:
    content = b"100644 a b.txt\0" + bytes.fromhex(child) + b"40000 docs\0" + bytes.fromhex(child)
    assert list(parse_tree(name_of("tree", content, 2 * length), content)) == [Entry("a b.txt", "100644", child), Entry("docs", "040000", child)]


@given(st.binary(max_size=80))
def test_whatever_lies_there_is_a_tree_or_damaged(content: bytes) -> None:
    with suppress(ForgeError):
        assert all(len(entry.object) == 40 for entry in parse_tree(name_of("tree", content), content))
    with pytest.raises(ForgeError, match="it ends within an entry"):
        list(parse_tree(name_of("tree", content + b"100644 a"), content + b"100644 a"))
