"""Settings that are misspelt in the environment."""

from typing import get_args

import click
import pytest

from changegate.cli import group, run
from changegate.cli.variables import SETTINGS, find_misspelt
from changegate.render import outputs
from changegate.tracker_rules import TrackerRules

SECRETS = {"TOKEN", "SIGNING_KEY", "KEY_PASSPHRASE", "LOG_KEY", "LOG_KEY_PASSPHRASE", "SIGSTORE_CONFIG", "DEBUG"}


TRACKERS = [
    TrackerRules.model_validate({"kind": kind, "url": "https://x.example", "projects": ["acme/x" if kind.endswith("-issues") else "X"]})
    for kind in get_args(TrackerRules.model_fields["kind"].annotation)
]
SECRETS |= {f"{tracker.credentials}_{part}" for tracker in TRACKERS for part in ("TOKEN", "USER")}


def variables(command: click.Command) -> set[str]:
    found = {name for parameter in command.params for name in ([parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar or [])}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found |= variables(inner)
    return found


def test_the_settings_are_those_of_all_commands() -> None:
    assert variables(group) | {f"CHANGEGATE_{name}" for name in SECRETS} == SETTINGS


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["CHANGEGATE_SOTRE"], {"CHANGEGATE_SOTRE": "CHANGEGATE_STORE"}),
        (["CHANGEGATE_STORES"], {"CHANGEGATE_STORES": "CHANGEGATE_STORE"}),
        (["CHANGEGATE_STORE", "CHANGEGATE_TRUST_FILE"], {}),
        (["CHANGEGATE_STORE", "CHANGEGATE_STORES"], {}),
        (["CHANGEGATE_PREVIEW_TOKEN", "PATH", *outputs.DOTENV_NAMES], {}),
        (["CHANGEGATE_POLICI"], {"CHANGEGATE_POLICI": "CHANGEGATE_POLICY"}),
    ],
)
def test_what_is_misspelt_is_told_from_what_is_the_pipelines_own(names: list[str], found: dict[str, str]) -> None:
    assert find_misspelt(dict.fromkeys(names, "x")) == found


def test_it_is_said_before_the_command_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("CHANGEGATE_STORE", raising=False)
    monkeypatch.setenv("CHANGEGATE_SOTRE", "file:secret")
    assert run(["explain", "ticket-linked"]) == 0
    said = capsys.readouterr().err
    assert "CHANGEGATE_SOTRE is no setting, and ignored: did you mean CHANGEGATE_STORE?" in said
    assert "secret" not in said
