"""changegate followup: emergencies that nobody has reviewed, and the reviews that are there by now."""

import os
import uuid
from typing import Any, ClassVar, Final

import click

from changegate.cli import judging, kept, options, publish
from changegate.cli.appending import appending_options, now, open_to_append
from changegate.cli.names import read_names, reading_option
from changegate.cli.pages import SectionedCommand, examples
from changegate.errors import ExitCode, ForgeError, InputError
from changegate.evidence.card import Card
from changegate.evidence.signed_record import verify_record
from changegate.following import Closing, Followed, follow, list_open
from changegate.forges import Tracking
from changegate.pipeline import Pipeline, read_pipeline
from changegate.render.followup import TITLE, render_issue, render_json, render_terminal


class _Page(SectionedCommand):
    sections: ClassVar = {
        "What is looked for": ("--repository", "--list"),
        "A review that isn't on the forge": ("--close", "--reviewed-by", "--note"),
        "Who is asked": ("--forge", "--api-url", "--timeout"),
        "Where it is recorded": ("--store", "--signing-key", "--log-key", "--submit-only", "--trust", "--origin", "--timestamp-url"),
        "What comes out": ("--issue", "--format", "--receipt", "--names", "--verbose"),
    }


_EPILOG: Final = examples("changegate followup --list --repository acme/shop", "changegate followup --forge github --repository acme/shop --issue")


@click.command(name="followup", cls=_Page, epilog=_EPILOG)
@options.option("--repository", metavar="NAME", help="The repository, as the gate had it. Default: as the CI says.")
@click.option("--list", "only_list", is_flag=True, help="Only say what the log has: asks no forge, records nothing, needs no key but a trust file.")
@click.option("--close", "record", metavar="ID", help="Close this emergency, which no approval can: a direct push has no change to approve.")
@click.option("--reviewed-by", metavar="LOGIN", help="Who reviewed it; neither declarer nor contributor. Needs --close.")
@click.option("--note", default="", metavar="TEXT", help="What the review found. Needs --close.")
@options.option("--forge", "forge_name", type=click.Choice(["github", "gitlab"]), help="Where the changes are reviewed. Default: as the CI says.")
@options.option("--api-url", metavar="URL", help="The forge's API. Default: as the CI says.")
@options.option(
    "--timeout", type=click.FloatRange(1, 3600), default=120, show_default=True, metavar="SECONDS", help="How long the forge may take in all."
)
@options.option("--issue", is_flag=True, help="Open or update one tracking issue on the forge; close it where nothing is open.")
@click.option("-v", "--verbose", is_flag=True, help="Print each request to the forge, and how long it took.")
@reading_option
@appending_options
def command(**given: Any) -> int:
    """List the emergencies of a repository without a review, record the reviews that are there by now, and say what is due.

    A review is an approval of each change's final head after the deploy, by somebody who may write, neither declarer nor contributor.
    Exit code 1 where one is overdue.
    """
    pipeline = read_pipeline(os.environ, local_run=f"local-{uuid.uuid4().hex}")
    closing = _closing(given)
    repository = given["repository"] or pipeline.repository
    if not repository:
        raise InputError("--repository is missing", remedy="Name the repository as the gate had it: --repository owner/name.")
    if given["only_list"]:
        return _list(given, repository)
    forge = _open_forge({**given, "repository": repository}, pipeline)
    opened = open_to_append(given)
    log = opened.log
    found = list_open(log.reader(), repository, log.verify_record, read_names(given["names"]))
    followed = follow(found, forge, log, opened.signer, pipeline.run, now=now, closing=closing, submit_only=given["submit_only"])
    at = now()
    render = render_json if given["format_"] == "json" else render_terminal
    click.echo(render(followed, at=at), nl=False)
    appended = [each for each in followed if each.closed]
    place = opened.place(appended[-1].record, appended[-1].receipt) if appended else None
    for warning in place.warnings if place is not None else opened.warnings:
        click.echo(f"warning: {warning}", err=True)
    open_ = [each for each in followed if not each.closed]
    if given["issue"]:
        shown = _put_issue(forge, render_issue(followed, at=at), is_open=bool(open_))
        click.echo(shown, err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true" and os.environ.get("GITHUB_STEP_SUMMARY"):
        publish.append(os.environ["GITHUB_STEP_SUMMARY"], f"## {TITLE}\n\n{render_issue(followed, at=at)}")
    return ExitCode.BLOCKED if any(each.emergency.due < at for each in open_) else ExitCode.ALLOWED


def _list(given: dict[str, Any], repository: str) -> int:
    """What is open, by the signed records. The exit code."""
    if given["record"] or given["issue"]:
        raise InputError("--list only lists", remedy="Leave --close and --issue away, or --list.")
    trust, _ = options.find_trust(given["trust_file"])
    reader, at = kept.open_reader(given["store"], trust), now()

    def verify(card: Card) -> None:
        verify_record(card, reader.envelope(card), trust)

    found = [Followed(each.emergency) for each in list_open(reader, repository, verify, read_names(given["names"]))]
    click.echo((render_json if given["format_"] == "json" else render_terminal)(found, at=at), nl=False)
    return ExitCode.BLOCKED if any(each.emergency.due < at for each in found) else ExitCode.ALLOWED


def _closing(given: dict[str, Any]) -> Closing | None:
    if not given["record"]:
        if given["reviewed_by"] or given["note"]:
            raise InputError("--reviewed-by and --note belong to --close", remedy="Name the emergency's record: --close ID.")
        return None
    note = given["note"].strip()
    if not given["reviewed_by"] or not note.isprintable() or not 10 <= len(note) <= 2000:
        raise InputError("--close needs --reviewed-by and --note", remedy="Say who reviewed it, and in 10 to 2000 characters what was found.")
    return Closing(given["record"], given["reviewed_by"], note)


def _open_forge(given: dict[str, Any], pipeline: Pipeline) -> Tracking:
    name = given["forge_name"] or pipeline.forge
    if name == "gitlab":
        return judging.open_gitlab(given, pipeline)
    if name == "github":
        return judging.open_github(given, pipeline)
    raise InputError("a bare git history knows no reviews after a deploy", remedy="Ask the forge: --forge github or --forge gitlab.")


def _put_issue(forge: Tracking, text: str, *, is_open: bool) -> str:
    """What was shown, in a line. That it can't be is a warning: what is due stays due."""
    try:
        url = forge.put_issue(TITLE, text, is_open=is_open)
    except ForgeError as error:
        return f"warning: no tracking issue: {error.message}. {error.remedy}"
    return f"tracking issue: {url}" if url else "no tracking issue is needed"
