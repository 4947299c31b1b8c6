"""The gate's command line on a shop of either forge."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from doubles.serving import Double

from changegate.cli import run
from changegate.forges.github import GitHub
from changegate.forges.gitlab import GitLab
from changegate.tracker_rules import TrackerRules
from changegate.trackers import Tracker
from support.shops import SHOPS, Shop


class Gated(NamedTuple):
    """How the gate ended."""

    code: int
    report: Any
    error: str

    @property
    def lacks(self) -> Any:
        """What it found wanting."""
        found = [each for each in self.report.get("findings", ()) if each["outcome"] not in {"pass", "not-applicable"}]
        return found or self.error


def open_shop(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop on this forge, and in `folder`, which becomes the working directory, a signing key for its gate."""
    made: Shop = SHOPS[name]()
    monkeypatch.chdir(folder)
    for variable in [each for each in os.environ if each == "CI" or each.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("CHANGEGATE_TOKEN", made.token)
    assert run(["keys", "generate"]) == 0
    return made


def without_waiting(server: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits by the wall clock: the forges' clock is the server's."""
    clock = {"sleep": server.sleep, "now": lambda: sum(server.slept)}
    for forge in (GitHub, GitLab):
        monkeypatch.setattr(forge.__init__, "__kwdefaults__", {**(forge.__init__.__kwdefaults__ or {}), **clock})


def gate(shop: Shop, server: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str) -> Gated:
    """Run the gate in the working directory."""
    without_waiting(server, monkeypatch)
    capsys.readouterr()
    words = ["gate", *shop.arguments(server, Path("clone.git")), "--signing-key", "changegate-key.pem", "--store", "file:evidence"]
    code = run([*words, "--format", "json", *more])
    printed = capsys.readouterr()
    return Gated(code, json.loads(printed.out) if printed.out.startswith("{") else {"reasons": []}, printed.err)


def no_tracker(rules: TrackerRules) -> Tracker:
    """Where the policy names none."""
    raise AssertionError(f"asked {rules.url}")
