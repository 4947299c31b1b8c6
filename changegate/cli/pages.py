"""Help pages of commands with many options: in sections, with examples and exit codes, and without a variable's name at every option."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import click

from changegate.errors import ExitCode

_MEANINGS: Final = {
    ExitCode.ALLOWED: "allowed / whole",
    ExitCode.BLOCKED: "blocked by policy; doctor: something is set up badly",
    ExitCode.USAGE: "usage: an option, a file, the policy",
    ExitCode.NOT_JUDGED: "could not judge (forge, permission, unknown)",
    ExitCode.NOT_RECORDED: "could not sign or store the evidence",
    ExitCode.NOT_VERIFIED: "verification failed",
    ExitCode.BUG: "a bug in changegate",
}

_EXCEPTIONS: Final = 4
"""More options than these that can't be given in the environment, and each option says for itself whether it can."""


def exit_codes(codes: Sequence[ExitCode] = tuple(ExitCode)) -> str:
    """The section for an epilog."""
    lines = [f"  {int(code):<3} {_MEANINGS[code]}" for code in codes]
    return "\b\nExit codes:\n" + "\n".join(lines) + "\nAll but 0 stop a deploy."


def examples(*commands: str) -> str:
    """The section for an epilog."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


class SectionedCommand(click.Command):
    """A command whose options stand in sections. A subclass names them; what it doesn't name comes last."""

    sections: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        options = [each for each in self.params if isinstance(each, click.Option)]
        self._only_here = [each.opts[-1] for each in options if not each.envvar]
        self._said_once = len(self._only_here) <= _EXCEPTIONS
        for each in options:
            each.show_envvar = not self._said_once

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        rows = {each.opts[-1]: row for each in self.get_params(ctx) if (row := each.get_help_record(ctx))}
        named = {name for names in self.sections.values() for name in names}
        for title, names in {**self.sections, "Other": [name for name in rows if name not in named]}.items():
            with formatter.section(title):
                formatter.write_dl([rows[name] for name in names])
        if self._said_once:
            rest = f" but {', '.join(self._only_here)}" if self._only_here else ""
            formatter.write_paragraph()
            formatter.write_text(f"Each option{rest} can be given in the environment, as CHANGEGATE_<OPTION>: CHANGEGATE_API_URL for --api-url.")
