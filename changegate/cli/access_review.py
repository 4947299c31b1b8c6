"""changegate attest access-review: who may do what, compared with the last review in the log, and what a reviewer decided of it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from changegate import access, attachment, attestation
from changegate.access import Access, AccessReader, Difference
from changegate.attestation import Kind, Review, Verdict
from changegate.cli import judging, options
from changegate.cli.appending import now
from changegate.cli.attestations import attestation_options, read_bounded, read_claim, record
from changegate.cli.pages import examples
from changegate.errors import FormatError, InputError
from changegate.evidence import log_policy, revocations
from changegate.evidence.reader import LogReader, read_log
from changegate.evidence.revocations import Revocations
from changegate.evidence.signed_record import verify_record
from changegate.evidence.statement import ATTESTATION
from changegate.pipeline import read_pipeline
from changegate.recorded import Previous
from changegate.render.access import render_difference
from changegate.stores import open_store
from changegate.trust import Trust

_EPILOG: Final = examples(
    "changegate attest access-review --from github --out review.json",
    "changegate attest access-review --file review.json --reviewer carol",
    "  --decision approved --owner carol --period 2026-01-01..2026-03-31",
)
_CONTROL: Final = "access-reviewed"


class _Earlier(NamedTuple):
    """The last review of this repository in the log."""

    place: Previous
    access: Access


@click.command(name="access-review", epilog=_EPILOG)
@click.option("--from", "forge", type=click.Choice(["github", "gitlab"]), help="Ask this forge.")
@click.option("--file", "file", metavar="FILE", help="Take the list that was written by --out: what the reviewer saw is then what is recorded.")
@click.option("--out", metavar="FILE", help="Write the list to this file, for the reviewer.")
@click.option("--branch", "branches", multiple=True, metavar="NAME", help="A branch to look at besides the default one. May be given more than once.")
@click.option("--reviewer", metavar="LOGIN", help="Who looked through the list and decided. Without: nothing is recorded.")
@click.option("--decision", type=click.Choice([each.value for each in Verdict]), help="What they decided.")
@options.option(
    "--api-url", metavar="URL", help="The forge's API. Default: as the CI says, else https://api.github.com or https://gitlab.com/api/v4."
)
@options.option("--timeout", type=click.FloatRange(1, 3600), default=300, show_default=True, metavar="SECONDS", help="How long the forge may take.")
@attestation_options
@click.option("-v", "--verbose", is_flag=True, help="Print each request to the forge, and how long it took.")
def command(**given: Any) -> None:
    """List who may push, approve, deploy, administer and bypass, and what changed since the last review; record a reviewer's decision on it.

    A part that the token can't see is `unknown`, named, and covered by no approval. The token is read from CHANGEGATE_TOKEN, else GITHUB_TOKEN or
    GITLAB_TOKEN; what it must see: docs/attest.md.
    """
    if bool(given["forge"]) == bool(given["file"]):
        raise InputError("where is the list from?", remedy="Give --from github, --from gitlab, or --file with a list that --out wrote.")
    if bool(given["reviewer"]) != bool(given["decision"]):
        raise InputError("--reviewer and --decision belong together", remedy="Say who decided, and what; or neither, to see the list.")
    listed = _read(given) if given["file"] else _fetch(given)
    claim = None
    if given["reviewer"]:
        given["controls"] = given["controls"] or (_CONTROL,)
        claim = read_claim(Kind.ACCESS_REVIEW, given, repository=listed.repository)
        attestation.check_login("--reviewer", given["reviewer"])
        _check_decision(Verdict(given["decision"]), listed)
    earlier = _find_earlier(listed.repository, given)
    difference = access.compare(earlier.access, listed) if earlier else None
    content = access.format_access(listed)
    if given["out"]:
        options.write_file(given["out"], content)
    if given["format_"] != "json" or claim is None:
        click.echo(render_difference(listed, difference, since=earlier.place.envelope if earlier else ""), nl=False)
    if claim is None:
        click.echo("\n  Nothing is recorded: --reviewer LOGIN --decision … does that" + (f", with --file {given['out']}" if given["out"] else ""))
        return
    name = f"access-{listed.repository.replace('/', '-')}-{listed.fetched:%Y-%m-%d}.json"
    described = attachment.describe(name, content, media_type=access.MEDIA_TYPE)
    record(claim, described, content, given, review=_review(given, listed, earlier, difference))


def _fetch(given: Mapping[str, Any]) -> Access:
    pipeline = read_pipeline(os.environ, local_run="access-review")
    at = now()
    github = given["forge"] == "github"
    reader: AccessReader = judging.open_github(given, pipeline) if github else judging.open_gitlab(given, pipeline)
    repository = given["repository"] or pipeline.repository
    return access.make("github" if github else "gitlab", repository, at, reader.read_access(given["branches"]))


def _read(given: Mapping[str, Any]) -> Access:
    try:
        listed = access.parse_access(read_bounded(given["file"]))
    except FormatError as error:
        raise InputError(f"--file {given['file']}: {error.message}", remedy=error.remedy) from error
    if given["repository"] and given["repository"] != listed.repository:
        raise InputError(f"the list is of {listed.repository}, not of {given['repository']}", remedy="Correct --repository, or leave it out.")
    if listed.fetched > now():
        raise InputError("the list says that it is from the future", remedy="Fetch it again; and look at this machine's clock.")
    return listed


def _check_decision(decision: Verdict, listed: Access) -> None:
    if decision is Verdict.APPROVED and listed.unknown:
        raise InputError(
            f"{len(listed.unknown)} parts could not be read ({', '.join(each.part for each in listed.unknown)}): nobody can approve those",
            remedy=f"Fetch the list with a token that sees them ({listed.unknown[0].remedy}), or decide {Verdict.APPROVED_IN_PART}.",
        )
    if decision is Verdict.APPROVED_IN_PART and not listed.unknown:
        raise InputError("every part was read, so there is nothing to leave out", remedy=f"Decide {Verdict.APPROVED} or {Verdict.CHANGES_REQUIRED}.")


def _review(given: Mapping[str, Any], listed: Access, earlier: _Earlier | None, difference: Difference | None) -> Review:
    return Review(
        reviewer=given["reviewer"],
        decision=Verdict(given["decision"]),
        entries=len(listed.entries),
        unknown=tuple(f"{each.part}: {each.why}" for each in listed.unknown),
        added=len(difference.added) if difference else 0,
        removed=len(difference.removed) if difference else 0,
        changed=len(difference.changed) if difference else 0,
        previous=earlier.place if earlier else None,
    )


def _find_earlier(repository: str, given: Mapping[str, Any]) -> _Earlier | None:
    """The newest list of this repository that the log holds, its record verified. Raises `VerificationError`, `FormatError`, `StoreError`.

    Without a trust file there is nobody to believe: nothing is compared, unless the log is empty.
    """
    file = given["trust_file"] or (options.TRUST_FILE if Path(options.TRUST_FILE).is_file() else None)
    store = open_store(given["store"])
    if file is None:
        if store.read("checkpoint") is not None:
            raise InputError("the log may hold an earlier review, and no trust file says whom to believe", remedy="Give --trust FILE.")
        return None
    trust = options.read_trust(file)
    reader = read_log(store, log_policy.of(trust).unwitnessed())
    if reader is None:
        return None
    return _search(reader, trust, repository, revocations.find(reader, store, trust, origin=reader.checkpoint.origin))


def _search(reader: LogReader, trust: Trust, repository: str, revoked: Revocations) -> _Earlier | None:
    for index, card in reader.cards():
        if (card.predicate_type, card.decision, card.repository) != (ATTESTATION, Kind.ACCESS_REVIEW, repository):
            continue
        signed = verify_record(card, reader.envelope(card), trust)
        ended = revoked.of(signed.key_id)
        if ended is not None and ended.index < index:
            continue  # its key was revoked by then: it counts for nothing, and `changegate verify` names it
        try:
            found = access.parse_access(reader.facts(card) or b"")
        except FormatError:
            continue  # a review that somebody attached in a form of their own
        return _Earlier(Previous(index=index, envelope=card.envelope), found)
    return None
