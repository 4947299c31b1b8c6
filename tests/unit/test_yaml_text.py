"""YAML within bounds: what is read as what, what is refused, and that nothing takes long."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate import yaml_text
from changegate.yaml_text import MAX_DEPTH, MAX_VALUES, YamlError


def read(text: str, **how: bool) -> Any:
    return yaml_text.read(text.encode(), **how).value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("no", "no"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("1:1:1:1:1", "1:1:1:1:1"),
        ("0x1f", "0x1f"),
        ("0o17", "0o17"),
        ("1_000", "1_000"),
        ("1.10", "1.10"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("9" * 19, "9" * 19),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("{1: a, true: b, ~: c, <<: d}", {"1": "a", "true": "b", "~": "c", "<<": "d"}),
        ("[a, [1, {b: }]]", ["a", [1, {"b": None}]]),
        ('"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_what_is_read_as_what(text: str, value: object) -> None:
    found = read(text)
    assert (found, type(found)) == (value, type(value))


def test_as_text_everything_is_text() -> None:
    assert read("{on: true, a: [1, ~, no]}", text_only=True) == {"on": "true", "a": ["1", "~", "no"]}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: 1\na: 2\n", "2:1: the key 'a' stands twice"),
        ("{1: a, '1': b}", "1:8: the key '1' stands twice"),
        ("a: !!int ''", "1:4: the tag 'tag:yaml.org,2002:int' is not used here"),
        ("a: !x {}", "1:4: the tag '!x' is not used here"),
        ("? [a]\n: b", "1:3: a key that is no plain text"),
        ("a: 1\n---\nb: 2\n", "2:1: a second document begins"),
        ("[" * 200_000, "1:65: nested too deeply"),
        ("a: &a [1]\nb: *a\n", "2:4: YAML aliases (*name) are not used here"),
        ("a: [1\n", "2:1: expected ',' or ']'"),
        ('a: "\\ud83d"', "1:4: an escape that is half a character"),
        ('"\\U00110000"', "1:1: an escape or a directive that is none"),
    ],
)
def test_what_is_refused_and_where(text: str, error: str) -> None:
    with pytest.raises(YamlError) as caught:
        read(text)
    assert str(caught.value).startswith(error)
    assert caught.value.remedy


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(YamlError, match=r"^2:3: not UTF-8 text$"):
        yaml_text.read(b"a\nb \xff")


def test_an_alias_counts_as_much_as_what_it_repeats() -> None:
    assert read("a: &a [1, 2]\nb: [*a, *a]\n", aliases=True) == {"a": [1, 2], "b": [[1, 2], [1, 2]]}
    for text in ("*a", "&a [*a]"):
        with pytest.raises(YamlError, match="no value before this is named &a"):
            read(text, aliases=True)
    thousand = f"a: &a [{', '.join(['x'] * 1000)}]\n"
    assert read(f"{thousand}b: [{', '.join(['*a'] * 18)}]", aliases=True)
    with pytest.raises(YamlError, match="too many values"):
        read(f"{thousand}b: [{', '.join(['*a'] * 19)}]", aliases=True)


def test_the_bounds() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(YamlError, match="nested too deeply"):
        read("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))
    assert len(read("- a\n" * (MAX_VALUES - 1))) == MAX_VALUES - 1
    with pytest.raises(YamlError, match="too many values"):
        read("- a\n" * MAX_VALUES)


def test_a_path_has_its_line() -> None:
    document = yaml_text.read(b"\na:\n  b:\n    - x\n    - y\n")
    assert [document.line(path) for path in [("a",), ("a", "b"), ("a", "b", 1), ("a", "b", 1, "z"), ("a", "c"), ("q",)]] == [2, 3, 5, 5, 2, 2]
    assert yaml_text.read(b"").line(("a",)) == 1


UNFINISHED = [
    "[",
    "{",
    "- ",
    "? ",
    "a: ",
    "a:\n ",
    "!",
    "&",
    "*",
    "'",
    '"',
    '"\\x41',
    "1:",
    "|\n",
    "%",
    "#\n",
    "\t",
    "[a,",
    "{a: ",
    "- - a\n",
    "--- ",
    "&a ",
]


@pytest.mark.parametrize("piece", UNFINISHED)
def test_no_input_takes_long(piece: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(YamlError):
        read(piece * (256 * 1024 // len(piece)), aliases=True)
    assert time.process_time() - begun < 5


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="{}[]:,-&*!|>#'\"%?~\\ \n\tabcuxU0189", max_size=120).map(str.encode)), st.booleans())
def test_whatever_the_bytes_only_our_error_escapes(data: bytes, aliases: bool) -> None:
    with contextlib.suppress(YamlError):
        yaml_text.read(data, aliases=aliases, text_only=aliases)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
        max_leaves=20,
    )
)
def test_json_is_read_as_json(value: Any) -> None:
    assert read(json.dumps(value)) == value
