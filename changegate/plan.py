"""The rollback plan in a change's description: found, and told from boilerplate. Text in, values out."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

MAX_TEXT: Final = 256 * 1024
"""What is read of a description, in characters; forges cap theirs far below."""

_BOLD: Final = 7
_LABEL: Final = 8

# A title is compared by its words only, so that closing hashes and colons may stay. Nothing here may backtrack: the text is anybody's.
_HEADING = re.compile(r"^ {0,3}(?:(?P<hashes>#{1,6})[ \t](?P<atx>.*)|\*\*(?P<bold>[^*]+)\*\*:?[ \t]*)$")
_UNDERLINE = re.compile(r"^ {0,3}(?:=+|-+)[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<[^<>\n]{0,200}>")
_CHECKBOX = re.compile(r"^[ \t]*[-*+][ \t]+\[[ xX]\][ \t]*", re.MULTILINE)
_TRAILER = re.compile(r"^(?:(?:[A-Za-z]+-)+by|Reviewers|Change-Id|Ticket|Refs?|Fixes|Closes|Cc|Link|See|Issue|Bug):", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[.'_/:@-]+[^\W_]+)*")

_EMPTY_PHRASES: Final = frozenset(
    {
        "n a", "na", "none", "no", "nothing", "not applicable", "not needed", "not required", "tbd", "todo", "to do", "to be done", "to be defined",
        "tbc", "wip", "fixme", "xxx", "see above", "see below", "see ticket", "same as always", "same as usual", "as usual", "the usual", "standard",
        "default", "ok", "yes", "fine", "trivial", "revert", "rollback", "roll back", "revert it", "revert this", "just revert", "just revert it",
        "revert pr", "revert the pr", "revert this pr", "revert mr", "revert this mr", "revert the mr", "revert commit", "revert the commit",
        "revert this commit", "revert change", "revert the change", "revert this change", "git revert", "revert and redeploy", "roll it back",
        "please revert", "we revert", "simply revert", "can be reverted", "undo", "undo it", "no rollback", "no rollback needed", "no plan",
        "no rollback plan", "not possible", "rollback plan", "lorem ipsum", "git revert head", "git revert sha",
        "no rollback required", "no rollback possible", "see jira", "see issue", "see description", "see pr",
        "see mr", "unknown", "no idea", "later", "redeploy",
    }
)  # fmt: skip
_FILLERS: Final = frozenset(
    ["a", "all", "an", "any", "are", "at", "be", "can", "just", "i", "is", "it", "please", "simply", "that", "the", "this", "we", "will"]
)
"""Words that make a stock phrase no plan: "none at all", "we can just revert it"."""
_MASHED: Final = frozenset(
    [
        "abc",
        "asd",
        "asdf",
        "bar",
        "baz",
        "bla",
        "blah",
        "dfgh",
        "foo",
        "foobar",
        "ghjk",
        "hjkl",
        "qwer",
        "qwert",
        "qwerty",
        "test",
        "xxx",
        "yxcv",
        "zxcv",
    ]
)
_PLACEHOLDER = re.compile(
    r"\b(?:describe|explain|enter|insert|add|write|fill in|put|list|outline)\b.{0,40}\b(?:how|here|steps|plan|your|roll ?back)\b"
    r"|\bhow (?:can|do|would|will|to)\b.{0,60}\b(?:roll|rolled|revert|reverted|undo|undone)\b.{0,40}\?"
    r"|\blorem ipsum\b|\bplaceholder\b",
    re.IGNORECASE,
)


_BARE_PHRASES: Final = frozenset(" ".join(word for word in phrase.split() if word not in _FILLERS) for phrase in _EMPTY_PHRASES) | {""}


class Verdict(StrEnum):
    """What the text is worth."""

    SPECIFIC = "specific"
    NAMES_VERSION = "names-version"
    ABSENT = "absent"
    EMPTY = "empty"
    BOILERPLATE = "boilerplate"
    TEMPLATE = "template"
    TOO_SHORT = "too-short"


class Plan(NamedTuple):
    """A plan's own text, and what it is worth."""

    text: str
    verdict: Verdict
    version: str = ""
    """The version that it names, by that name or the commit's whole id, where that makes it a plan."""


