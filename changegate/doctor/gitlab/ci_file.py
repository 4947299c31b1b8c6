"""The configuration of a project's pipelines, as GitLab puts it together, read as far as the doctor judges it. Pure.

Every scalar is kept as text. Source: "CI/CD YAML syntax reference".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from changegate import yaml_text
from changegate.errors import FormatError
from changegate.yaml_text import YamlError

MAX_BYTES: Final = 4 * 1024 * 1024
_NO_JOBS: Final = frozenset(
    {"default", "include", "stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "spec"}
)
_STAGES: Final = (".pre", "build", "test", "deploy", ".post")


@dataclass(frozen=True)
class Rule:
    """One of a job's rules. Empty where it says nothing."""

    condition: str
    when: str
    allow_failure: str


@dataclass(frozen=True)
class Job:
    """One job. `needs`: None where it waits for all earlier stages; of optional ones none is in it. `stage`: its place in their order."""

    name: str
    stage: int
    environment: str
    action: str
    script: str
    needs: tuple[str, ...] | None
    when: str
    allow_failure: str
    rules: tuple[Rule, ...] | None
    trigger: bool
    legacy: str
    """`only` and `except`, where they are used."""


def parse(data: bytes) -> tuple[Job, ...]:
    """The jobs, hidden ones left out. Raises `FormatError`."""
    if len(data) > MAX_BYTES:
        raise _unreadable("larger than 4 MiB")
    try:
        value = yaml_text.read(data, aliases=True, text_only=True).value
    except YamlError as error:
        raise _unreadable(f"{error.line}:{error.column}: {error.problem}") from error
    if not isinstance(value, dict):
        raise _unreadable("no mapping")
    named = value.get("stages")
    stages = [".pre", *(_text(each) for each in named if _text(each) not in (".pre", ".post")), ".post"] if isinstance(named, list) else list(_STAGES)
    default = value.get("default")
    before = value.get("before_script", default.get("before_script") if isinstance(default, dict) else None)
    jobs = {str(name): each for name, each in value.items() if name not in _NO_JOBS and not str(name).startswith(".")}
    if not all(isinstance(each, dict) for each in jobs.values()):
        raise _unreadable("a job that is no mapping")
    return tuple(_job(name, each, stages, before) for name, each in jobs.items())


def _job(name: str, value: dict[str, Any], stages: list[str], before: Any) -> Job:
    environment, stage = value.get("environment"), _text(value.get("stage")) or "test"
    if stage not in stages:
        raise _unreadable(f"{name}: no such stage as {stage}")
    needs, rules = value.get("needs"), value.get("rules")
    if not isinstance(needs, list | None) or not isinstance(rules, list | None):
        raise _unreadable(f"{name}: needs or rules that are no list")
    return Job(
        name=name,
        stage=stages.index(stage),
        environment=_text(environment.get("name")) if isinstance(environment, dict) else _text(environment),
        action=(_text(environment.get("action")) if isinstance(environment, dict) else "") or "start",
        script="\n".join([*_lines(value.get("before_script", before)), *_lines(value.get("script")), *_lines(value.get("run"))]),
        needs=tuple(_needed(needs)) if needs is not None else None,
        when=_text(value.get("when")),
        allow_failure="true" if isinstance(value.get("allow_failure"), dict) else _text(value.get("allow_failure")),
        rules=tuple(_rule(each) for each in rules if isinstance(each, dict)) if rules is not None else None,
        trigger="trigger" in value,
        legacy=" ".join(key for key in ("only", "except") if key in value),
    )


def _needed(needs: list[Any]) -> Iterator[str]:
    """The jobs of this pipeline without which this one isn't made."""
    for each in needs:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict) and not {"pipeline", "project"} & each.keys() and _text(each.get("optional")) != "true":
            yield _text(each.get("job"))


def _rule(value: dict[str, Any]) -> Rule:
    return Rule(
        condition=" ".join(f"{key}={value[key]}" for key in ("if", "changes", "exists") if value.get(key) is not None),
        when=_text(value.get("when")),
        allow_failure=_text(value.get("allow_failure")),
    )


def _lines(value: Any) -> Iterator[str]:
    """A script's commands; GitLab takes lists in lists."""
    stack = [value]
    while stack:
        each = stack.pop(0)
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            stack[:0] = each
        elif isinstance(each, dict):
            stack[:0] = each.values()


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _unreadable(what: str) -> FormatError:
    return FormatError(
        f"the pipeline's configuration: {what}", remedy="Mend it (Build → Pipeline editor → Full configuration shows what GitLab makes of it)."
    )
