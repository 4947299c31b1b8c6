"""The help pages: every option in one section, every example a command line that is understood, nothing wider than it was asked for."""

import importlib
import shlex

import click
import pytest

from changegate.cli import COMMANDS, group
from changegate.cli.pages import SectionedCommand
from changegate.errors import ExitCode


def commands() -> list[click.Command]:
    return [importlib.import_module(f"changegate.cli.{name}").command for name in COMMANDS]


SECTIONED = [each for each in commands() if isinstance(each, SectionedCommand)]


@pytest.mark.parametrize("command", SECTIONED, ids=lambda command: command.name)
def test_every_option_stands_in_one_section(command: SectionedCommand) -> None:
    named = [name for names in command.sections.values() for name in names]
    assert sorted(named) == sorted(each.opts[-1] for each in command.params if isinstance(each, click.Option))


@pytest.mark.parametrize("command", SECTIONED, ids=lambda command: command.name)
def test_every_example_is_understood(command: SectionedCommand) -> None:
    whole = (command.epilog or "").replace("\n    ", " ")  # an example that goes on in a second line
    lines = [line.strip() for line in whole.splitlines() if line.startswith("  changegate ")]
    assert lines
    for line in lines:
        context = command.make_context("changegate", shlex.split(line)[2:])
        assert context.params


def test_the_exit_codes_stand_in_the_help_of_all_and_of_the_gate() -> None:
    (gate,) = (each for each in SECTIONED if each.name == "gate")
    for page in (group.epilog, gate.epilog):
        for code in ExitCode:
            assert f"\n  {int(code):<3} " in (page or "")


@pytest.mark.parametrize("command", commands(), ids=lambda command: command.name)
def test_a_page_fits_eighty_columns(command: click.Command) -> None:
    page = click.Context(command, info_name=f"changegate {command.name}", terminal_width=80).get_help()
    wide = [line for line in page.splitlines() if len(line) > 80]
    assert wide == []


@pytest.mark.parametrize("command", SECTIONED, ids=lambda command: command.name)
def test_a_page_says_of_each_option_whether_the_environment_may_hold_it(command: SectionedCommand) -> None:
    page = " ".join(click.Context(command, info_name=f"changegate {command.name}", terminal_width=500).get_help().split())
    for each in command.params:
        if not isinstance(each, click.Option):
            continue
        once, _, excepted = page.partition("Each option but ")
        if excepted or "Each option can be given" in page:
            assert (each.opts[-1] in excepted.partition(" can be given")[0]) == (not each.envvar), each.opts[-1]
        else:
            assert not each.envvar or f"CHANGEGATE_{each.opts[-1].lstrip('-').replace('-', '_').upper()}" in once, each.opts[-1]
