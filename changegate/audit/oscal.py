"""The control matrix as OSCAL, NIST's format for tools of governance and audit: what the controls are, and what a period's evidence shows of them.

Source: https://pages.nist.gov/OSCAL, models "Component Definition" and "Assessment Results", version 1.2.1. A test reads both with NIST's models as
compliance-trestle has them. Ids are made of what they name, so that the same matrix gives the same document.
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from changegate import __version__
from changegate.audit.criteria import FRAMEWORKS, NIST, PCI, Framework, Point
from changegate.audit.mapping import CONTROLS, Control
from changegate.audit.matrix import Matrix, answering
from changegate.audit.tally import Evidence, Tally

VERSION: Final = "1.2.1"
_NAMESPACE: Final = uuid.UUID("7f0c5f0e-4f3a-5f6f-9a77-2b0d6f1b0c55")
_PROPS: Final = "https://changegate.dev/ns/oscal"
_PART: Final = re.compile(r"(?P<control>CM-[0-9]+)(?:\((?P<enhancement>[0-9]+)\)|\.(?P<part>[a-z]))?")


def component_definition(matrix: Matrix, *, at: datetime) -> str:
    """The controls as one software component, with the requirements of each framework that they answer."""
    component = {
        "uuid": _id("component"),
        "type": "software",
        "title": "changegate",
        "description": "Judges every change of a deploy by a policy, stops what doesn't meet it, and keeps signed evidence in an append-only log.",
        "props": [_prop("version", __version__)],
        "control-implementations": [_implementation(framework, matrix) for framework in FRAMEWORKS],
    }
    body = {"uuid": _id("component-definition", at.isoformat()), "metadata": _metadata("Controls of changegate", at), "components": [component]}
    return _dump({"component-definition": body})


def assessment_results(tally: Tally, *, begin: datetime, end: datetime, at: datetime) -> str:
    """One observation a control, one finding a requirement. Satisfied: there is evidence, and no exception among it. An assessor concludes.

    A requirement without evidence in the period is not satisfied: nothing was seen.
    """
    plan = _id("no-plan")
    observed = {control.id: _observation(control, tally.by_control[control.id], at, tally.checkpoint) for control in CONTROLS}
    points = [(framework, point) for framework in FRAMEWORKS for point in framework.points if answering(point.id)]
    result = {
        "uuid": _id("result", tally.checkpoint, begin.isoformat(), end.isoformat()),
        "title": "Evidence of change management in the log",
        "description": "Counted from the signed records of the period, each verified, under one signed checkpoint.",
        "start": begin.isoformat(),
        "end": end.isoformat(),
        "reviewed-controls": {"control-selections": [_selection(framework) for framework in FRAMEWORKS]},
        "observations": list(observed.values()),
        "findings": [_finding(framework, point, tally, observed) for framework, point in points],
    }
    body = {
        "uuid": _id("assessment-results", at.isoformat(), tally.checkpoint),
        "metadata": _metadata("Evidence of change management", at),
        "import-ap": {"href": f"#{plan}", "remarks": "No assessment plan: the controls of changegate are observed by themselves."},
        "results": [result],
        "back-matter": {"resources": [{"uuid": plan, "title": "No assessment plan", "description": "This is what a tool observed of itself."}]},
    }
    return _dump({"assessment-results": body})


def _implementation(framework: Framework, matrix: Matrix) -> dict[str, Any]:
    by_control: dict[str, list[Point]] = {}
    for point in framework.points:
        if answering(point.id):
            by_control.setdefault(_target(framework, point)[0], []).append(point)
    return {
        "uuid": _id("implementation", framework.id),
        "source": framework.source,
        "description": f"What changegate contributes to {framework.name}, in words of its own.",
        "implemented-requirements": [_requirement(framework, control, points, matrix) for control, points in by_control.items()],
    }


def _requirement(framework: Framework, control: str, points: list[Point], matrix: Matrix) -> dict[str, Any]:
    made: dict[str, Any] = {"uuid": _id("requirement", framework.id, control), "control-id": control, "description": _describe(points[0], matrix)}
    statements = [
        {"statement-id": target, "uuid": _id("statement", framework.id, target), "description": _describe(point, matrix)}
        for point in points
        if (target := _target(framework, point)[1])
    ]
    if statements:
        made |= {"description": f"Answered by {len(statements)} statements.", "statements": statements}
    return made | {"props": [_prop("control", each) for each in _controls(points)]}


def _describe(point: Point, matrix: Matrix) -> str:
    rows = [row for row in matrix.rows if row.point == point.id]
    answers = "; ".join(f"{row.control} ({row.states}; set by {row.setting}; owner {row.owner}; evidence: {row.evidence})" for row in rows)
    return f"{point.title}: {point.asks} Answered by {answers}."


def _selection(framework: Framework) -> dict[str, Any]:
    asked: dict[str, list[str]] = {}
    for point in framework.points:
        if answering(point.id):
            control, statement = _target(framework, point)
            asked.setdefault(control, []).extend([statement] if statement else [])
    chosen = [{"control-id": control, **({"statement-ids": statements} if statements else {})} for control, statements in asked.items()]
    return {"description": framework.name, "include-controls": chosen}


def _observation(control: Control, evidence: Evidence, at: datetime, checkpoint: str) -> dict[str, Any]:
    return {
        "uuid": _id("observation", control.id, checkpoint, at.isoformat()),
        "title": control.id,
        "description": f"It holds that {control.states}: {evidence.records} seen, {evidence.stopped} stopped, {evidence.exceptions} exceptions.",
        "props": [
            _prop("records", str(evidence.records)),
            _prop("stopped", str(evidence.stopped)),
            _prop("exceptions", str(evidence.exceptions)),
        ],
        "methods": ["EXAMINE"],
        "types": ["control-objective"],
        "relevant-evidence": [{"description": control.evidence, "remarks": f"Under the checkpoint:\n{checkpoint}"}],
        "collected": at.isoformat(),
    }


def _finding(framework: Framework, point: Point, tally: Tally, observed: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    controls = answering(point.id)
    found = [tally.by_control[each.id] for each in controls]
    seen, clean = any(each.records for each in found), not any(each.exceptions for each in found)
    control, statement = _target(framework, point)
    met = seen and clean
    reason = "pass" if met else "fail" if seen else "other"
    return {
        "uuid": _id("finding", framework.id, point.id, tally.checkpoint),
        "title": f"{framework.name}: {point.id} {point.title}",
        "description": f"{point.asks} Observed by {', '.join(each.id for each in controls)}."
        + ("" if seen else " Nothing was recorded in the period."),
        "target": {
            "type": "statement-id",
            "target-id": statement or f"{control}_smt",
            "status": {"state": "satisfied" if met else "not-satisfied", "reason": reason},
        },
        "related-observations": [{"observation-uuid": observed[each.id]["uuid"]} for each in controls],
    }


def _target(framework: Framework, point: Point) -> tuple[str, str]:
    """A point's control id and, where it is a part of one, its statement's id: NIST's own for 800-53, else the point's number as a token."""
    match = _PART.fullmatch(point.id) if framework is NIST else None
    if match:
        control = match["control"].lower() + (f".{match['enhancement']}" if match["enhancement"] else "")
        return control, f"{control}_smt.{match['part']}" if match["part"] else ""
    return (f"pci-{point.id}" if framework is PCI else point.id.lower()), ""


def _controls(points: Iterable[Point]) -> list[str]:
    return list(dict.fromkeys(control.id for point in points for control in answering(point.id)))


def _prop(name: str, value: str) -> dict[str, str]:
    return {"name": name, "ns": _PROPS, "value": value}


def _metadata(title: str, at: datetime) -> dict[str, str]:
    return {"title": title, "last-modified": at.isoformat(), "version": __version__, "oscal-version": VERSION}


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "\n".join(parts)))


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
