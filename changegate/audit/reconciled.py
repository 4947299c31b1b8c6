"""A reconciliation as JSON, CSV and a table for the screen, with its header of information produced by the entity (IPE). Pure."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from changegate import __version__
from changegate.audit.pairing import REACH, Pair
from changegate.audit.reconcile import MEANINGS, Asked, AuditException, BranchHistory, Reconciliation
from changegate.audit.tables import cell
from changegate.deploys import State

FORMAT: Final = "changegate-reconciliation-1"
COLUMNS: Final = ("id", "code", "repository", "environment", "at", "commit", "deployment", "record", "meaning", "evidence")


class LogSource(NamedTuple):
    """The records' side: which log was read, under which checkpoint."""

    source: str
    log: str
    checkpoint: str
    """The signed note."""
    examined: int
    """How many entries were looked at: all of them."""
    trust: str


class PlatformSource(NamedTuple):
    """The other side: where the deployments are from."""

    platform: str
    """`github`, `gitlab` or `csv`."""
    where: str
    """The API's URL, or the file's name."""
    sha256: str = ""
    """Of the file."""
    reaches: str = ""
    """Why the list is held to be whole."""


def to_json(
    found: Reconciliation, asked: Asked, log: LogSource, platforms: Sequence[PlatformSource], branches: Sequence[BranchHistory]
) -> dict[str, Any]:
    """All of it as one JSON value. The shape is documented in docs/audit.md."""
    return {
        "format": FORMAT,
        "from": asked.begin.isoformat(),
        "to": asked.end.isoformat(),
        "environments": sorted(asked.environments) or "all",
        "repositories": sorted(asked.repositories) or "all",
        "pairedWithinDays": REACH.days,
        "source": log.source,
        "log": log.log,
        "entriesExamined": log.examined,
        "checkpoint": log.checkpoint,
        "trustedKeys": log.trust,
        "platforms": [each._asdict() for each in platforms],
        "branches": [_branch(each) for each in branches],
        "extracted": asked.extracted.isoformat(timespec="seconds"),
        "tool": f"changegate {__version__}",
        "whole": found.whole,
        "counts": counts(found),
        "exceptions": [_exception(each) for each in found.exceptions],
        "unjudged": list(found.unjudged),
        "longestWithoutDeployment": [
            {"repository": each.repository, "environment": each.environment, "from": each.begin.isoformat(), "to": each.end.isoformat()}
            for each in found.quiet
        ],
        "deployments": [_pair(each) for each in found.pairs],
    }


def counts(found: Reconciliation) -> dict[str, Any]:
    """How many of what."""
    by_code = Counter(each.code.value for each in found.exceptions)
    return {
        "deployments": len(found.pairs),
        "notStarted": sum(each.deploy.state is State.NOT_STARTED for each in found.pairs),
        "paired": sum(each.record is not None for each in found.pairs),
        "decisions": len(found.records),
        "letGo": sum(each.went for each in found.records),
        "exceptions": len(found.exceptions),
        "unjudged": len(found.unjudged),
        "byCode": dict(sorted(by_code.items())),
    }


def format_json(said: Mapping[str, Any]) -> str:
    """The JSON of a file."""
    return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def format_csv(exceptions: Sequence[AuditException]) -> str:
    """The exceptions alone, as RFC 4180 has it, safe to open in a spreadsheet; evidence as JSON in its cell."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for each in exceptions:
        said = _exception(each)
        writer.writerow([cell(json.dumps(said[name], ensure_ascii=False) if name == "evidence" else said[name]) for name in COLUMNS])
    return out.getvalue()


def _exception(found: AuditException) -> dict[str, Any]:
    return {
        "id": found.id,
        "code": found.code.value,
        "repository": found.repository,
        "environment": found.environment,
        "at": found.at.isoformat(),
        "commit": found.commit,
        "deployment": found.deploy,
        "record": found.record,
        "meaning": MEANINGS[found.code],
        "evidence": dict(found.evidence),
    }


def _pair(found: Pair) -> dict[str, Any]:
    deploy, record, by = found
    return {
        "deployment": deploy.id,
        "repository": deploy.repository,
        "environment": deploy.environment,
        "commit": deploy.commit,
        "created": deploy.created.isoformat(),
        "state": deploy.state.value,
        "url": deploy.url,
        "record": record.record if record else None,
        "logIndex": record.log_index if record else None,
        "pairedBy": by.value,
    }


def _branch(found: BranchHistory) -> dict[str, Any]:
    return {
        "repository": found.repository,
        "environment": found.environment,
        "branch": found.name,
        "head": found.head,
        "commitsInPeriod": found.looked_at,
        "undeployed": len(found.undeployed),
    }
