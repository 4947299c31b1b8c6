"""One change from its ticket to the end of its deploy, in the order of time. Pure.

Each event says who vouches for it. What a record says was fetched by the gate from the forge or the tracker before it decided, and signed then.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from changegate import canonical
from changegate.audit.pack.contents import Kept
from changegate.audit.population import went
from changegate.errors import FormatError

_SAID_BY = {"forge": "the forge's API, fetched by the gate", "asserted": "written by somebody with push access; the forge doesn't vouch for it"}
_BY_HASH = "in the facts that the signed record names by their SHA-256"
_TICKET, _OPENED, _COMMIT, _REVIEW, _CHECK, _MERGED, _GATE, _OUTCOME = range(8)


class Event(NamedTuple):
    """Something that happened. `at` is RFC 3339 in UTC, or empty where nobody recorded when."""

    at: str
    order: int
    what: str
    who: str = ""
    source: str = ""
    link: str = ""
    good: bool | None = None


def events(decision: Kept, change: Mapping[str, Any], ending: Kept | None, facts: bytes | None) -> tuple[Event, ...]:
    """All that is known of a change. What has no time stands before what has one of its sort or of a later sort."""
    found = sorted(_events(decision, change, ending, facts), key=lambda each: each.order)
    timed = sorted((each for each in found if _moment(each.at)), key=lambda each: (_moment(each.at), each.order))
    for each in (each for each in found if not _moment(each.at)):
        place = next((at for at, other in enumerate(timed) if other.order > each.order), len(timed))
        timed.insert(place, each._replace(at=""))
    return tuple(timed)


def _events(decision: Kept, change: Mapping[str, Any], ending: Kept | None, facts: bytes | None) -> Iterator[Event]:
    said = _SAID_BY.get(change["assurance"], "not stated")
    for ticket in change["tickets"] or ():
        title = f": {ticket['title']}" if ticket["title"] else ""
        source = "the tracker, asked by the gate" if ticket["assurance"] == "forge" else "the change names it; nobody looked it up"
        yield Event(ticket["created"] or "", _TICKET, f"Ticket {ticket['key']} opened{title}", "", source, ticket["url"])
    known = _change_of(facts, change["id"])
    if known:
        yield Event(_text(known.get("created_at")), _OPENED, "Change opened", change["author"]["login"], f"{said}; {_BY_HASH}", change["url"])
    for commit in _dicts(known.get("commits")):
        author = commit.get("author")
        who = _text(author.get("login")) if isinstance(author, dict) else ""
        what = f"Commit {_text(commit.get('sha'))[:10]}: {_text(commit.get('subject'))}"
        yield Event("", _COMMIT, what, who, f"{said}; {_BY_HASH}")
    for approval in change["approvals"] or ():
        what = "Approved, and it counts" if approval["counts"] else f"Approved, and it doesn't count: {approval['why']}"
        yield Event(approval["at"] or "", _REVIEW, what, approval["by"]["login"], said, approval["url"], approval["counts"])
    for check in change["checks"] or ():
        good = {"success": True, "failure": False}.get(check["state"])
        yield Event(_completed(known, check), _CHECK, f"Check {check['name']}: {check['state']}", "", said, check["url"], good)
    if change["merged"]:
        yield Event(change["merged"], _MERGED, "Merged", "", said, change["url"])
    yield _decided(decision, change)
    if ending is not None:
        reason = f": {ending.predicate['reason']}" if ending.predicate["reason"] else ""
        good = ending.card.decision == "success"
        yield Event(
            ending.card.time, _OUTCOME, f"Deploy ended: {ending.card.decision}{reason}", "", "signed by the pipeline", ending.predicate["url"], good
        )


def _decided(decision: Kept, change: Mapping[str, Any]) -> Event:
    failed = [each for each in change["findings"] if each["outcome"] in {"fail", "unknown"}]
    reasons = "; ".join(f"{each['control']}: {each['observed']} (required: {each['required']})" for each in failed)
    if not reasons and decision.predicate["decision"]["reasons"]:
        reasons = f"not for this change, but for the deploy as a whole: {', '.join(decision.predicate['decision']['reasons'])}"
    if not decision.card.decision.startswith("allowed") and went(decision.predicate):
        reasons += f"{'. ' if reasons else ''}Let go all the same: audit mode, the policy only watched"
    what = f"Gate for {decision.card.environment}: {decision.card.decision}" + (f". {reasons}" if reasons else "")
    deployment = decision.predicate["deployment"]
    who = deployment["deployer"]["login"] if deployment["deployer"] else ""
    good = decision.card.decision.startswith("allowed")
    return Event(decision.card.time, _GATE, what, who, "decided and signed by the gate", deployment["run"]["url"], good)


def _change_of(facts: bytes | None, wanted: str) -> Mapping[str, Any]:
    """The change as it was fetched; empty where its facts aren't at hand, or are of another version's shape."""
    if facts is None:
        return {}
    try:
        value = canonical.loads(facts, what="facts")
    except FormatError:
        return {}
    changes = value.get("changes") if isinstance(value, dict) else None
    return next((each for each in _dicts(changes) if each.get("id") == wanted), {})


def _completed(known: Mapping[str, Any], check: Mapping[str, Any]) -> str:
    found = (each for each in _dicts(known.get("checks")) if each.get("name") == check["name"] and each.get("commit") == check["commit"])
    return next((_text(each.get("completed_at")) for each in found), "")


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _moment(text: str) -> float:
    """Seconds, to sort by; 0 where there is no time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return at.timestamp() if at.tzinfo is not None else 0
