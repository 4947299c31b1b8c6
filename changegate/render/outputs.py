"""What later steps and jobs of the pipeline read: GitHub's step outputs, GitLab's dotenv report."""

import json
from collections.abc import Mapping
from typing import Final

from changegate.render import Recorded, Report, Submitted

_PREFIX: Final = "CHANGEGATE_"


def values(report: Report) -> dict[str, str]:
    """Every output, by its name in the action. What there is none of is empty, so that no earlier value stays.

    `decision` (allowed, blocked, unknown), `record-id`, `record-digest`, `log-index`, `reasons` (a JSON list of `control/reason`), `receipt`.
    """
    where = report.where if isinstance(report.where, Recorded) else None
    digest = report.where.digest if isinstance(report.where, Recorded | Submitted) else ""
    return {
        "decision": report.decision.verdict.value,
        "record-id": digest[:16],
        "record-digest": digest,
        "log-index": str(where.log_index) if where else "",
        "reasons": json.dumps(report.decision.reasons, separators=(",", ":")),
        "receipt": where.receipt if where else "",
    }


def render_github(outputs: Mapping[str, str]) -> str:
    """Lines for GITHUB_OUTPUT, each value between delimiters that don't occur in it (docs, "Multiline strings")."""
    return "".join(f"{name}<<{(end := _delimiter(value))}\n{value}\n{end}\n" for name, value in outputs.items())


def _delimiter(value: str) -> str:
    """Not random: a word that grows until the value doesn't hold it. The same outputs give the same file."""
    word = "END_OF_VALUE"
    while word in value:
        word += "_"
    return word


def render_dotenv(outputs: Mapping[str, str]) -> str:
    """Lines for GitLab's `artifacts:reports:dotenv`: `CHANGEGATE_DECISION=blocked`.

    GitLab allows no line break in a value and reads quotes as they stand, so what is not printable is written out as in JSON.
    """
    return "".join(f"{_PREFIX}{name.upper().replace('-', '_')}={_on_one_line(value)}\n" for name, value in outputs.items())


def _on_one_line(value: str) -> str:
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in value)
