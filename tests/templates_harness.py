"""A small stand-in for GitLab and its runner: it fills a component's inputs in, and executes a job's script for real.

What it does as they do: inputs with their defaults, types and `regex`, `$[[ ]]` in any value, `script` as one bash script that stops at the first
failure, a clone of the project's commit as the working directory, variables whose given values win over a job's own, artifacts and the dotenv report.
What it refuses: an input that the component doesn't have, one that is missing, functions in `$[[ ]]` (no template here has any).

Sources: GitLab, "CI/CD components", "CI/CD inputs", "CI/CD variable precedence", "artifacts:reports:dotenv".
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
TEMPLATES: Final = ("gate", "preview", "outcome", "verify", "evidence", "followup")
_PLACE: Final = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def specification(name: str) -> dict[str, dict[str, Any]]:
    """A template's inputs."""
    inputs: dict[str, dict[str, Any]] = _documents(name)[0]["spec"]["inputs"]
    return inputs


def _documents(name: str) -> tuple[Any, Any]:
    head, jobs = yaml.safe_load_all((ROOT / f"templates/{name}.yml").read_text(encoding="utf-8"))
    return head, jobs


def fill(name: str, **inputs: Any) -> dict[str, Any]:
    """A template's jobs with these inputs; `_` in their names stands for `-`."""
    declared, given = specification(name), {key.rstrip("_").replace("_", "-"): value for key, value in inputs.items()}
    assert given.keys() <= declared.keys(), f"no such input: {given.keys() - declared.keys()}"
    values = {key: given[key] if key in given else each["default"] for key, each in declared.items()}
    for key, each in declared.items():
        assert isinstance(values[key], {"array": list, "boolean": bool}.get(each.get("type", "string"), str)), key
        assert "regex" not in each or re.search(each["regex"], values[key]), f"{key} doesn't match {each['regex']}"
    jobs = _filled(_documents(name)[1], values)
    assert isinstance(jobs, dict)
    return jobs


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {_filled(key, values): _filled(each, values) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    return values[whole[1]] if whole else _PLACE.sub(lambda found: str(values[found[1]]), value)


@dataclass
class Ran:
    """How a job ended, and what it left."""

    code: int
    log: str
    report: Path

    @property
    def dotenv(self) -> dict[str, str]:
        """What later jobs get."""
        lines = (self.report / "outputs.env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


def snapshot(folder: Path) -> str:
    """This project's working tree as a repository with one commit, from which a template installs; the commit."""
    listed = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"], check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        needed = not name.startswith(("tests/", "docs/")) or name.startswith("docs/controls/")  # the package holds the controls' pages
        if needed and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git = ["git", "-C", str(folder), "-c", "user.name=carol", "-c", "user.email=carol@example.com"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "This version"]):
        subprocess.run([*git, *arguments], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()


@dataclass
class Runner:
    """A shell runner: `installed` holds environments that are found made, so that not every job of a test installs."""

    folder: Path
    installed: Path
    _number: int = 0

    def run(self, job: Mapping[str, Any], clone: Path, variables: Mapping[str, str], *, url: str, path: str = "") -> Ran:
        """Run a job's script in a fresh clone of the bare repository `clone`, at its branch main, as if it had come from `url`."""
        self._number += 1
        here = self.folder / f"job {self._number}"
        (here / "temp").mkdir(parents=True)
        subprocess.run(["git", "clone", "-q", "--branch", "main", str(clone), str(here / "project")], check=True)
        subprocess.run(["git", "-C", str(here / "project"), "remote", "set-url", "origin", url], check=True)
        mktemp = here / "bin/mktemp"
        mktemp.parent.mkdir()
        mktemp.write_text(f'#!/bin/sh\nmade=$(PATH=/usr/bin:/bin mktemp "$@") && ln -s "{self.installed}"/changegate-* "$made"/ && echo "$made"\n')
        mktemp.chmod(0o755)
        own = {name: str(value) for name, value in job.get("variables", {}).items()}
        known = {name: os.environ[name] for name in ("LANG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE") if name in os.environ}
        environment = {
            **known,
            **own,
            "HOME": str(here),
            "TMPDIR": str(here / "temp"),
            "PATH": f"{mktemp.parent}:{path or os.environ['PATH']}",
            "CI_PROJECT_DIR": str(here / "project"),
            **variables,
        }
        script = "\n".join(job["script"])
        ran = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=here / "project",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout.decode("utf-8", "replace"), here / "project/changegate-report")
