"""One change record, for a person: the verdict, the deploy, the policy, each change with what counted, and the record before it.

The statement is verified before it comes here (`changegate.signing.dsse`, the log's proof); its texts are from outside all the same.
A part that a record doesn't have, or that has another shape than this version writes, shows as "not stated": what is on record can always be shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from changegate.errors import FormatError
from changegate.render.page import LogPlace, Page, at, listed, say, text
from changegate.render.text import count, inert, short, visible

_LISTED: Final = 50
_VERDICTS: Final = {"allowed": "✓ ALLOWED", "allowed-as-emergency": "! EMERGENCY, ALLOWED", "blocked": "✗ BLOCKED", "unknown": "? NOT JUDGED"}
_MARKS: Final = {"pass": "✓", "fail": "✗", "unknown": "?", "not-applicable": "–", "lifted": "!"}


def render(statement: Mapping[str, Any], place: LogPlace, *, width: int = 80) -> str:
    """The record in lines of `width` columns. Ends with a line break.

    Raises `FormatError` where the statement has no predicate: then it is no change record.
    """
    predicate = statement.get("predicate")
    if not isinstance(predicate, Mapping):
        raise FormatError("this record has no predicate, so it is no change record", remedy="Ask for a record that `changegate gate` made.")
    page = Page(width)
    _write_verdict(page, predicate, place)
    _write_deployment(page, statement, predicate)
    for finding in listed(predicate, "findings"):
        _write_finding(page, finding, label=f"{text(finding, 'control')}, the whole deploy")
    _write_changes(page, listed(predicate, "changes"))
    _write_origin(page, predicate)
    return inert("\n".join(page.lines) + "\n")


def _write_verdict(page: Page, predicate: Mapping[str, Any], place: LogPlace) -> None:
    verdict = text(predicate, "decision", "verdict")
    environment = text(predicate, "deployment", "environment")
    enforced = at(predicate, "policy", "enforced")
    mode = "" if enforced is True else " (audit mode, not stopped)" if enforced is False else " (mode not stated)"
    page.lines.append(f"{_VERDICTS.get(verdict, '? a verdict not stated')} for {environment or 'an environment not stated'}{mode}"[: page.width])
    reasons = [visible(str(each), 120) for each in listed(predicate, "decision", "reasons")]
    if reasons:
        page.write("because", ", ".join(reasons))
    _write_exceptions(page, at(predicate, "decision"))
    page.write("record", f"{place.digest[:16]}, index {place.index} in a log of {place.size}")
    page.write("verified", visible(place.proof))
    page.write("decided", text(predicate, "time", "decided"))


def _write_exceptions(page: Page, decision: Any) -> None:
    """By what it was let go besides its changes' merits."""
    emergency = at(decision, "emergency")
    if isinstance(emergency, Mapping):
        agreed = ", ".join(f"{_person(at(each, 'by'))} ({text(each, 'via')})" for each in listed(emergency, "agreedBy")[:_LISTED])
        page.write("emergency", f"{text(emergency, 'incident')}: {text(emergency, 'reason')}")
        page.write("  declared", f"by {_person(at(emergency, 'declaredBy'))}, agreed by {agreed}")
        page.write("  lifted", _lifted(emergency))
        page.write("  review", f"due by {text(emergency, 'reviewDue')}")
    for label, key in (("waiver", "waivers"), ("no waiver", "refusedWaivers")):
        for waiver in listed(decision, key)[:_LISTED]:
            who = f"requested by {text(waiver, 'requestedBy')}, approved by {text(waiver, 'approvedBy')}, until {text(waiver, 'until')}"
            page.write(label, f"{text(waiver, 'envelope')[:16]} of {text(waiver, 'control')}, {who}: {text(waiver, 'reason')}")
            page.write("  lifted" if key == "waivers" else "  because", _lifted(waiver) if key == "waivers" else text(waiver, "why"))
    for each in listed(decision, "dueReviews")[:_LISTED]:
        page.write("to review", f"{text(each, 'incident')}, record {text(each, 'envelope')[:16]}, due by {text(each, 'due')}")


def _lifted(value: Any) -> str:
    return ", ".join(f"{text(each, 'control')}/{text(each, 'reason')} on {text(each, 'change')}" for each in listed(value, "lifted")[:_LISTED])


