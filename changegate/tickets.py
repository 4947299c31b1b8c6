"""The grammar of ticket references: which words in a text name a ticket, and which only look like it. Pure.

What counts:

- a tracker's key, `SHOP-12`: upper-case project, hyphen, number;
- a change request's number, `CHG0030042`, where its prefix is among the projects;
- a forge's number, `#12`, `owner/repo#12`, `group/subgroup/project#12`;
- the address of an issue (`…/issues/12`, `…/browse/SHOP-12`).

What doesn't: standards and advisories written alike (`CVE-2026-1`, `UTF-8`, `ISO-8601`), changes (`!12`, `…/pull/12`), commit ids.
A reference is only a name. Whether such a ticket exists is for a tracker to say.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit


class KeyForm(StrEnum):
    """How a tracker names its tickets."""

    KEY = "key"
    """`SHOP-12`."""
    NUMBER = "number"
    """`CHG0030042`."""
    ISSUE = "issue"
    """`owner/repo#12`, and the address of such an issue."""


class ReferenceKind(StrEnum):
    """How a text names a ticket."""

    KEY = "key"
    """`SHOP-12`."""
    NUMBER = "number"
    """`#12`. In a title this is as often a change: GitHub writes `(#12)` there when it squashes."""
    QUALIFIED_NUMBER = "qualified-number"
    """`owner/repo#12`, or the address of such an issue."""
    ADDRESS = "address"
    """Some other http(s) address, of a tracker that isn't known here."""


class Reference(NamedTuple):
    """One ticket that a text names. `key` is the canonical name, by which two references are the same ticket."""

    key: str
    kind: ReferenceKind
    url: str = ""


# fmt: off
NOT_PROJECTS: Final = frozenset({
    "AES", "ANSI", "ARMV", "ASCII", "BASE", "BCP", "BLAKE", "CAPEC", "CCITT", "CIS", "COVID", "CP", "CRC", "CSS", "CVE", "CVSS", "CWE",
    "DES", "DIN", "ECMA", "FIPS", "GCM", "GHSA", "GPT", "HMAC", "HTML", "HTTP", "HTTPS", "IEC", "IEEE", "IETF", "IPV", "ISO", "JDK", "JEP",
    "JSR", "KB", "KIP", "KOI", "LATIN", "MD", "MPEG", "NIST", "OAUTH", "OSI", "OWASP", "PBKDF", "PCI", "PEP", "PKCS", "PR", "PY", "RC", "RFC",
    "RHSA", "RIPEMD", "RSA", "SHA", "SOC", "SP", "SSL", "STD", "TLS", "UCS", "USB", "UTC", "UTF", "UUID", "WCAG", "WINDOWS", "XHTML", "XML",
    "FIXME", "NA", "NONE", "TBC", "TBD", "TODO", "WIP", "XX", "XXX",
})
# fmt: on
"""Prefixes that look like a project's key: standards, algorithms, advisories, and words that stand where a ticket should be. A policy that names such
a project overrules this."""

_KEYS: Final = frozenset({ReferenceKind.KEY, ReferenceKind.QUALIFIED_NUMBER})
_ANY_FORM: Final[Mapping[str, KeyForm]] = {}
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'`|\\^{}]+", re.IGNORECASE)
_TRAILING: Final = ".,;:!?)]*_"
_REFERENCE: Final = re.compile(
    r"(?<![\w.\-/#&!@])(?P<path>[A-Za-z0-9_][\w.\-]*(?:/[\w.\-]+)+)?\#(?P<number>[1-9][0-9]{0,9})(?![\w\-]|\.\w)"
    r"|(?<![\w.\-#&!@/])(?P<record>(?P<table>[A-Z]{2,10})[0-9]{7,10})(?![\w\-]|\.[0-9])"
    r"|(?<![\w.\-#&!@])(?P<key>(?P<project>[A-Z][A-Z0-9_]{1,19})-[1-9][0-9]{0,9})(?!\w|-\w|\.[0-9])",
    re.ASCII,
)
_PROJECT: Final = re.compile(
    r"(?P<project>[A-Z][A-Z0-9_]{1,19})-[1-9][0-9]{0,9}|(?P<table>[A-Z]{2,10})[0-9]{7,10}|(?P<path>[\w.\-]+(?:/[\w.\-]+)+)#[1-9][0-9]{0,9}", re.ASCII
)
_ISSUE_PATH: Final = re.compile(r"/(?P<path>[\w.\-]+(?:/[\w.\-]+)+?)(?:/-)?/(?:issues|work_items)/(?P<number>[1-9][0-9]{0,9})/?", re.ASCII)
_KEY_PATH: Final = re.compile(r"/(?:browse|issue|issues)/(?P<key>(?P<project>[A-Z][A-Z0-9_]{1,19})-[1-9][0-9]{0,9})(?:/|\Z)", re.ASCII)
_NO_TICKET_PATH: Final = re.compile(r"/(?:pull|pulls|merge_requests|pull-requests|commit|commits|compare|tree|blob)(?:/|\Z)")


