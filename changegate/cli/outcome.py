"""changegate outcome: record how an allowed deploy ended, and say so on the forge's deployment, where there is one."""

import os
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import click

from changegate import finish
from changegate.cli import attesting, judging, local_store, options, publish, signers
from changegate.cli.ended import End, set_status
from changegate.cli.pages import SectionedCommand, examples
from changegate.errors import InputError
from changegate.evidence.checkpoint import format_head, parse
from changegate.evidence.log import Log
from changegate.finish import Finished, NothingDeployedError, OfCommit, OfRecord, OfRun, Place, Waits, Wanted
from changegate.outcome import Claim, Ending
from changegate.pipeline import Pipeline, read_pipeline
from changegate.render import Recorded, Submitted, annotations, outputs
from changegate.render.outcome import DeploymentStatus, EndReport, render_json, render_terminal, values
from changegate.render.text import visible, web_link
from changegate.stores import open_store
from changegate.trust import Trust
from changegate.witness.obtain import Witnessed

_RFC_3339: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class _Page(SectionedCommand):
    sections: ClassVar = {
        "Which deploy": ("--environment", "--record", "--head", "--repository", "--workspace"),
        "How it ended": ("--started", "--finished", "--reason", "--url"),
        "Where it is recorded": ("--store", "--signing-key", "--log-key", "--submit-only", "--trust", "--origin", "--timestamp-url"),
        "The forge's deployment": ("--forge", "--environment-url", "--api-url", "--timeout"),
        "What comes out": ("--format", "--receipt", "--dotenv", "--verbose"),
    }


_EPILOG: Final = examples("changegate outcome success", 'changegate outcome rolled-back --record 2b39d343 --reason "wrong prices"')


@click.command(name="outcome", cls=_Page, epilog=_EPILOG)
@click.argument("ending", metavar="success|failure|rolled-back", type=click.Choice([each.value for each in Ending]))
@options.option("--environment", default="production", show_default=True, metavar="NAME", help="Where the deploy went, as the gate had it.")
@click.option(
    "--record",
    metavar="ID",
    envvar=["CHANGEGATE_RECORD", "CHANGEGATE_RECORD_ID"],
    show_envvar=True,
    help="The gate's record. Default: the newest allowed decision of this run (outside a CI: of the commit).",
)
@options.option("--head", metavar="COMMIT", help="The deployed commit, to find the gate's record by it. Default outside a CI: HEAD.")
@options.option("--started", metavar="TIME", help="When the deploy began (RFC 3339).")
@options.option("--finished", metavar="TIME", help="When it ended (RFC 3339). Default: now.")
@options.option("--reason", default="", metavar="TEXT", help="Why it ended so; at most 2000 characters.")
@options.option("--url", default="", metavar="URL", help="Where more can be read. Default: the run, where the CI names it.")
@options.option("--environment-url", default="", metavar="URL", help="Where the deployed environment is reached, for GitHub.")
@options.option(
    "--forge",
    "forge_name",
    type=click.Choice(["git", "github", "gitlab"]),
    help="Where the changes live. Default: github in GitHub Actions, gitlab in GitLab CI, else git.",
)
@options.option("--repository", metavar="NAME", help="The repository's name, as the gate had it. Default: as the CI says, else the directory's name.")
@options.option("--workspace", default=".", metavar="DIR", show_default=True, help="The git repository that HEAD is read from, outside a CI.")
@options.store_option
@options.option("--origin", metavar="NAME", help="The log's name, which the store must hold.")
@signers.signing_key_option
@signers.log_key_option
@options.option(
    "--submit-only", is_flag=True, help="Leave the signed record waiting for `changegate integrate`: this job hasn't the log's key. Needs --trust."
)
@options.option(
    "--trust", "trust_file", metavar="FILE", help="Trust file: the log's earlier keys after a rotation, its witnesses, its timestamp authorities."
)
@options.timestamp_option
@options.option(
    "--api-url", metavar="URL", help="The forge's API. Default: as the CI says, else https://api.github.com or https://gitlab.com/api/v4."
)
@options.option(
    "--timeout", type=click.FloatRange(1, 3600), default=60, show_default=True, metavar="SECONDS", help="How long the forge may take in all."
)
@options.option("--receipt", metavar="FILE", help="Where to write the receipt (a tlog-proof), which proves offline that the record is in the log.")
@options.option("--dotenv", metavar="FILE", help="Where to write the outputs as CHANGEGATE_…=… lines (GitLab: artifacts:reports:dotenv).")
@options.option("--format", "format_", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="What to print.")
@click.option("-v", "--verbose", is_flag=True, help="Print each request to the forge, and whether it has a deployment.")
def command(**given: Any) -> None:
    """Record how a deploy ended that the gate allowed, and set the status of its deployment on GitHub or GitLab, where there is one.

    Exit code 0 once it is recorded: a forge that fails after that is a warning. A `failure` of a deploy that the gate itself
    stopped is none, and ends with 0. The token is read from CHANGEGATE_TOKEN, else GITHUB_TOKEN or GITLAB_TOKEN.
    """
    judging.refuse_trace(os.environ)
    pipeline = read_pipeline(os.environ, local_run=f"local-{uuid.uuid4().hex}")
    publish.begin(outputs.NO_OUTCOME, given["dotenv"])
    local = local_store.prepare(click.get_current_context(), os.environ)
    claim = _claim(given, pipeline)
    signing = signers.read_signing(given["signing_key"], given["log_key"])
    trust = options.read_trust(given["trust_file"]) if given["trust_file"] else None
    if not given["submit_only"]:
        attesting.check(trust, given["timestamp_url"])
    open_log = partial(options.open_log, given["store"], signing, trust=trust, origin=given["origin"], now=_now)
    log = options.open_to_submit(given["store"], signing, trust=trust, now=_now) if given["submit_only"] else open_log()
    place = Place(given["repository"] or pipeline.repository or Path(given["workspace"]).resolve().name, given["environment"])
    try:
        finished = finish.record_outcome(
            claim,
            place,
            _wanted(given, pipeline),
            pipeline.run,
            log,
            signing.record,
            trust=options.believe(signing, trust),
            now=_now,
            submit_only=given["submit_only"],
        )
    except NothingDeployedError as stopped:
        if claim.ending is not Ending.FAILURE:
            raise
        click.echo(f"nothing to record: {visible(stopped.message, 300)}", err=True)
        return
    attested = _attest(finished, log, trust, open_log, given) if isinstance(finished, Finished) and not given["submit_only"] else None
    finished = finished._replace(receipt=attested.receipt) if attested and isinstance(finished, Finished) else finished
    origin = log.verifier_key.name
    status, warnings = set_status(_end(finished, origin, claim, place, given), given, pipeline, now=_now)
    where = _where(finished, origin, warnings + (attested.warnings if attested else ()), local, given)
    report = _report(finished, claim, place, where, status)
    text = render_json(report) if given["format_"] == "json" else render_terminal(report, width=options.width())
    click.echo(text, nl=False)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo("".join(map(annotations.render_warning, where.warnings)), nl=False)
    publish.outputs(values(report), given["dotenv"], os.environ)


