"""GitLab's CODEOWNERS: whose approvals a path asks for."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.codeowners_gitlab import parse
from changegate.errors import FormatError

SECTIONS = """
* @all
README.md @docs
[Backend][2] @backend-team
/src/
/src/special.py @carol
^[Style]
*.py @stylist
[backend] @others
/lib/ @bob
[Docs]
docs/*.md @alice
!docs/draft.md
"""


def demands(text: str, path: str) -> list[tuple[str, int, tuple[str, ...]]]:
    return [(each.section, each.needed, tuple(each.owners)) for each in parse(text).demands_of(path)]


def test_a_line_that_takes_nothing_out_takes_nothing_out() -> None:
    assert demands("* @all\n!\n! @bob\n", "a.txt") == [("", 1, ("@all",))]


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("a.txt", [("", 1, ("@all",))]),
        ("README.md", [("", 1, ("@docs",))]),
        ("src/deep/README.md", [("", 1, ("@docs",)), ("Backend", 2, ("@backend-team",))]),
        ("src/a.py", [("", 1, ("@all",)), ("Backend", 2, ("@backend-team",))]),
        ("src/special.py", [("", 1, ("@all",)), ("Backend", 2, ("@carol",))]),
        ("lib/a.py", [("", 1, ("@all",)), ("Backend", 2, ("@bob",))]),
        ("docs/a.md", [("", 1, ("@all",)), ("Docs", 1, ("@alice",))]),
        ("web/docs/a.md", [("", 1, ("@all",)), ("Docs", 1, ("@alice",))]),
        ("docs/draft.md", [("", 1, ("@all",))]),
        ("docs/deep/a.md", [("", 1, ("@all",))]),
    ],
)
def test_sections(path: str, asked: list[tuple[str, int, tuple[str, ...]]]) -> None:
    assert demands(SECTIONS, path) == asked


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*", "deep/.hidden", True),
        ("docs", "docs/a.md", False),
        ("docs/", "docs/deep/a.md", True),
        ("docs/", "web/docs/a.md", True),
        ("/docs/", "web/docs/a.md", False),
        ("/docs/*", "docs/deep/a.md", False),
        ("/docs/**/*", "docs/deep/er/a.md", True),
        ("/docs/**", "docs/deep/a.md", False),
        ("/docs/**/a.md", "docs/a.md", True),
        ("*.rb", "lib/a.rb", True),
        ("lib/*.rb", "lib/deep/a.rb", False),
        (r"with\ space/", "with space/a", True),
        (r"\#hash", "#hash", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("a?b", "axb", True),
        (r"\[slug\].js", "[slug].js", True),
        ("/A", "a", False),
    ],
)
def test_patterns(pattern: str, path: str, matches: bool) -> None:
    assert bool(demands(f"{pattern} @bob\n", path)) == matches


@pytest.mark.parametrize(
    ("line", "owners"),
    [
        ("* @alice @acme/web/shop bob@example.com @@maintainers", ("@alice", "@acme/web/shop", "bob@example.com", "@@maintainers")),
        ("* @alice # and @bob later", ("@alice",)),
        ("* no-owner @alice", ("@alice",)),
        ("*\t@al.ice", ("@al.ice",)),
    ],
)
def test_owners(line: str, owners: tuple[str, ...]) -> None:
    assert demands(line, "a") == [("", 1, owners)]


def test_a_line_that_names_nobody_is_told() -> None:
    found = parse("# comment\n* nobody\n/a\n")
    assert (found.skipped, found.demands_of("a")) == ((2,), ())


def test_where_one_section_comes_twice_what_asks_for_more_holds() -> None:
    assert demands("^[A]\n* @bob\n[a][3]\n/x @alice\n", "y") == [("A", 3, ("@bob",))]


def test_a_set_of_characters_is_refused() -> None:
    with pytest.raises(FormatError, match="line 2"):
        parse("* @alice\n/[ab].txt @bob\n")


@given(st.text(), st.text(min_size=1))
def test_any_text_is_read_or_refused(text: str, path: str) -> None:
    with suppress(FormatError):
        parse(text).demands_of(path)
