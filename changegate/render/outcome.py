"""How a deploy ended, for a person, for machines and for the CI's next steps; and its record as `changegate show` prints it.

The JSON object (`--format json`), ASCII as the gate's report is:

    version     1
    outcome     success | failure | rolled-back
    repeated    true where the log had this very outcome already, or it waited: nothing was appended
    deployment  repository, environment, head
    gate        {id, digest, logIndex}: the gate decision that it belongs to
    record      {id, digest, logIndex, logSize, checkpoint, origin, store, receipt, warnings}, or null where it waits to be integrated
    submitted   the digest of the record that waits; else empty
    status      {deployment, state} as set on the forge, or null
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from changegate.errors import FormatError
from changegate.render import Recorded, Submitted
from changegate.render.json import record_shape, safe_dumps
from changegate.render.page import LogPlace, Page, listed, say, text
from changegate.render.text import inert, short, visible

VERSION: Final = 1
_HEADLINES: Final = {"success": "✓ SUCCEEDED", "failure": "✗ FAILED", "rolled-back": "↩ ROLLED BACK"}
_SUBJECTS: Final = 50


class DeploymentStatus(NamedTuple):
    """The forge's deployment whose status was set."""

    forge: str
    deployment: int
    state: str


@dataclass(frozen=True)
class EndReport:
    """All that is said of an outcome that was recorded."""

    outcome: str
    repository: str
    environment: str
    head: str
    gate_digest: str
    gate_index: int
    repeated: bool
    where: Recorded | Submitted
    status: DeploymentStatus | None = None


def render_terminal(report: EndReport, *, width: int = 100) -> str:
    """A few lines. Ends with a line break."""
    page, where = Page(width), report.where
    page.lines.append(f"{_headline(report.outcome)} in {visible(report.environment, 100)}: {visible(report.repository, 200)} at {short(report.head)}")
    if report.repeated:
        already = "the log had this outcome already" if isinstance(where, Recorded) else "this outcome waits already"
        page.write("repeated", f"{already}; nothing was appended")
    if isinstance(where, Recorded):
        page.write("record", f"{where.record_id}, index {where.log_index} in a log of {where.log_size}")
    else:
        page.write("record", f"{where.record_id} {visible(where.why)}")
    page.write("sha256", where.digest)  # with the word before it, it would not fit into 80 columns
    page.write("gate", f"{report.gate_digest[:16]}, index {report.gate_index}")
    if isinstance(where, Recorded):
        page.write("log", visible(where.origin))
        page.write("keep", f"{where.checkpoint} for verify --since")
        page.write("store", visible(where.store_url))
        if where.receipt:
            page.write("receipt", visible(where.receipt))
    if report.status is not None:
        page.write(report.status.forge, f"deployment {report.status.deployment} is set to {visible(report.status.state)}")
    for warning in where.warnings:
        page.write("warning", visible(warning, 2000))
    return inert("\n".join(page.lines) + "\n")


def render_json(report: EndReport) -> str:
    """The object above. Ends with a line break."""
    gate = {"id": report.gate_digest[:16], "digest": report.gate_digest, "logIndex": report.gate_index}
    shape = {
        "version": VERSION,
        "outcome": report.outcome,
        "repeated": report.repeated,
        "deployment": {"repository": report.repository, "environment": report.environment, "head": report.head},
        "gate": gate,
        "record": record_shape(report.where) if isinstance(report.where, Recorded) else None,
        "submitted": report.where.digest if isinstance(report.where, Submitted) else "",
        "status": None if report.status is None else {"deployment": report.status.deployment, "state": report.status.state},
    }
    return safe_dumps(shape)


def values(report: EndReport) -> dict[str, str]:
    """The outputs, by their names in the action: `outcome`, `record-id`, `record-digest`, `log-index`, `log-origin`, `checkpoint`, `receipt`."""
    where = report.where if isinstance(report.where, Recorded) else None
    return {
        "outcome": report.outcome,
        "record-id": report.where.record_id,
        "record-digest": report.where.digest,
        "log-index": str(where.log_index) if where else "",
        "log-origin": where.origin if where else "",
        "checkpoint": where.checkpoint if where else "",
        "receipt": where.receipt if where else "",
    }


def render(statement: Mapping[str, Any], place: LogPlace, *, width: int = 80) -> str:
    """The record in lines of `width` columns. Ends with a line break. What it doesn't state, shows as "not stated".

    Raises `FormatError` where the statement has no predicate.
    """
    predicate = statement.get("predicate")
    if not isinstance(predicate, Mapping):
        raise FormatError("this record has no predicate, so it is no deploy outcome", remedy="Ask for a record that `changegate outcome` made.")
    page = Page(width)
    headline = f"{_headline(text(predicate, 'outcome'))} in {text(predicate, 'deployment', 'environment') or 'an environment not stated'}"
    page.lines.append(headline[: page.width])
    page.write("record", f"{place.digest[:16]}, index {place.index} in a log of {place.size}")
    page.write("verified", visible(place.proof))
    page.write("decided", text(predicate, "time", "decided"))
    page.heading("Deployment")
    page.write("repository", text(predicate, "deployment", "repository"))
    page.write("commit", text(predicate, "deployment", "head"))
    for subject in listed(statement, "subject")[1 : _SUBJECTS + 1]:
        page.write("artifact", f"{text(subject, 'name')} {text(subject, 'digest', 'sha256')}")
    page.write("gate", f"{text(predicate, 'gate', 'envelope') or 'not stated'}, index {text(predicate, 'gate', 'index') or 'not stated'}")
    page.write("reported by", " ".join(filter(None, (text(predicate, "deployment", "run", "id"), text(predicate, "deployment", "run", "url")))))
    page.write("started", text(predicate, "time", "started"))
    page.write("finished", text(predicate, "time", "finished"))
    page.write("reason", text(predicate, "reason"))
    page.write("link", text(predicate, "url"))
    page.write("tool", f"{text(predicate, 'tool', 'name')} {text(predicate, 'tool', 'version')}".strip())
    before = say(predicate["previous"].get("envelope")) if isinstance(predicate.get("previous"), Mapping) else ""
    page.write("before it", f"{before}, index {text(predicate, 'previous', 'index')}" if before else "no record of this environment")
    return inert("\n".join(page.lines) + "\n")


def _headline(outcome: str) -> str:
    return _HEADLINES.get(outcome, "? an outcome not stated")
