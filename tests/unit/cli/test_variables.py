"""Every option has its variable, no output is read as one by mistake, and the action has an input for each."""

import importlib
from collections.abc import Iterator

import click
import pytest
from actions_harness import ROOT, load

from changegate.cli import COMMANDS
from changegate.cli.signers import LOG_KEY, LOG_PASSPHRASE, PASSPHRASE, SIGNING_KEY
from changegate.render.outputs import DOTENV_NAMES

HANDED_ON = {"CHANGEGATE_RECORD_ID"}
"""By design: the gate's record, which `changegate outcome` in a later job looks for."""
NO_INPUT = {
    "repository": "the workflow's own",
    "workspace": "the workflow's own",
    "dotenv": "for GitLab; a step has outputs",
    "verbose": "for a person at a terminal",
}
NO_GATE_INPUT = NO_INPUT | {"junit": "for GitLab's merge request widget", "summary": "a step has $GITHUB_STEP_SUMMARY"}
NO_OPTION = {
    "token": "a secret: only ever in the environment",
    "key-passphrase": "likewise",
    "log-key-passphrase": "likewise",
    "extras": "for the action's own installation",
    "python": "for the action's own installation",
}


def options_of(command: click.Command) -> Iterator[click.Option]:
    yield from (each for each in command.params if isinstance(each, click.Option))
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from options_of(below)


def command(name: str) -> click.Command:
    found = importlib.import_module(f"changegate.cli.{name}").command
    assert isinstance(found, click.Command)
    return found


def variables(name: str) -> set[str]:
    given = [each.envvar for each in options_of(command(name)) if each.envvar]
    return {one for each in given for one in ([each] if isinstance(each, str) else each)}


def test_no_output_is_read_as_an_option() -> None:
    read = {PASSPHRASE, SIGNING_KEY, LOG_KEY, LOG_PASSPHRASE, "CHANGEGATE_TOKEN"}.union(*map(variables, COMMANDS))
    assert read & DOTENV_NAMES == HANDED_ON
    assert [name for name in COMMANDS if variables(name) & HANDED_ON] == ["outcome"]


@pytest.mark.parametrize(
    ("name", "action", "exceptions"),
    [
        ("gate", "action.yml", NO_GATE_INPUT),
        ("outcome", "actions/outcome/action.yml", NO_INPUT | {"head": "by the gate's record", "origin": "the store's"}),
    ],
)
def test_every_option_is_an_input(name: str, action: str, exceptions: dict[str, str]) -> None:
    longs = {max(each.opts, key=len).removeprefix("--") for each in options_of(command(name))}
    inputs = set(load(ROOT / action)["inputs"])
    assert longs - inputs == exceptions.keys()
    assert inputs - longs == NO_OPTION.keys() | ({"outcome"} if name == "outcome" else set())


@pytest.mark.parametrize(
    ("given", "artifacts"),
    [("", ()), ("a@sha256:1", ("a@sha256:1",)), ("a@sha256:1 b@sha256:2\nc@sha256:3\n", ("a@sha256:1", "b@sha256:2", "c@sha256:3"))],
)
def test_artifacts_stand_in_one_variable(monkeypatch: pytest.MonkeyPatch, given: str, artifacts: tuple[str, ...]) -> None:
    monkeypatch.setenv("CHANGEGATE_ARTIFACT", given)
    assert command("gate").make_context("gate", []).params["artifacts"] == artifacts
