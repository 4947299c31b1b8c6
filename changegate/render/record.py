"""One change record, for a person: the verdict, the deploy, the policy, each change with what counted, and the record before it.

The statement is verified before it comes here (`changegate.signing.dsse`, the log's proof); its texts are from outside all the same.
A part that a record doesn't have, or that has another shape than this version writes, shows as "not stated": what is on record can always be shown.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from changegate.errors import FormatError
from changegate.render.text import count, inert, short, visible

_LABEL: Final = 12
_NARROWEST: Final = 40
_LISTED: Final = 50
_VERDICTS: Final = {"allowed": "✓ ALLOWED", "blocked": "✗ BLOCKED", "unknown": "? NOT JUDGED"}
_MARKS: Final = {"pass": "✓", "fail": "✗", "unknown": "?", "not-applicable": "–"}


@dataclass(frozen=True)
class LogPlace:
    """Where in the log the record lies, and what was verified."""

    digest: str
    """SHA-256 of the envelope, lower-case hex."""
    index: int
    size: int
    proof: str
    """What was verified, in words: `included, signed by key 3f2a91c0b1`."""


def render(statement: Mapping[str, Any], place: LogPlace, *, width: int = 80) -> str:
    """The record in lines of `width` columns. Ends with a line break.

    Raises `FormatError` where the statement has no predicate: then it is no change record.
    """
    predicate = statement.get("predicate")
    if not isinstance(predicate, Mapping):
        raise FormatError("this record has no predicate, so it is no change record", remedy="Ask for a record that `changegate gate` made.")
    page = _Page(max(width, _NARROWEST))
    _write_verdict(page, predicate, place)
    _write_deployment(page, statement, predicate)
    for finding in _list(predicate, "findings"):
        _write_finding(page, finding, label=f"{_text(finding, 'control')}, the whole deploy")
    _write_changes(page, _list(predicate, "changes"))
    _write_origin(page, predicate)
    return inert("\n".join(page.lines) + "\n")


class _Page:
    """Lines of labelled text, wrapped."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[str] = []

    def write(self, label: str, text: str, *, indent: int = 0) -> None:
        """One labelled text; what follows its first line is indented under it."""
        start = f"{' ' * indent}{label:<{_LABEL}} "
        wrapped = textwrap.wrap(
            text or "not stated", self.width, initial_indent=start, subsequent_indent=" " * len(start), drop_whitespace=True, break_on_hyphens=False
        )
        self.lines += [line.rstrip() for line in wrapped]

    def heading(self, text: str) -> None:
        """A line of its own after an empty one."""
        self.lines += ["", textwrap.shorten(text, self.width, placeholder="…") if len(text) > self.width else text]


def _write_verdict(page: _Page, predicate: Mapping[str, Any], place: LogPlace) -> None:
    verdict = _text(predicate, "decision", "verdict")
    environment = _text(predicate, "deployment", "environment")
    enforced = _at(predicate, "policy", "enforced")
    mode = "" if enforced is True else " (audit mode, not stopped)" if enforced is False else " (mode not stated)"
    page.lines.append(f"{_VERDICTS.get(verdict, '? a verdict not stated')} for {environment or 'an environment not stated'}{mode}"[: page.width])
    reasons = [visible(str(each), 120) for each in _list(predicate, "decision", "reasons")]
    if reasons:
        page.write("because", ", ".join(reasons))
    page.write("record", f"{place.digest[:16]}, index {place.index} in a log of {place.size}")
    page.write("verified", visible(place.proof))
    page.write("decided", _text(predicate, "time", "decided"))


def _write_deployment(page: _Page, statement: Mapping[str, Any], predicate: Mapping[str, Any]) -> None:
    page.heading("Deployment")
    deployment = _at(predicate, "deployment")
    page.write("repository", f"{_text(deployment, 'repository') or 'not stated'} ({_text(deployment, 'forge') or 'forge not stated'})")
    page.write("commit", _text(deployment, "head") + (f" ({_text(deployment, 'ref')})" if _text(deployment, "ref") else ""))
    span = _at(predicate, "range")
    commits, removed = _at(span, "commits"), _list(span, "removed")
    amount = count(commits, "commit") if isinstance(commits, int) else "commits not stated"
    taken = f", {count(len(removed), 'commit')} taken away" if removed else ""
    page.write("range", f"{_text(span, 'outcome') or 'not stated'}: {amount} after {_text(span, 'base') or 'a base not stated'}{taken}")
    page.write("base is from", ", vouched for by ".join(filter(None, (_text(span, "baseSource"), _text(span, "assurance")))))
    page.write("deployer", _person(_at(deployment, "deployer")))
    page.write("run", " ".join(filter(None, (_text(deployment, "run", "id"), _text(deployment, "run", "url")))))
    for artifact in _list(statement, "subject")[1:][:_LISTED]:
        digests = _at(artifact, "digest")
        named = ", ".join(f"{visible(str(kind), 20)}:{_say(value)}" for kind, value in digests.items()) if isinstance(digests, Mapping) else ""
        page.write("artifact", f"{_text(artifact, 'name')} {named}")


