"""Recognising the gate in a workflow, and what it is to the job around it. Pure."""

import re
from typing import Final

from changegate.doctor.workflow_file import Job, Step

_ACTION: Final = re.compile(r"[A-Za-z0-9._-]+/changegate@(?P<ref>.+)", re.IGNORECASE)
_COMMAND: Final = re.compile(r"(?:^|[\s;&|(\"'/])changegate\"?'?\s+gate(?:\s|$)")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HARMLESS: Final = re.compile(r"actions/(?:checkout|setup-[a-z]+|cache(?:/[a-z]+)?|download-artifact)@", re.IGNORECASE)
_ALWAYS: Final = ("always()", "success()", "!cancelled()", "success() || failure()")
_DESPITE_FAILURE: Final = re.compile(r"\b(?:always|failure|cancelled)\s*\(\s*\)")


def is_gate(step: Step) -> bool:
    """Whether a step is the gate: the action of this name, its own or a copy's, or the command in a script."""
    return bool(_ACTION.fullmatch(step.uses)) or bool(_COMMAND.search(step.run))


def gate_of(job: Job) -> tuple[int, Step] | None:
    """The job's first gate and its index."""
    return next(((index, step) for index, step in enumerate(job.steps) if is_gate(step)), None)


def pinned(step: Step) -> bool:
    """Whether the action is named by a full commit. A command in a script is pinned elsewhere, if at all."""
    action = _ACTION.fullmatch(step.uses)
    return action is None or bool(_COMMIT.fullmatch(action["ref"]))


def condition_of(text: str) -> str:
    """A condition without the braces that GitHub lets one leave away."""
    inner = re.fullmatch(r"\$\{\{(.*)\}\}", text, re.DOTALL)
    return " ".join((inner[1] if inner else text).split())


def skippable(job: Job, step: Step) -> str:
    """How the job goes on although the gate did not allow it; empty where it doesn't."""
    if step.continue_on_error not in ("", "false"):
        return f"continue-on-error: {step.continue_on_error}"
    if job.continue_on_error not in ("", "false"):
        return f"the job's continue-on-error: {job.continue_on_error}"
    condition = condition_of(step.condition)
    if condition and condition not in _ALWAYS:
        return f"if: {condition}"
    if "||" in step.run or "set +e" in step.run or re.search(r"changegate\"?'?\s+gate[^\n]{0,2000}(?:;|&\s*$|\|)", step.run, re.MULTILINE):
        return "the script goes on where the gate fails"
    return ""


def before(job: Job, index: int) -> list[str]:
    """Steps before the gate that may already deploy: anything but checking out and setting up."""
    return [step.name or step.uses or "a script" for step in job.steps[:index] if not _HARMLESS.match(step.uses)]


def despite(job: Job, index: int) -> list[str]:
    """Steps after the gate that run where it blocked."""
    return [step.name or step.uses or "a script" for step in job.steps[index + 1 :] if _DESPITE_FAILURE.search(step.condition)]


def runs_despite(job: Job) -> bool:
    """Whether a job runs although one that it needs has failed."""
    return bool(_DESPITE_FAILURE.search(job.condition))


def judged_environment(step: Step) -> str:
    """The environment that the gate judges, as far as its step says; empty for a script's."""
    return "" if not step.uses else step.inputs.get("environment") or "production"


def is_expression(text: str) -> bool:
    """Whether a value is only known when the workflow runs."""
    return "${{" in text
