"""changegate waive: a signed waiver of one control, for one change or environment, until a day."""

from datetime import date
from typing import Any, ClassVar, Final

import click

from changegate import waiver
from changegate.cli import judging
from changegate.cli.appending import appending_options, now, open_to_append
from changegate.cli.pages import SectionedCommand, examples
from changegate.errors import InputError
from changegate.liftable import CONTROLS
from changegate.render.waiver import render_json, render_terminal
from changegate.waive import record_waiver
from changegate.waiver import Claim


class _Page(SectionedCommand):
    sections: ClassVar = {
        "What is waived": ("--control", "--change", "--head", "--environment", "--repository", "--until", "--reason"),
        "Who says so": ("--requested-by", "--approved-by"),
        "Where it is recorded": ("--store", "--signing-key", "--log-key", "--submit-only", "--trust", "--origin", "--timestamp-url"),
        "What comes out": ("--format", "--receipt"),
    }


_EPILOG: Final = examples(
    "changegate waive --control ticket-linked --repository acme/shop",
    "  --change 12 --head $COMMIT --until 2026-04-01",
    "  --reason 'the tracker is down' --requested-by alice --approved-by carol",
)


@click.command(name="waive", cls=_Page, epilog=_EPILOG)
@click.option("--control", required=True, metavar="ID", help=f"Which control: {', '.join(sorted(CONTROLS))}.")
@click.option("--change", default="", metavar="N", help="The change that it holds for, by its number.")
@click.option("--head", default="", metavar="COMMIT", help="With --change: the commit at its head, whole. What is pushed after it, isn't waived.")
@click.option("--environment", default="", metavar="NAME", help="The environment that it holds for. With --change: there alone.")
@click.option("--repository", required=True, metavar="NAME", help="The repository, as the gate has it.")
@click.option("--until", required=True, metavar="DATE", help="The last day (UTC) on which it holds; at most 366 days from today.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, on one line; an auditor will read it.")
@click.option("--requested-by", required=True, metavar="LOGIN", help="Who asked for it.")
@click.option("--approved-by", required=True, metavar="LOGIN", help="Who approved it: somebody else, who made none of the change.")
@appending_options
def command(**given: Any) -> None:
    """Sign a waiver and append it to the log. The gate reads it there, lists it with each decision that used it, and takes none that has ended.

    Where the trust file has keys with `use: waivers`, only theirs count.
    """
    try:
        until = date.fromisoformat(given["until"])
    except ValueError:
        raise InputError(f"--until {given['until'][:40]!r} is no day", remedy="Write it as 2026-04-01.") from None
    claim = Claim(
        repository=judging.require_name("--repository", given["repository"]),
        control=given["control"],
        change=given["change"],
        head=given["head"],
        environment=judging.require_name("--environment", given["environment"]) if given["environment"] else "",
        until=until,
        reason=given["reason"],
        requested_by=given["requested_by"],
        approved_by=given["approved_by"],
    )
    claim = waiver.check(claim, now=now())
    opened = open_to_append(given)
    made = record_waiver(claim, opened.log, opened.signer, now=now, submit_only=given["submit_only"])
    render = render_json if given["format_"] == "json" else render_terminal
    click.echo(render(made.predicate, opened.place(made.envelope_digest, made.receipt)), nl=False)