def _now() -> datetime:
    return datetime.now(UTC)


def _claim(given: Mapping[str, Any], pipeline: Pipeline) -> Claim:
    url = given["url"]
    if url and not web_link(url):
        raise InputError(f"--url {visible(url, 100)!r} is no web address", remedy="Give an http(s) address, or none.")
    if given["environment_url"] and not web_link(given["environment_url"]):
        raise InputError("--environment-url is no web address", remedy="Give an http(s) address, or none.")
    return Claim(
        ending=Ending(given["ending"]),
        started=_time("--started", given["started"]) if given["started"] else None,
        finished=_time("--finished", given["finished"]) if given["finished"] else _now(),
        reason=given["reason"],
        url=url or pipeline.run.url,
    )


def _time(option: str, text: str) -> datetime:
    """RFC 3339, with its offset. Raises `InputError`."""
    if _RFC_3339.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise InputError(
        f"{option} {visible(text, 60)!r} is no time as RFC 3339 writes it", remedy="For example 2026-03-02T09:30:00Z: `date -u +%FT%TZ`."
    )


def _wanted(given: Mapping[str, Any], pipeline: Pipeline) -> Wanted:
    if given["record"]:
        return OfRecord(given["record"])
    if pipeline.run.trigger != "local" and not given["head"]:
        return OfRun(pipeline.run.id, pipeline.run.attempt)
    head = given["head"] or "HEAD"
    if _COMMIT.fullmatch(head):
        return OfCommit(head)
    from changegate.forges.git import Git

    return OfCommit(Git(Path(given["workspace"])).resolve_head(head))


def _describe(finished: Finished | Waits, origin: str, ending: Ending) -> str:
    """What a deployment's status says: by it a reader finds the record, and can hold the log to the size and root that it has now.

    The forge cuts it (GitHub takes 140 characters), so the log's name, which may be long, comes last.
    """
    name = f"changegate record {finished.envelope_digest[:16]}, {ending.value}"
    if isinstance(finished, Waits):
        return f"{name}, submitted"
    return f"{name}; log {format_head(parse(finished.receipt.checkpoint))} of {origin}"


def _end(finished: Finished | Waits, origin: str, claim: Claim, place: Place, given: Mapping[str, Any]) -> End:
    gate = finished.gate
    return End(
        outcome=claim.ending.value,
        repository=place.repository,
        environment=place.environment,
        sha=gate.commit,
        ref=gate.ref,
        run=gate.run.id,
        description=_describe(finished, origin, claim.ending),
        # The judged run's page: by it the deployment is found again, should it be rolled back later from another run.
        log_url=web_link(gate.run.url) or web_link(claim.url),
        environment_url=web_link(given["environment_url"]),
    )


def _attest(finished: Finished, log: Log, trust: Trust | None, open_log: Callable[[], Log], given: Mapping[str, Any]) -> Witnessed:
    store = partial(open_store, given["store"])
    return attesting.attest(finished.receipt, log, trust, open_store=store, open_log=open_log, timestamp_url=given["timestamp_url"])


def _where(
    finished: Finished | Waits, origin: str, warnings: tuple[str, ...], local: tuple[str, ...], given: Mapping[str, Any]
) -> Recorded | Submitted:
    """Where the record lies; its receipt is written by the way."""
    if isinstance(finished, Waits):
        return Submitted(f"waits to be integrated into the log {origin}", finished.envelope_digest, warnings + local)
    unwritten = publish.receipt(finished.receipt, given["receipt"])
    head = parse(finished.receipt.checkpoint)
    return Recorded(
        digest=finished.envelope_digest,
        log_index=finished.receipt.index,
        log_size=head.size,
        checkpoint=format_head(head),
        origin=origin,
        store_url=open_store(given["store"]).url,
        receipt="" if unwritten else given["receipt"] or "",
        warnings=warnings + unwritten + local,
    )


def _report(finished: Finished | Waits, claim: Claim, place: Place, where: Recorded | Submitted, status: DeploymentStatus | None) -> EndReport:
    return EndReport(
        outcome=claim.ending.value,
        repository=place.repository,
        environment=place.environment,
        head=finished.gate.commit,
        gate_digest=finished.gate.envelope,
        gate_index=finished.gate.index,
        repeated=finished.repeated,
        where=where,
        status=status,
    )
