"""changegate attest: other evidence into the same log. A file, with its owner, its period and the controls that it is evidence of."""

import unicodedata
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from changegate import attachment
from changegate.attestation import Kind
from changegate.cli import access_review
from changegate.cli.attestations import attestation_options, read_bounded, read_claim, record
from changegate.cli.pages import examples
from changegate.errors import InputError

_EPILOG: Final = examples(
    "changegate attest --type incident --file postmortem.pdf --owner carol",
    "  --period 2026-02-03..2026-02-04 --control incident-reviewed",
    "changegate attest access-review --from github --out review.json",
)


@click.group(name="attest", invoke_without_command=True, epilog=_EPILOG)
@click.option("--type", "kind", type=click.Choice([each.value for each in Kind]), metavar="TYPE", help=f"What it is: {', '.join(Kind)}.")
@click.option("--file", "file", metavar="FILE", help="The evidence: one file of up to 32 MiB. It is kept in the store, and verified with the log.")
@click.option("--name", metavar="NAME", help="What the file is called on record. Default: its own name.")
@click.option("--media-type", default="", metavar="TYPE/SUBTYPE", help="Default: by the name's ending.")
@click.option("--allow-secrets", is_flag=True, help="Keep a file that looks as if it held a secret: you looked, and none is one.")
@attestation_options
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Sign any evidence (a post-mortem, a recovery test, a penetration test's report) and append it to the log, with its file.

    It stands in the same verifiable log as the deploys: `changegate verify` checks it, `audit population --kind attestations` lists it,
    `changegate show ID --attachment FILE` gives the file back.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context, context.invoked_subcommand)
        return
    if not given["kind"] or not given["file"]:
        raise InputError("--type and --file are needed", remedy="See `changegate attest --help`.")
    name = given["name"] or unicodedata.normalize("NFC", Path(given["file"]).name)  # macOS hands names out decomposed
    claim = read_claim(Kind(given["kind"]), given)
    content = read_bounded(given["file"])
    file = attachment.describe(name, content, media_type=given["media_type"], allow_secrets=given["allow_secrets"])
    record(claim, file, content, given)


def _refuse_options(context: click.Context, below: str) -> None:
    """What is said before the name of a command below this one would be lost. Raises `InputError`."""
    named = [each for each in context.command.params if context.get_parameter_source(each.name or "") is ParameterSource.COMMANDLINE]
    if named:
        raise InputError(f"{named[0].opts[-1]} stands before `{below}`, where it says nothing", remedy=f"Give it after: changegate attest {below} …")


command.add_command(access_review.command)
