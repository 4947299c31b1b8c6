"""A small stand-in for GitHub's runner: it executes the steps of a composite action, or of a workflow's job, for real.

What it does as the runner does: inputs with their defaults, `${{ }}` in `env:`, `if:`, `with:` and outputs, bash with the runner's own flags, the
files behind GITHUB_OUTPUT, GITHUB_ENV, GITHUB_PATH and GITHUB_STEP_SUMMARY, the outcome of a failing step, and commands found in the log.
What it refuses: `${{ }}` inside `run:` (this project never writes it), an input that the action doesn't have, anybody else's action.

Sources: GitHub, "Metadata syntax", "Contexts", "Evaluate expressions", "Workflow commands"; actions/runner, `FileCommandManager.cs` and
`ActionCommand.cs`.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
_EXPRESSION: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN: Final = re.compile(r"\s*('(?:[^']|'')*'|startsWith\(|[A-Za-z_][\w-]*(?:\.[\w-]+)*(?:\(\))?|==|!=|&&|\|\||!|\(|\)|,)\s*")
_COMMAND: Final = re.compile(r"\s*::(?P<name>[\w-]+)(?: (?P<properties>[^:]*))?::(?P<message>.*)")


@dataclass
class Step:
    """How one step ended."""

    outcome: str = "skipped"
    conclusion: str = "skipped"
    outputs: dict[str, str] = field(default_factory=dict)


@dataclass
class Ran:
    """What an action, or a job, did."""

    outcome: str
    outputs: dict[str, str]
    steps: dict[str, Step]
    log: str
    summary: str

    @property
    def commands(self) -> list[tuple[str, str, str]]:
        """Name, properties and message of every command that the runner would have obeyed."""
        matches = (_COMMAND.fullmatch(line) for line in self.log.splitlines())
        return [(match["name"], match["properties"] or "", match["message"]) for match in matches if match]


@dataclass
class Runner:
    """One job on one machine: a workspace, a temporary directory, and what steps hand to each other."""

    workspace: Path
    temp: Path
    github: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    _number: int = 0

    def run_action(self, directory: Path, **inputs: str) -> Ran:
        """Run a composite action with these inputs; `_` in their names stands for `-`."""
        action = load(directory / "action.yml")
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        declared: Mapping[str, Any] = action.get("inputs", {})
        assert given.keys() <= declared.keys(), f"no such input: {given.keys() - declared.keys()}"
        defaults = {name: self._fill(str(each.get("default", "")), {}, {}) for name, each in declared.items()}
        assert action["runs"]["using"] == "composite"
        ran = self._run_steps(action["runs"]["steps"], defaults | given, directory)
        outputs = {name: self._fill(each["value"], {}, ran.steps) for name, each in action.get("outputs", {}).items()}
        return Ran(ran.outcome, outputs, ran.steps, ran.log, ran.summary)

    def run_job(self, job: Mapping[str, Any]) -> Ran:
        """Run a workflow's job. Its checkout is skipped: the workspace is there already."""
        self.environment |= {name: self._fill(str(value), {}, {}) for name, value in job.get("env", {}).items()}
        return self._run_steps(job["steps"], {}, None)

    def _run_steps(self, steps: list[dict[str, Any]], inputs: Mapping[str, str], directory: Path | None) -> Ran:
        done: dict[str, Step] = {}
        log, summary, failed = "", "", False
        for step in steps:
            self._number += 1
            name = step.get("id", f"__step{self._number}")
            done[name] = Step()
            if step.get("uses", "").startswith("actions/checkout@") or not self._holds(step.get("if", "success()"), inputs, done, failed=failed):
                continue
            done[name], more, said = self._run_step(step, inputs, done, directory)
            log, summary = log + more, summary + said
            failed = failed or done[name].conclusion == "failure"
        return Ran("failure" if failed else "success", {}, done, log, summary)

    def _run_step(
        self, step: Mapping[str, Any], inputs: Mapping[str, str], done: Mapping[str, Step], directory: Path | None
    ) -> tuple[Step, str, str]:
        if "uses" in step:
            assert step["uses"].startswith("./"), f"somebody else's action: {step['uses']}"
            # As on GitHub: a path is the workspace's, not the action's.
            given = {name.replace("-", "_"): self._fill(str(value), inputs, done) for name, value in step.get("with", {}).items()}
            ran = self.run_action(self.workspace / step["uses"], **given)
            outcome, outputs, log, summary = ran.outcome, ran.outputs, ran.log, ran.summary
        else:
            outcome, outputs, log, summary = self._run_script(step, inputs, done, directory)
        conclusion = "success" if step.get("continue-on-error") == "true" else outcome
        return Step(outcome, conclusion, outputs), log, summary

    def _run_script(
        self, step: Mapping[str, Any], inputs: Mapping[str, str], done: Mapping[str, Step], directory: Path | None
    ) -> tuple[str, dict[str, str], str, str]:
        assert not _EXPRESSION.search(step["run"]), "an expression inside run: is an injection"
        assert directory is None or step["shell"] == "bash", "a composite action names its shell"
        files = {
            name: self.temp / f"_{name}_{self._number}" for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY", "run.sh")
        }
        for file in files.values():
            file.write_text("", encoding="utf-8")
        files["run.sh"].write_text(step["run"], encoding="utf-8")
        own = {name: self._fill(str(value), inputs, done) for name, value in step.get("env", {}).items()}
        process = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(files["run.sh"])],
            cwd=self.workspace,
            env=self._environment()
            | {name: str(file) for name, file in files.items() if name != "run.sh"}
            | self._action_environment(directory)
            | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        self.environment |= read_file_commands(files["GITHUB_ENV"].read_text(encoding="utf-8"))
        self.paths += files["GITHUB_PATH"].read_text(encoding="utf-8").splitlines()
        outputs = read_file_commands(files["GITHUB_OUTPUT"].read_text(encoding="utf-8"))
        summary = files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        return "success" if process.returncode == 0 else "failure", outputs, process.stdout, summary

    def _environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(
                ("GITHUB_", "CHANGEGATE_", "CI_", "GIT_", "PYTHON", "VIRTUAL_ENV", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "CLICOLOR")
            )
        }
        own = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(self.workspace), "RUNNER_TEMP": str(self.temp), "RUNNER_OS": "Linux"}
        github = {f"GITHUB_{name.upper()}": value for name, value in self.github.items() if name != "token"}
        path = os.pathsep.join([*reversed(self.paths), kept.get("PATH", "")])
        return kept | own | github | self.environment | {"PATH": path}

    def _action_environment(self, directory: Path | None) -> dict[str, str]:
        return {"GITHUB_ACTION": f"__run_{self._number}"} | ({"GITHUB_ACTION_PATH": str(directory)} if directory else {})

    def _fill(self, text: str, inputs: Mapping[str, str], steps: Mapping[str, Step]) -> str:
        return _EXPRESSION.sub(lambda match: _as_text(self._evaluate(match[1], inputs, steps, failed=False)), text)

    def _holds(self, condition: object, inputs: Mapping[str, str], steps: Mapping[str, Step], *, failed: bool) -> bool:
        text = _EXPRESSION.sub(r"\1", str(condition))
        # As on GitHub: a condition without a status function holds only while nothing has failed.
        if not re.search(r"\b(always|failure|success|cancelled)\(\)", text):
            text = f"success() && ({text})"
        return bool(self._evaluate(text, inputs, steps, failed=failed))

    def _evaluate(self, expression: str, inputs: Mapping[str, str], steps: Mapping[str, Step], *, failed: bool) -> str | bool:
        values: dict[str, str | bool] = {"always()": True, "failure()": failed, "success()": not failed, "cancelled()": False}
        values |= {"true": True, "false": False, "runner.temp": str(self.temp)}
        values |= {f"inputs.{name}": value for name, value in inputs.items()}
        values |= {f"github.{name}": value for name, value in self.github.items()}
        values |= {f"env.{name}": value for name, value in self.environment.items()}
        for name, step in steps.items():
            values |= {f"steps.{name}.outcome": step.outcome, f"steps.{name}.conclusion": step.conclusion}
            values |= {f"steps.{name}.outputs.{output}": value for output, value in step.outputs.items()}
        return _Expression(list(_tokens(expression)), values).any_of()


