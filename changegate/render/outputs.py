"""What later steps and jobs of the pipeline read: GitHub's step outputs, GitLab's dotenv report."""

import json
from collections.abc import Mapping
from typing import Final

from changegate.render import Recorded, Report, Submitted

_DOTENV: Final = {
    "decision": "CHANGEGATE_DECISION",
    "record-id": "CHANGEGATE_RECORD_ID",
    "record-digest": "CHANGEGATE_RECORD_DIGEST",
    "log-index": "CHANGEGATE_LOG_INDEX",
    "log-origin": "CHANGEGATE_LOG_ORIGIN",
    "checkpoint": "CHANGEGATE_CHECKPOINT",
    "reasons": "CHANGEGATE_REASONS",
    "receipt": "CHANGEGATE_RECEIPT_FILE",
}
_DOTENV_OF_OUTCOME: Final = {
    "outcome": "CHANGEGATE_OUTCOME",
    "record-id": "CHANGEGATE_OUTCOME_RECORD_ID",
    "record-digest": "CHANGEGATE_OUTCOME_RECORD_DIGEST",
    "log-index": "CHANGEGATE_OUTCOME_LOG_INDEX",
    "log-origin": "CHANGEGATE_OUTCOME_LOG_ORIGIN",
    "checkpoint": "CHANGEGATE_OUTCOME_CHECKPOINT",
    "receipt": "CHANGEGATE_OUTCOME_RECEIPT_FILE",
}
"""Not the gate's: both may come to the same job."""
NOTHING: Final = dict.fromkeys(_DOTENV, "")
"""The outputs where nothing was judged."""
NO_OUTCOME: Final = dict.fromkeys(_DOTENV_OF_OUTCOME, "")
"""The outputs where no outcome was recorded."""
DOTENV_NAMES: Final = frozenset({*_DOTENV.values(), *_DOTENV_OF_OUTCOME.values()})


def values(report: Report) -> dict[str, str]:
    """Every output, by its name in the action. What there is none of is empty, so that no earlier value stays.

    `decision` (allowed, blocked, unknown, not-recorded), `record-id`, `record-digest`, `log-index`, `log-origin`, `checkpoint` (SIZE:ROOT of
    the log, for `verify --since`), `reasons` (a JSON list of `control/reason`), `receipt`.
    """
    where = report.where if isinstance(report.where, Recorded) else None
    digest = report.where.digest if isinstance(report.where, Recorded | Submitted) else ""
    return {
        "decision": report.verdict,
        "record-id": digest[:16],
        "record-digest": digest,
        "log-index": str(where.log_index) if where else "",
        "log-origin": where.origin if where else "",
        "checkpoint": where.checkpoint if where else "",
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
    """Lines for GitLab's `artifacts:reports:dotenv`: `CHANGEGATE_DECISION=blocked`. The gate's outputs, or those of an outcome.

    No name is that of an option's variable, which a later changegate in the same job would read. The one that is, is handed on by design:
    `CHANGEGATE_RECORD_ID`, by which `changegate outcome` finds the gate's record.

    GitLab allows no line break in a value and reads quotes as they stand, so what is not printable is written out as in JSON.
    """
    names = _DOTENV_OF_OUTCOME if "outcome" in outputs else _DOTENV
    return "".join(f"{names[name]}={_on_one_line(value)}\n" for name, value in outputs.items())


def _on_one_line(value: str) -> str:
    return "".join(character if character.isprintable() else json.dumps(character)[1:-1] for character in value)
