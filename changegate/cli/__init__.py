"""The command line: parse, wire the adapters, print, exit. Commands are imported when they are run, so that each starts fast."""

import importlib
import io
import os
import sys
import traceback
from typing import Final

import click

from changegate import __version__
from changegate.cli import colours
from changegate.cli.pages import exit_codes
from changegate.cli.variables import find_misspelt
from changegate.errors import ChangegateError, ExitCode

COMMANDS: Final = {
    "init": "Look at a repository, and propose what a gate needs there.",
    "gate": "Judge a deploy, record the decision, and stop it where it must not go.",
    "preview": "Judge an open change before it is merged, and show on it what is missing.",
    "outcome": "Record how an allowed deploy ended.",
    "integrate": "Append to the log what jobs without its key submitted.",
    "verify": "Check that an evidence store is whole, signed and consistent.",
    "show": "Print one change record, with the proof that it is in the log.",
    "explain": "Print what a control asks and why, or what a reason in a report means.",
    "replay": "Make a recorded decision again from its recorded facts.",
    "attest": "Record other evidence (reviews, incidents, tests) in the same log, with its file.",
    "followup": "Emergencies that nobody has reviewed, and the reviews that are there by now.",
    "waive": "Record a waiver: signed, for one change or environment, until a day.",
    "audit": "The population of a period, whether it is complete, and a sample of it that anybody can draw again.",
    "serve": "Show the log in the browser, read-only: search, records, verification, packs.",
    "policy": "Start, check, test, compare and describe the policy file.",
    "keys": "Make, show, rotate and revoke signing keys, and keep the trust file.",
    "witness": "Remember a log for others, and cosign only what continues it.",
    "store": "Prepare an evidence store, show how it is set up, try whether it can keep a log.",
    "doctor": "Look at what is set up around the gate, and say what to change.",
    "demo": "A guided tour, on a real repository in a temporary directory.",
}
ISSUES_URL: Final = "https://github.com/changegate/changegate/issues"


class _LazyGroup(click.Group):
    """A group whose commands live in modules of the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            close = [name for name in COMMANDS if name.startswith(cmd_name[:2])]
            hint = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"No such command {cmd_name!r}.{hint}")
        command = importlib.import_module(f"changegate.cli.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"changegate.cli.{cmd_name}.command is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        # From the table: `--help` imports no command.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, epilog=exit_codes(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="changegate")
def group() -> None:
    """Judge every change of a deploy, and keep signed evidence of it.

    Begin with `changegate demo`, then `changegate keys generate` and `changegate policy init` in your repository.
    """


def main() -> None:
    """The console script: run a command, print any error with its remedy, exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without ✓ is no reason to fail
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code. The only place that catches what went wrong."""
    for name, meant in find_misspelt(os.environ).items():
        click.echo(f"changegate: {name} is no setting, and ignored: did you mean {meant}?", err=True)
    try:
        colour = colours.colour(os.environ, terminal=colours.on_terminal())
        code = group.main(args=arguments, prog_name="changegate", standalone_mode=False, color=colour)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.Abort:
        click.echo("changegate: stopped", err=True)
        return ExitCode.USAGE
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except ChangegateError as error:
        _report(error)
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("changegate: interrupted; the deploy must not go on", err=True)
        return 130
    except Exception as error:  # noqa: BLE001 - a bug must stop the deploy with a code of its own, and never look like a verdict
        if os.environ.get("CHANGEGATE_DEBUG"):
            traceback.print_exc()
        click.echo(f"changegate: a bug in changegate {__version__}: {type(error).__name__}: {error}", err=True)
        click.echo(f"  → Please report it at {ISSUES_URL}, with what CHANGEGATE_DEBUG=1 prints. The deploy must not go on.", err=True)
        return ExitCode.BUG
    return code if isinstance(code, int) else ExitCode.ALLOWED


def _report(error: ChangegateError) -> None:
    """Say what happened and what to do; texts from outside can't get out of their line."""
    from changegate.render.text import inert, visible  # only where something went wrong: a command starts fast

    # The remedy is ours and may hold YAML to paste; what it quotes from outside still can't leave its line.
    first, *rest = (visible(line, 2000) for line in error.remedy.splitlines() or [""])
    click.echo(inert("\n    ".join([f"changegate: {visible(error.message, 2000)}\n  → {first}", *rest])), err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from changegate.render import annotations

        click.echo(annotations.render_error(error.message, error.remedy), nl=False)