def _write_deployment(page: Page, statement: Mapping[str, Any], predicate: Mapping[str, Any]) -> None:
    page.heading("Deployment")
    deployment = at(predicate, "deployment")
    page.write("repository", f"{text(deployment, 'repository') or 'not stated'} ({text(deployment, 'forge') or 'forge not stated'})")
    page.write("commit", text(deployment, "head") + (f" ({text(deployment, 'ref')})" if text(deployment, "ref") else ""))
    span = at(predicate, "range")
    commits, removed = at(span, "commits"), listed(span, "removed")
    amount = count(commits, "commit") if isinstance(commits, int) else "commits not stated"
    taken = f", {count(len(removed), 'commit')} taken away" if removed else ""
    page.write("range", f"{text(span, 'outcome') or 'not stated'}: {amount} after {text(span, 'base') or 'a base not stated'}{taken}")
    page.write("base is from", ", vouched for by ".join(filter(None, (text(span, "baseSource"), text(span, "assurance")))))
    page.write("deployer", _person(at(deployment, "deployer")))
    page.write("run", " ".join(filter(None, (text(deployment, "run", "id"), text(deployment, "run", "url")))))
    for artifact in listed(statement, "subject")[1:][:_LISTED]:
        digests = at(artifact, "digest")
        named = ", ".join(f"{visible(str(kind), 20)}:{say(value)}" for kind, value in digests.items()) if isinstance(digests, Mapping) else ""
        page.write("artifact", f"{text(artifact, 'name')} {named}")


def _write_changes(page: Page, changes: Sequence[Any]) -> None:
    page.heading(count(len(changes), "change"))
    for change in changes:
        page.lines.append("")
        title = f"{short(text(change, 'id'))} {text(change, 'title')}".strip() or "a change not stated"
        page.lines.append(title if len(title) <= page.width else f"{title[: page.width - 1]}…")
        if text(change, "url"):
            page.write("link", text(change, "url"), indent=2)
        _write_people(page, change)
        _write_evidence(page, change)
        for finding in listed(change, "findings"):
            _write_finding(page, finding, label=text(finding, "control"), indent=2)


def _write_people(page: Page, change: Any) -> None:
    contributors = [_person(each) for each in listed(change, "contributors")]
    page.write("author", _person(at(change, "author")), indent=2)
    page.write("landed", ", ".join(short(say(each)) for each in listed(change, "landed")[:_LISTED]), indent=2)
    page.write("contributors", ", ".join(contributors[:_LISTED]), indent=2)
    if not listed(change, "approvals"):
        page.write("approval", _of_list(change, "approvals"), indent=2)
    for approval in sorted(listed(change, "approvals"), key=lambda each: at(each, "counts") is not True)[:_LISTED]:
        good = at(approval, "counts") is True
        counts = "✓ counts" if good else "✗ doesn't count"
        why = f": {text(approval, 'why')}" if text(approval, "why") and not good else ""
        words = f"{counts}, by {_person(at(approval, 'by')) or 'somebody not stated'} at {text(approval, 'at') or 'a time not stated'}"
        page.write("approval", f"{words} of {short(text(approval, 'commit')) or 'a commit not stated'}{why}", indent=2)


def _write_evidence(page: Page, change: Any) -> None:
    tickets = [" ".join(filter(None, (text(each, key) for key in ("key", "state", "title", "url")))) for each in listed(change, "tickets")]
    page.write("tickets", "; ".join(tickets[:_LISTED]) or _of_list(change, "tickets"), indent=2)
    page.write("rollback", text(change, "rollbackPlan", "excerpt") or "none", indent=2)
    checks = [f"{text(each, 'name')} {text(each, 'state')}" for each in listed(change, "checks")]
    more = f", and {len(checks) - _LISTED} more" if len(checks) > _LISTED else ""
    page.write("checks", (", ".join(checks[:_LISTED]) or _of_list(change, "checks")) + more, indent=2)


def _of_list(value: Any, key: str) -> str:
    """What an absent list says. Null in a record means that nobody could read it, which is never the same as that there was nothing."""
    return "none" if isinstance(at(value, key), list | tuple) else "not known"


def _write_finding(page: Page, finding: Any, *, label: str, indent: int = 0) -> None:
    outcome = text(finding, "outcome")
    page.write("finding", f"{_MARKS.get(outcome, '?')} {label}: {text(finding, 'reason')}: {text(finding, 'observed')}", indent=indent)
    if outcome != "pass" and text(finding, "remedy", "step"):
        page.write("  to do", f"{text(finding, 'remedy', 'who')}: {text(finding, 'remedy', 'step')}", indent=indent)


def _write_origin(page: Page, predicate: Mapping[str, Any]) -> None:
    page.heading("How it was judged")
    policy = at(predicate, "policy")
    where = " ".join(filter(None, (text(policy, "source"), text(policy, "path"), text(policy, "ref") and f"at {text(policy, 'ref')}")))
    page.write("policy", where)
    page.write("  digest", text(policy, "sha256"))
    page.write("facts", text(predicate, "facts", "sha256"))
    page.write("fetched", text(predicate, "time", "fetched"))
    page.write("tool", f"{text(predicate, 'tool', 'name')} {text(predicate, 'tool', 'version')}".strip())
    before = text(predicate, "previous", "envelope")
    page.write("before it", f"{before}, index {text(predicate, 'previous', 'index')}" if before else "no record of this environment")


def _person(value: Any) -> str:
    """A login with the key that tells people apart; where nobody could be told, the record's login says why."""
    login, key = text(value, "login"), text(value, "key")
    if at(value, "kind") == "unknown":
        return f"unknown ({login})"
    return f"{login} ({key})" if login and key else login or key
