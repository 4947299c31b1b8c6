import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.render.reports import hostile

from changegate.render.text import bounded, count, inert, short, visible, web_link


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Fix the totals", "Fix the totals"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x00\x7f\x85", r"\x00\x7f\x85"),
        ("\u202etxt.exe", r"\u202etxt.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\u3164", r"\u3164"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 5, "e" + "\u0301" * 3 + r"\u0301\u0301"),
        ("漢字 и 🚀", "漢字 и 🚀"),
        ("x" * 11, "x" * 10 + "…"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    assert visible(text, 10 if text == "x" * 11 else 500) == shown


@settings(deadline=None)
@given(hostile)
def test_visible_text_is_one_printable_line(text: str) -> None:
    assert visible(text).isprintable()


@pytest.mark.parametrize(
    ("log", "shown"),
    [
        ("::error::x\n", "\\x3a:error::x\n"),
        ("a\n \t  ::stop-commands::x", "a\n \t  \\x3a:stop-commands::x"),
        ("std::vector", "std::vector"),
        ("a ##[error]x", "a \\x23#[error]x"),
        ("###[group]", "#\\x23#[group]"),
        ("##vso[task.complete]", "\\x23#vso[task.complete]"),
        ("## Heading [1]", "## Heading [1]"),
    ],
)
def test_no_line_of_a_log_is_a_command(log: str, shown: str) -> None:
    assert inert(log) == shown


@settings(deadline=None)
@given(st.text(alphabet=":# []\n\tav"))
def test_the_runner_finds_no_command(log: str) -> None:
    assert not commands_obeyed(inert(log))


def commands_obeyed(log: str) -> list[str]:
    """The lines in which a runner would look for a command (actions/runner, `ActionCommand.cs`, `TryParseV2` and `TryParse`)."""
    return [line for line in log.split("\n") if line.lstrip().startswith("::") or re.search(r"##[\w.-]*\[", line)]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://forge.example/a/b?c=d#e", "https://forge.example/a/b?c=d#e"),
        ("http://localhost:8080/", "http://localhost:8080/"),
        ("https://forge.example/a(b)[c]|`<d>'\"\\", "https://forge.example/a%28b%29%5Bc%5D%7C%60%3Cd%3E%27%22%5C"),
        ("https://forge.example/é", "https://forge.example/%C3%A9"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//forge.example/a", ""),
        ("https://", ""),
        ("https://forge.example@evil.example/", ""),
        ("https://[", ""),
        ("https://forge.example/\nx", ""),
        ("https://forge.example/ x", ""),
        ("https://forge.example/\u202ex", ""),
        ("https://forge.example/" + "x" * 2000, ""),
        ("https://forge.example/" + "漢" * 1000, ""),
        ("", ""),
    ],
)
def test_only_web_addresses_are_links(url: str, address: str) -> None:
    assert web_link(url) == address


@settings(deadline=None)
@given(hostile)
def test_a_link_is_ascii_without_delimiters(text: str) -> None:
    for url in (text, f"https://forge.example/{text}", f"https://{text}"):
        assert re.fullmatch(r"(https?://[A-Za-z0-9:/?#@!$&+,;=%._~-]+)?", web_link(url))


@pytest.mark.parametrize(
    ("number", "shown", "left"),
    [(0, 0, 0), (10, 10, 0), (11, 11, 0), (12, 10, 2), (47, 10, 37)],
)
def test_lists_are_bounded(number: int, shown: int, left: int) -> None:
    items, more = bounded(range(number), 10)
    assert (len(items), more) == (shown, left)


def test_counts_and_commits_in_words() -> None:
    assert [count(1, "change"), count(0, "change"), count(1, "thing to do"), count(3, "thing to do")] == [
        "1 change",
        "0 changes",
        "1 thing to do",
        "3 things to do",
    ]
    assert [short("a" * 40), short("b" * 64), short("z" * 40), short("#12")] == ["a" * 10, "b" * 10, "z" * 40, "#12"]
