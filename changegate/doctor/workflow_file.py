"""A GitHub workflow file, read as far as the doctor judges it. Pure.

Every scalar is kept as text (`on` and `no` are no booleans to GitHub), merge keys mean nothing, and a value that an anchor repeats is walked once:
whoever can write a workflow can write any YAML. Source: "Workflow syntax for GitHub Actions" on docs.github.com.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from changegate import yaml_text
from changegate.errors import FormatError
from changegate.yaml_text import YamlError

MAX_BYTES: Final = 512 * 1024
_MOST_STEPS: Final = 1000


@dataclass(frozen=True)
class Step:
    """One step of a job."""

    name: str
    uses: str
    run: str
    condition: str
    continue_on_error: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Job:
    """One job. `permissions`: None where nothing is said, a word (`write-all`), or scope to access. `secrets`: the names it mentions."""

    workflow: str
    id: str
    environment: str
    condition: str
    continue_on_error: str
    needs: tuple[str, ...]
    uses: str
    permissions: str | Mapping[str, str] | None
    secrets: frozenset[str]
    steps: tuple[Step, ...]

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.workflow}: {self.id}"


@dataclass(frozen=True)
class Workflow:
    """One file."""

    path: str
    triggers: frozenset[str]
    secrets: frozenset[str]
    """Mentioned outside of its jobs, and so given to every job."""
    jobs: tuple[Job, ...]


def parse(path: str, data: bytes) -> Workflow:
    """Read a workflow. Raises `FormatError`."""
    if len(data) > MAX_BYTES:
        raise _unreadable(path, "larger than 512 KiB")
    try:
        value = yaml_text.read(data, aliases=True, text_only=True).value
    except YamlError as error:
        raise _unreadable(f"{path}:{error.line}:{error.column}", f"not YAML as GitHub reads it: {error.problem}") from error
    if not isinstance(value, dict) or not isinstance(value.get("jobs"), dict):
        raise _unreadable(path, "no mapping with `jobs`")
    general = _permissions(value.get("permissions"))
    jobs = tuple(_job(path, str(id_), job, general) for id_, job in value["jobs"].items() if isinstance(job, dict))
    if len(jobs) != len(value["jobs"]):
        raise _unreadable(path, "a job that is no mapping")
    return Workflow(path, frozenset(_names(value.get("on"))), _secrets({key: each for key, each in value.items() if key != "jobs"}), jobs)


def _job(path: str, id_: str, value: dict[str, Any], general: str | Mapping[str, str] | None) -> Job:
    environment = value.get("environment", "")
    steps = value.get("steps", [])
    if not isinstance(steps, list) or len(steps) > _MOST_STEPS or not all(isinstance(step, dict) for step in steps):
        raise _unreadable(path, "steps that are no list of mappings")
    own = _permissions(value["permissions"]) if "permissions" in value else general
    return Job(
        workflow=path,
        id=id_,
        environment=_text(environment.get("name")) if isinstance(environment, dict) else _text(environment),
        condition=_text(value.get("if")),
        continue_on_error=_text(value.get("continue-on-error")),
        needs=tuple(_names(value.get("needs"))),
        uses=_text(value.get("uses")),
        permissions=own,
        secrets=_secrets(value),
        steps=tuple(_step(step) for step in steps),
    )


def _step(value: dict[str, Any]) -> Step:
    inputs = value.get("with")
    return Step(
        name=_text(value.get("name")) or _text(value.get("id")),
        uses=_text(value.get("uses")),
        run=_text(value.get("run")),
        condition=_text(value.get("if")),
        continue_on_error=_text(value.get("continue-on-error")),
        inputs={str(key): _text(each) for key, each in inputs.items()} if isinstance(inputs, dict) else {},
    )


def _permissions(value: Any) -> str | Mapping[str, str] | None:
    if isinstance(value, dict):
        return {str(scope): _text(access) for scope, access in value.items()}
    return {} if value == "{}" else value if isinstance(value, str) and value else None


def _names(value: Any) -> list[str]:
    """The names in a text, a list or a mapping's keys: GitHub takes all three."""
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value] if isinstance(value, list | dict) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


_SECRET: Final = re.compile(r"\bsecrets\s*(?:\.\s*([A-Za-z_][A-Za-z0-9_-]*)|\[\s*'([^']+)'\s*\])")
ALL_SECRETS: Final = "*"
"""Stands among a job's secrets where it is given all of them (`toJSON(secrets)`, `secrets: inherit`)."""


def _secrets(value: Any) -> frozenset[str]:
    found: set[str] = set()
    for text in _texts(value):
        for piece in text.split("${{")[1:]:
            # To the last braces, not the first: a quoted text may hold some. Rather a name too many than one too few.
            expression = piece.rpartition("}}")[0]
            names = [(one or other).upper() for one, other in _SECRET.findall(expression)]
            found.update(names)
            if re.search(r"\bsecrets\b", _SECRET.sub("", expression)):
                found.add(ALL_SECRETS)
    if isinstance(value, dict) and value.get("secrets") == "inherit":
        found.add(ALL_SECRETS)
    return frozenset(found)


def _texts(value: Any) -> Iterator[str]:
    """Every text below a value, each list and mapping once."""
    seen: set[int] = set()
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict | list) and id(each) not in seen:
            seen.add(id(each))
            stack.extend(each.values() if isinstance(each, dict) else each)


def _unreadable(path: str, what: str) -> FormatError:
    return FormatError(f"{path}: {what}", remedy="Mend the file; GitHub runs nothing of it as it is.")