def find_references(
    text: str, projects: Collection[str] = (), forms: Mapping[str, KeyForm] = _ANY_FORM, *, any_address: bool = False
) -> tuple[Reference, ...]:
    """The tickets that `text` names, in order, each once.

    With `projects`, only keys of those projects count, and issues of those that are repositories (`owner/repo`); of those in `forms` (in lower
    case) only keys of that form. `any_address` takes every http(s) address that is not visibly a change or a commit: right for a trailer whose
    value is a ticket, wrong for prose.
    """
    found: dict[str, Reference] = {}
    for reference in _scan(text, frozenset(projects), any_address=any_address):
        if forms and reference.kind in _KEYS and not _has_form(reference.key, forms):
            continue
        found.setdefault(reference.key, reference)
    return tuple(found.values())


def _scan(text: str, projects: frozenset[str], *, any_address: bool) -> Iterator[Reference]:
    position = 0
    for match in _ADDRESS.finditer(text):
        yield from _scan_words(text[position : match.start()], projects)
        reference = _read_address(match.group().rstrip(_TRAILING), projects, any_address=any_address)
        if reference:
            yield reference
        position = match.end()
    yield from _scan_words(text[position:], projects)


def _scan_words(text: str, projects: frozenset[str]) -> Iterator[Reference]:
    for match in _REFERENCE.finditer(text):
        if match["record"]:
            if match["table"] in projects:  # a number alone is too much like others to be guessed
                yield Reference(match["record"], ReferenceKind.KEY)
        elif match["key"]:
            if _is_project(match["project"], projects):
                yield Reference(match["key"], ReferenceKind.KEY)
        elif not projects or _is_repository(match["path"], projects):
            path, number = match["path"] or "", match["number"]
            yield Reference(f"{path}#{number}", ReferenceKind.QUALIFIED_NUMBER if path else ReferenceKind.NUMBER)


def _read_address(address: str, projects: frozenset[str], *, any_address: bool) -> Reference | None:
    try:
        parts = urlsplit(address)
        path = unquote(parts.path)
    except ValueError:  # "http://[" is no address
        return None
    key = _KEY_PATH.search(path)
    if key and _is_project(key["project"], projects):
        return Reference(key["key"], ReferenceKind.KEY, address)
    issue = _ISSUE_PATH.fullmatch(path)
    if projects and not (issue and _is_repository(issue["path"], projects)):
        return None
    if issue:
        return Reference(f"{issue['path']}#{issue['number']}", ReferenceKind.QUALIFIED_NUMBER, address)
    if any_address and (path.strip("/") or parts.query) and not _NO_TICKET_PATH.search(path):
        return Reference(address, ReferenceKind.ADDRESS, address)
    return None


def project_of(key: str) -> str:
    """The project of a tracker's key: `SHOP` of SHOP-12, `CHG` of CHG0030042, `owner/repo` of owner/repo#12; empty for other names of tickets."""
    match = _PROJECT.fullmatch(key)
    return (match["project"] or match["table"] or match["path"]) if match else ""


def _has_form(key: str, forms: Mapping[str, KeyForm]) -> bool:
    own = KeyForm.ISSUE if "#" in key else KeyForm.KEY if "-" in key else KeyForm.NUMBER
    return forms.get(project_of(key).casefold(), own) is own


def _is_repository(path: str | None, projects: frozenset[str]) -> bool:
    """Names of repositories are the same in any case."""
    return bool(path) and any("/" in each and each.casefold() == str(path).casefold() for each in projects)


def _is_project(name: str, projects: frozenset[str]) -> bool:
    return name in projects if projects else name not in NOT_PROJECTS