def read_plan(description: str, *, headings: Iterable[str], templates: Iterable[str], versions: Iterable[str], min_words: int) -> Plan:
    """Judge the rollback plan in a description.

    `templates` are whole description templates of the repository; `versions` the names and commit ids that were deployed before. A plan counts
    when it says something of its own: not empty, no stock phrase, no placeholder, not what a template says there, and at least `min_words`
    words, or fewer if they name one of `versions`.
    """
    titles = tuple(headings)
    found = list(find_sections(description, titles))
    if not found:
        return Plan("", Verdict.ABSENT)
    template_lines = {_normal(line) for template in templates for line in visible(template).splitlines()} - {""}
    plans = [_judge(text, template_lines, tuple(versions), min_words) for text in found]
    return next((plan for plan in plans if plan.verdict in (Verdict.SPECIFIC, Verdict.NAMES_VERSION)), plans[0])


def find_sections(description: str, headings: Iterable[str]) -> Iterator[str]:
    """The raw text of each section under one of these headings (Markdown of any level, a bold line, a line that ends in a colon), and of each
    `Heading: text` line. Headings inside HTML comments and code fences are none.
    """
    wanted = {_normal(heading) for heading in headings}
    lines = _COMMENT.sub("", description[:MAX_TEXT]).splitlines()
    section: list[str] | None = None
    level = 0
    for title, depth, line in _headed(lines, wanted):
        if title is not None:
            if section is not None and depth <= level:
                yield "\n".join(section)
                section = None
            if section is None and _normal(title) in wanted:
                section, level = [], depth
                continue
        if section is not None:
            section.append(line)
        else:
            key, colon, value = line.partition(":")
            if colon and _normal(key) in wanted:
                yield value
    if section is not None:
        yield "\n".join(section)


def _headed(lines: list[str], wanted: set[str]) -> Iterator[tuple[str | None, int, str]]:
    """Each line with its title and depth where it is a heading, and (None, 0) where not. Bold lines and labels lie below every other level."""
    fenced = underline = False
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        if underline:
            underline = False
            continue
        fence = _FENCE.match(line)
        fenced ^= bool(fence)
        match = _HEADING.match(line)
        if fenced or fence:
            yield None, 0, line
        elif match:
            yield match["atx"] or match["bold"], len(match["hashes"] or "") or _BOLD, line
        elif line.strip() and _UNDERLINE.match(following) and not line.lstrip().startswith(("-", "*", "+", ">", "|")):
            underline = True
            yield line, 1 if "=" in following else 2, line
        elif line.rstrip().endswith(":") and _normal(line) in wanted:
            yield line, _LABEL, line
        else:
            yield None, 0, line


def visible(text: str) -> str:
    """What a reader sees: without HTML comments, tags and empty check boxes."""
    return _CHECKBOX.sub("", _TAG.sub(" ", _COMMENT.sub("", text[:MAX_TEXT]))).strip()


def named_in(text: str, names: Iterable[str]) -> str:
    """The first of these procedures that the text names, in whatever case and punctuation; empty where it names none."""
    said = f" {_normal(text)} "
    return next((name for name in names if f" {_normal(name)} " in said), "")


def _judge(raw: str, template_lines: set[str], versions: tuple[str, ...], min_words: int) -> Plan:
    text = "\n".join(line for line in visible(raw).splitlines() if not _TRAILER.match(line.strip()))
    if not _WORD.search(text):
        return Plan("", Verdict.EMPTY)
    own = "\n".join(line for line in text.splitlines() if _normal(line) and _normal(line) not in template_lines)
    if not own:
        return Plan(text, Verdict.TEMPLATE)
    if _says_nothing(own) or _PLACEHOLDER.search(own):
        return Plan(text, Verdict.BOILERPLATE)
    words = _WORD.findall(own)
    version = _version_in(words, versions)
    if version:
        return Plan(text, Verdict.NAMES_VERSION, version)
    if len(words) < min_words:
        return Plan(text, Verdict.TOO_SHORT)
    if all(_says_nothing(line) for line in own.splitlines()):
        return Plan(text, Verdict.BOILERPLATE)
    return Plan(text, Verdict.SPECIFIC)


def _says_nothing(text: str) -> bool:
    """Whether it is a stock phrase, in whatever case, punctuation and padding, or nothing but what fingers find on a keyboard."""
    words = _normal(text).split()
    bare = " ".join(word for word in words if word not in _FILLERS)
    return " ".join(words) in _EMPTY_PHRASES or bare in _BARE_PHRASES or all(word in _MASHED for word in words)


def _version_in(words: list[str], versions: tuple[str, ...]) -> str:
    """The version of which a word is the name, or at least seven digits of its commit id; empty where there is none."""
    for word in words:
        for version in versions:
            if word == version or (len(word) >= 7 and re.fullmatch(r"[0-9a-f]{40,64}", version) and version.startswith(word)):
                return version
    return ""


def _normal(text: str) -> str:
    """Words only, in lower case, single spaces: what two texts are compared by."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