class _Expression:
    """The part of GitHub's expressions that is used here, by recursive descent. What a context doesn't have is empty."""

    def __init__(self, tokens: list[str], values: Mapping[str, str | bool]) -> None:
        self.tokens = tokens
        self.values = values

    def any_of(self) -> str | bool:
        left = self.all_of()
        while self._take("||"):
            right = self.all_of()
            left = left or right
        return left

    def all_of(self) -> str | bool:
        left = self.equality()
        while self._take("&&"):
            right = self.equality()
            left = left and right
        return left

    def equality(self) -> str | bool:
        left = self.single()
        if self._take("=="):
            return _folded(left) == _folded(self.single())
        if self._take("!="):
            return _folded(left) != _folded(self.single())
        return left

    def single(self) -> str | bool:
        if self._take("!"):
            return not self.single()
        if self._take("("):
            inner = self.any_of()
            assert self._take(")")
            return inner
        if self._take("startsWith("):
            text = self.any_of()
            assert self._take(",")
            start = self.any_of()
            assert self._take(")")
            return _as_text(text).lower().startswith(_as_text(start).lower())
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        assert token in self.values or token.startswith(("steps.", "env.")), f"not known here: {token}"
        return self.values.get(token, "")

    def _take(self, token: str) -> bool:
        if self.tokens[:1] == [token]:
            self.tokens.pop(0)
            return True
        return False


def _tokens(expression: str) -> Iterator[str]:
    at = 0
    while at < len(expression.rstrip()):
        match = _TOKEN.match(expression, at)
        assert match, f"not understood: {expression[at:]!r}"
        yield match[1]
        at = match.end()


def _folded(value: str | bool) -> str | bool:
    """GitHub compares texts without regard to their case."""
    return value.lower() if isinstance(value, str) else value


def _as_text(value: str | bool) -> str:
    return value if isinstance(value, str) else str(value).lower()


def read_file_commands(text: str) -> dict[str, str]:
    """The pairs of a GITHUB_OUTPUT or GITHUB_ENV file: `name=value` lines and heredocs."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"))
    for line in lines:
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, _, delimiter = line.partition("<<")
            assert name
            assert delimiter
            value: list[str] = []
            for part in lines:
                if part == delimiter:
                    break
                value.append(part)
            else:
                raise AssertionError(f"the value of {name} has no end")
            found[name] = "\n".join(value)
        elif line:
            assert equals > 0, f"neither name=value nor name<<delimiter: {line!r}"
            found[line[:equals]] = line[equals + 1 :]
    return found


def load(file: Path) -> dict[str, Any]:
    """A YAML file of GitHub's, with `on` as text."""
    loaded = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert isinstance(loaded, dict)
    return loaded
