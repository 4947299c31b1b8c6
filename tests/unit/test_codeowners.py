"""CODEOWNERS: the grammar and the matching, by the examples of GitHub's documentation, and against a second reading by regular expressions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.codeowners import MAX_BYTES, CodeOwners, parse
from changegate.errors import FormatError

DOCUMENTED = """\
# The default owners of everything, unless a later line matches.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
"""

PATHS = [
    ("README.md", "@global-owner1 @global-owner2"),
    ("src/deep/main.c", "@global-owner1 @global-owner2"),
    ("a.js", "@js-owner"),
    ("src/deep/a.js", "@js-owner"),
    ("main.go", "docs@example.com"),
    ("src/notes.txt", "@octo-org/octocats"),
    ("build/logs/today", "@octocat"),
    ("build/logs/old/today", "@octocat"),
    ("scripts/logs/x", "@octocat"),
    ("deeply/nested/logs/x", "@octocat"),
    ("logs", "@octocat"),
    ("docs/getting-started.md", "@doctocat"),
    ("docs/build-app/troubleshooting.md", "@doctocat"),
    ("scripts/run.sh", "@doctocat @octocat"),
    ("src/apps/x", "@octocat"),
    ("apps/x", "@octocat"),
    ("apps/github/x", ""),
    ("apps/github", ""),
    ("apps/githubx", "@octocat"),
]


@pytest.mark.parametrize(("path", "owners"), PATHS)
def test_the_documented_file(path: str, owners: str) -> None:
    assert " ".join(parse(DOCUMENTED).owners_of(path)) == owners


MATCHES = [
    ("*", "a/b/c", True),
    ("/*", "a", True),
    ("/*", "a/b", False),
    ("docs/*", "docs/a.md", True),
    ("docs/*", "docs/build/a.md", False),
    ("docs/*", "x/docs/a.md", False),
    ("docs/**", "docs/build/a.md", True),
    ("docs/**", "docs", False),
    ("apps/", "apps/x", True),
    ("apps/", "x/apps/y/z", True),
    ("apps/", "apps", False),
    ("/apps/", "x/apps/y", False),
    ("apps", "x/apps", True),
    ("apps", "x/apps/y", True),
    ("apps", "myapps", False),
    ("a/b", "a/b/c", True),
    ("a/b", "x/a/b", False),
    ("**/a/b", "x/a/b", True),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("a/**/b", "a/x/bb", False),
    ("**", "a/b", True),
    ("*.js", "a/b.js", True),
    ("*.js", "a/b.jsx", False),
    ("/src/*.js", "src/a.js", True),
    ("/src/*.js", "src/x/a.js", False),
    ("a*c", "abc", True),
    ("a*c", "ab/c", False),
    ("a**c", "ab/c", False),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("README.md", "readme.md", False),
    ("/a.b", "axb", False),
    (r"my\ file.txt", "my file.txt", True),
    (r"my\ folder/", "my folder/x", True),
    (r"a\*c", "abc", False),
    (r"a\*c", "a*c", True),
    (r"a\[b\]", "a[b]", True),
    ("a#b", "a#b", True),
    ("a//b", "a/b", False),
]


@pytest.mark.parametrize(("pattern", "path", "matches"), MATCHES)
def test_a_pattern(pattern: str, path: str, matches: bool) -> None:
    assert bool(parse(f"{pattern} @bob").owners_of(path)) is matches


@pytest.mark.parametrize(
    "line",
    [
        "!a.txt @bob",
        "[ab].txt @bob",
        "a[0-9] @bob",
        r"\#a @bob",
        "* bob",
        "* @bob carol",
        "* @a/b/c",
        "* @",
        "* @@bob",
        "/ @bob",
        "a\\",
        "* @bob! @carol",
    ],
)
def test_a_line_that_can_not_be_read_is_skipped(line: str) -> None:
    found = parse(f"* @alice\n{line}\n")
    assert found.skipped == (2,)
    assert found.owners_of("a.txt") == ("@alice",)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "   # indented\n", "\r\n", "\ufeff"])
def test_nothing_is_owned(text: str) -> None:
    assert parse(text) == CodeOwners((), ())


@pytest.mark.parametrize("text", ["*\t@bob\r\n", "\ufeff* @bob", "  * @bob  ", "* @bob#not-a-comment @x", "* @bob # @carol"])
def test_white_space_and_comments(text: str) -> None:
    found = parse(text)
    assert found.owners_of("a") == (() if "#not" in text else ("@bob",))
    assert found.skipped == ((1,) if "#not" in text else ())


def test_the_last_line_that_matches_speaks_alone() -> None:
    found = parse("* @alice\n*.py @bob\n/lib/ @carol\n/lib/free.py\n")
    assert [found.owners_of(path) for path in ("a", "a.py", "lib/a.py", "lib/free.py")] == [("@alice",), ("@bob",), ("@carol",), ()]
    rule = found.rule_for("lib/a.py")
    assert rule is not None
    assert rule.line == 3


@pytest.mark.parametrize(
    ("owner", "login", "team"), [("@Bob", "bob", ""), ("@Acme/Payments", "", "acme/payments"), ("a@b.example", "", ""), ("@bob_acme", "bob_acme", "")]
)
def test_owners(owner: str, login: str, team: str) -> None:
    (found,) = parse(f"* {owner}").owners_of("x")
    assert (found, found.login, found.team) == (owner, login, team)


def test_three_megabytes_are_too_much() -> None:
    line = "# " + "x" * 1021 + "\n"
    assert parse(line * (MAX_BYTES // 1024 - 1)) == CodeOwners((), ())
    with pytest.raises(FormatError, match="3 MB"):
        parse(line * (MAX_BYTES // 1024))


def test_many_stars_take_no_longer_than_few() -> None:
    """A pattern on which a backtracking matcher would not come to an end."""
    rule = parse("*a" * 40 + "/" + "**/" * 40 + "x @bob")
    assert rule.owners_of("a" * 2000 + "/" + "y/" * 500 + "z") == ()


def as_regex(pattern: str) -> re.Pattern[str]:
    """The second reading: the pattern as a regular expression."""
    anchored = "/" in pattern.rstrip("/")
    body = pattern.strip("/")
    steps = body.split("/")
    text = "" if anchored else "(?:.*/)?"
    for index, step in enumerate(steps):
        last = index == len(steps) - 1
        if step == "**":
            text += ".+" if last else "(?:[^/]+/)*"
        else:
            text += "".join("[^/]*" if char == "*" else "[^/]" if char == "?" else re.escape(char) for char in step) + ("" if last else "/")
    if pattern.endswith("/"):
        text += "" if steps[-1] == "**" else "/.+"
    elif steps[-1] not in {"*", "**"}:
        text += "(?:/.+)?"
    return re.compile(text, re.DOTALL)


STEPS = st.one_of(st.sampled_from(["a", "b", "ab", "*", "**", "a*", "*b", "a?", "?"]))
PATTERNS = st.builds(
    lambda lead, steps, trail: f"{lead}{'/'.join(steps)}{trail}",
    st.sampled_from(["", "/"]),
    st.lists(STEPS, min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
)
SOME_PATHS = st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=5).map("/".join)


@given(pattern=PATTERNS, path=SOME_PATHS)
def test_agrees_with_a_regular_expression(pattern: str, path: str) -> None:
    assert bool(parse(f"{pattern} @bob").owners_of(path)) is bool(as_regex(pattern).fullmatch(path)), as_regex(pattern).pattern


@given(text=st.text(st.characters(exclude_categories=["Cs"])), path=SOME_PATHS)
def test_any_text_is_read(text: str, path: str) -> None:
    found = parse(text)
    assert len(found.rules) + len(found.skipped) <= text.count("\n") + 1
    found.owners_of(path)


@given(lines=st.lists(st.tuples(PATTERNS, st.sampled_from(["@alice", "@bob", ""])), max_size=6), path=SOME_PATHS)
def test_the_last_match_wins_whatever_stands_before(lines: list[tuple[str, str]], path: str) -> None:
    text = "\n".join(f"{pattern} {owner}" for pattern, owner in lines)
    expected = next((owner for pattern, owner in reversed(lines) if as_regex(pattern).fullmatch(path)), "")
    assert " ".join(parse(text).owners_of(path)) == expected