def _write_changes(page: _Page, changes: Sequence[Any]) -> None:
    page.heading(count(len(changes), "change"))
    for change in changes:
        page.lines.append("")
        title = f"{short(_text(change, 'id'))} {_text(change, 'title')}".strip() or "a change not stated"
        page.lines.append(title if len(title) <= page.width else f"{title[: page.width - 1]}…")
        if _text(change, "url"):
            page.write("link", _text(change, "url"), indent=2)
        _write_people(page, change)
        _write_evidence(page, change)
        for finding in _list(change, "findings"):
            _write_finding(page, finding, label=_text(finding, "control"), indent=2)


def _write_people(page: _Page, change: Any) -> None:
    contributors = [_person(each) for each in _list(change, "contributors")]
    page.write("author", _person(_at(change, "author")), indent=2)
    page.write("landed", ", ".join(short(_say(each)) for each in _list(change, "landed")[:_LISTED]), indent=2)
    page.write("contributors", ", ".join(contributors[:_LISTED]), indent=2)
    if not _list(change, "approvals"):
        page.write("approval", _of_list(change, "approvals"), indent=2)
    for approval in sorted(_list(change, "approvals"), key=lambda each: _at(each, "counts") is not True)[:_LISTED]:
        good = _at(approval, "counts") is True
        counts = "✓ counts" if good else "✗ doesn't count"
        why = f": {_text(approval, 'why')}" if _text(approval, "why") and not good else ""
        words = f"{counts}, by {_person(_at(approval, 'by')) or 'somebody not stated'} at {_text(approval, 'at') or 'a time not stated'}"
        page.write("approval", f"{words} of {short(_text(approval, 'commit')) or 'a commit not stated'}{why}", indent=2)


def _write_evidence(page: _Page, change: Any) -> None:
    tickets = [" ".join(filter(None, (_text(each, key) for key in ("key", "state", "title", "url")))) for each in _list(change, "tickets")]
    page.write("tickets", "; ".join(tickets[:_LISTED]) or _of_list(change, "tickets"), indent=2)
    page.write("rollback", _text(change, "rollbackPlan", "excerpt") or "none", indent=2)
    checks = [f"{_text(each, 'name')} {_text(each, 'state')}" for each in _list(change, "checks")]
    more = f", and {len(checks) - _LISTED} more" if len(checks) > _LISTED else ""
    page.write("checks", (", ".join(checks[:_LISTED]) or _of_list(change, "checks")) + more, indent=2)


def _of_list(value: Any, key: str) -> str:
    """What an absent list says. Null in a record means that nobody could read it, which is never the same as that there was nothing."""
    return "none" if isinstance(_at(value, key), list | tuple) else "not known"


def _write_finding(page: _Page, finding: Any, *, label: str, indent: int = 0) -> None:
    outcome = _text(finding, "outcome")
    page.write("finding", f"{_MARKS.get(outcome, '?')} {label}: {_text(finding, 'reason')}: {_text(finding, 'observed')}", indent=indent)
    if outcome != "pass" and _text(finding, "remedy", "step"):
        page.write("  to do", f"{_text(finding, 'remedy', 'who')}: {_text(finding, 'remedy', 'step')}", indent=indent)


def _write_origin(page: _Page, predicate: Mapping[str, Any]) -> None:
    page.heading("How it was judged")
    policy = _at(predicate, "policy")
    where = " ".join(filter(None, (_text(policy, "source"), _text(policy, "path"), _text(policy, "ref") and f"at {_text(policy, 'ref')}")))
    page.write("policy", where)
    page.write("  digest", _text(policy, "sha256"))
    page.write("facts", _text(predicate, "facts", "sha256"))
    page.write("fetched", _text(predicate, "time", "fetched"))
    page.write("tool", f"{_text(predicate, 'tool', 'name')} {_text(predicate, 'tool', 'version')}".strip())
    before = _text(predicate, "previous", "envelope")
    page.write("before it", f"{before}, index {_text(predicate, 'previous', 'index')}" if before else "no record of this environment")


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: Any, *keys: str) -> str:
    return _say(_at(value, *keys))


def _say(value: Any) -> str:
    """A single value in words; empty for what is not there or not single."""
    match value:
        case str():
            return visible(value)
        case bool():
            return "yes" if value else "no"
        case int():
            return visible(f"{value:d}") if value.bit_length() < 64 else "a number too large"
    return ""


def _person(value: Any) -> str:
    """A login with the key that tells people apart; where nobody could be told, the record's login says why."""
    login, key = _text(value, "login"), _text(value, "key")
    if _at(value, "kind") == "unknown":
        return f"unknown ({login})"
    return f"{login} ({key})" if login and key else login or key


def _list(value: Any, *keys: str) -> Sequence[Any]:
    found = _at(value, *keys)
    return found if isinstance(found, list | tuple) else ()
