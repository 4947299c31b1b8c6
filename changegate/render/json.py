r"""The report for machines (`--format json`): one object, all that the other formats say, nothing cut.

    version     1
    verdict     allowed | allowed-as-emergency | blocked | unknown | not-recorded: judged, but the record could not be signed or stored,
                so the deploy must not go on
    judged      allowed | allowed-as-emergency | blocked | unknown: what the controls say, whether it was recorded or not
    enforced    false in audit mode
    reasons     ["control/reason", …]: the codes of all that stops the deploy, sorted
    policy      which policy held, in words
    deployment  forge, repository, environment, head, ref, run
    range       outcome, base, head, baseSource, commits, removed (numbers of commits)
    todo        [{control, reason, outcome, required, who, step, places: [{change | null, title, url, observed, link}]}]
    changes     [{id, kind, title, url, head, outcomes: {control: pass | fail | unknown | not-applicable | lifted}, reviews}]
                head: the commit that was reviewed, which `changegate waive --head` takes, null where it isn't known;
                reviews: null where they couldn't be read, else all, those taken back (`dismissed`) included: [{by, state, at, commit, via, url}],
                with null for what is not known
    findings    [{control, change | null, outcome, reason, observed, required, remedy: {who, role, step, link} | null}]
    emergency   {reason, incident, declaredBy, agreedBy: [{by, via: approval | named}], lifted: [{control, change, reason}], reviewDue}, or null
    waivers     [{record, control, change, head, environment, until, requestedBy, approvedBy, reason, lifted: [{control, change, reason}]}]
    refusedWaivers the same with `why` in place of `lifted`: what doesn't count
    record      {id, digest, logIndex, logSize, origin, store, receipt, warnings}, or null
    submitted   the digest of the signed record, where it waits to be integrated
    notRecorded why there is no record; empty where there is one
    remedy      what to do, where recording failed; else empty
    preview     only where an open change was judged: {draft, pending, notes, check, comment, warnings}. `range.base` is then the tip of the
                branch that it goes to

The text is ASCII: whatever is not, and DEL, is a `\u` escape. So is a number sign before another, because GitHub's runner obeys `##[…]` anywhere
in a line of its log.
"""

import json
import re
from typing import Any, Final

from changegate.facts import Change, Unavailable
from changegate.render import Preview, Recorded, RecordingFailed, Report, Submitted, exceptions, matrix, todo
from changegate.render.todo import ToDo

VERSION: Final = 1


def render(report: Report) -> str:
    """The report as JSON, indented by two. Ends with a line break."""
    return safe_dumps(_shape(report))


def safe_dumps(shape: Any) -> str:
    """ASCII JSON in which no line is a command to a runner."""
    text = json.dumps(shape, indent=2, ensure_ascii=True)
    return re.sub("#(?=#)", r"\\u0023", text).replace("\x7f", r"\u007f") + "\n"


def _shape(report: Report) -> dict[str, Any]:
    deployment, span, where = report.facts.deployment, report.facts.range, report.where
    return {
        "version": VERSION,
        "verdict": report.verdict,
        "judged": report.decision.verdict.value,
        "enforced": report.enforced,
        "reasons": list(report.decision.reasons),
        "policy": report.policy,
        "deployment": {
            "forge": deployment.forge,
            "repository": deployment.repository,
            "environment": deployment.environment,
            "head": deployment.head,
            "ref": deployment.ref,
            "run": {"id": deployment.run.id, "attempt": deployment.run.attempt, "url": deployment.run.url},
        },
        "range": {
            "outcome": span.outcome.value,
            "base": span.base,
            "head": span.head,
            "baseSource": span.base_source.value,
            "commits": len(span.commits),
            "removed": len(span.removed),
        },
        "todo": [_thing(each) for each in todo.things_to_do(report.decision, report.facts)],
        "changes": _changes(report),
        "findings": [each.model_dump(mode="json") for each in report.decision.findings],
        **exceptions.shape(report.decision),
        "record": record_shape(where) if isinstance(where, Recorded) else None,
        "notRecorded": "" if isinstance(where, Recorded) else where.why,
        **({"submitted": where.digest} if isinstance(where, Submitted) else {}),
        "remedy": where.remedy if isinstance(where, RecordingFailed) else "",
        **({"preview": _preview(where)} if isinstance(where, Preview) else {}),
    }


def _preview(where: Preview) -> dict[str, Any]:
    return {
        "draft": where.draft,
        "pending": where.pending,
        "notes": list(where.notes),
        "check": where.check,
        "comment": where.comment,
        "warnings": list(where.warnings),
    }


def _thing(thing: ToDo) -> dict[str, Any]:
    return {
        "control": thing.control,
        "reason": thing.reason,
        "outcome": thing.outcome.value,
        "required": thing.required,
        "who": thing.who,
        "step": thing.step,
        "places": [
            {"change": each.change, "title": each.title, "url": each.url, "observed": each.observed, "link": each.link} for each in thing.places
        ],
    }


def _changes(report: Report) -> list[dict[str, Any]]:
    table = matrix.build(report.decision, report.facts)
    known = {change.id: change for change in report.facts.changes}
    return [
        {
            "id": row.change,
            "kind": known[row.change].kind.value if row.change in known else "",
            "title": row.title,
            "url": row.url,
            "head": _head(known.get(row.change)),
            "outcomes": {control: outcome.value for control, outcome in zip(table.controls, row.outcomes, strict=True)},
            "reviews": _reviews(known[row.change]) if row.change in known else None,
        }
        for row in table.rows
    ]


def _head(change: Change | None) -> str | None:
    return None if change is None or isinstance(change.head, Unavailable) else change.head


def _reviews(change: Change) -> list[dict[str, Any]] | None:
    if isinstance(change.reviews, Unavailable):
        return None
    return [
        {
            "by": None if isinstance(each.reviewer, Unavailable) else each.reviewer.login,
            "state": each.state.value,
            "at": None if isinstance(each.submitted_at, Unavailable) else each.submitted_at.isoformat(),
            "commit": None if isinstance(each.commit, Unavailable) else each.commit,
            "via": each.via,
            "url": each.url,
        }
        for each in change.reviews
    ]


def record_shape(where: Recorded) -> dict[str, Any]:
    """Where a record lies."""
    return {
        "id": where.record_id,
        "digest": where.digest,
        "logIndex": where.log_index,
        "logSize": where.log_size,
        "checkpoint": where.checkpoint,
        "origin": where.origin,
        "store": where.store_url,
        "receipt": where.receipt,
        "warnings": list(where.warnings),
    }
