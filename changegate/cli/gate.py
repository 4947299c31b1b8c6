"""changegate gate: wire the adapters, judge the deploy, record it, report it."""

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Final

import click

from changegate import render
from changegate.cli import artifacts, attesting, judging, local_store, names, options, publish, signers, tracking
from changegate.cli.pages import SectionedCommand, examples, exit_codes
from changegate.decision import EXIT_CODES
from changegate.declaring import Declared
from changegate.errors import ExitCode, InputError, SigningError, StoreError
from changegate.evidence.checkpoint import format_head, parse
from changegate.evidence.log import Log
from changegate.facts import Deployment
from changegate.forges import Forge
from changegate.gate import Judged, Recorded, Submitted, judge, record_decision
from changegate.pipeline import Pipeline, read_pipeline
from changegate.policy import FILE_NAME
from changegate.render import outputs
from changegate.signing import RecordSigner
from changegate.stores import open_store
from changegate.trust import Trust

MAX_NAMED: Final = 10


class _Page(SectionedCommand):
    sections: ClassVar = {
        "What is judged": ("--environment", "--head", "--base", "--policy", "--artifact", "--provenance", "--test-results", "--coverage"),
        "An emergency": ("--emergency", "--incident", "--agreed-by"),
        "Who is asked": ("--forge", "--repository", "--workspace", "--api-url", "--timeout"),
        "Where it is recorded": ("--store", "--signing-key", "--log-key", "--submit-only", "--trust", "--origin", "--timestamp-url"),
        "What comes out": ("--format", "--receipt", "--names", "--dotenv", "--junit", "--summary", "--verbose"),
    }


_EPILOG: Final = "\n\n".join(
    (
        examples(
            "changegate gate --base v1.4 --signing-key key.pem",
            "changegate gate --environment staging --store git:../evidence.git#main",
            "changegate gate --receipt receipt.tlog-proof --format json",
        ),
        exit_codes(),
    )
)


@click.command(name="gate", cls=_Page, epilog=_EPILOG)
@options.option("--environment", default="production", show_default=True, metavar="NAME", help="Where the deploy goes.")
@options.option("--head", metavar="COMMIT", help="What is deployed. Default: the commit that the CI runs on, else HEAD.")
@options.option(
    "--base", metavar="COMMIT", help="What is deployed now, where neither the forge nor the log knows. Where they do, it may only widen the range."
)
@options.option("--policy", "policy_name", metavar="FILE|REF:PATH", help=f"The policy. Default: {FILE_NAME} as it stands at the deployed commit.")
@options.option("--emergency", metavar="REASON", help="Declare an emergency, as the policy's section `emergency` allows: why it can't wait.")
@options.option("--incident", metavar="KEY", help="The incident that it is for.")
@options.option("--agreed-by", "agreed_by", multiple=True, metavar="LOGIN", help="Who agreed, where the policy takes the declarer's word for it.")
@options.option(
    "--forge",
    "forge_name",
    type=click.Choice(["git", "github", "gitlab"]),
    help="Who is asked about the changes. Default: github in GitHub Actions, gitlab in GitLab CI, else git.",
)
@options.option(
    "--repository",
    metavar="NAME",
    help="The repository's name (owner/name; on GitLab group/project). Default: as the CI says, else the directory's name.",
)
@options.option("--workspace", default=".", metavar="DIR", show_default=True, help="The git repository that the forges 'git' and 'gitlab' read.")
@options.store_option
@options.option("--origin", metavar="NAME", help="The log's name, where the store is new.")
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
    "--timeout", type=click.FloatRange(1, 3600), default=120, show_default=True, metavar="SECONDS", help="How long the forge may take in all."
)
@options.option(
    "--artifact",
    "artifacts",
    multiple=True,
    metavar="NAME@sha256:DIGEST|FILE",
    help="What is deployed: by digest, or a file, whose digest is taken. May be given more than once.",
)
@options.option(
    "--provenance",
    "provenances",
    multiple=True,
    metavar="FILE",
    help="What a builder signed of an artifact: SLSA provenance, a DSSE envelope or a Sigstore bundle, or JSON lines of them. May be repeated.",
)
@options.option("--test-results", "tests", multiple=True, metavar="FILE", help="Results of the tests of this commit, as JUnit XML. May be repeated.")
@options.option("--coverage", multiple=True, metavar="FILE", help="Coverage of the tests of this commit: Cobertura XML or LCOV. May be repeated.")
@options.option("--receipt", metavar="FILE", help="Where to write the receipt (a tlog-proof), which proves offline that the record is in the log.")
@names.gate_option
@options.option("--dotenv", metavar="FILE", help="Where to write the outputs as CHANGEGATE_…=… lines (GitLab: artifacts:reports:dotenv).")
@options.option("--junit", metavar="FILE", help="Where to write the findings as JUnit XML (GitLab: artifacts:reports:junit).")
@options.option("--summary", metavar="FILE", help="Where to write the report as Markdown, besides what is printed.")
@options.option(
    "--format", "format_", type=click.Choice(["terminal", "markdown", "json"]), default="terminal", show_default=True, help="What to print."
)
@click.option("-v", "--verbose", is_flag=True, help="Print each request to the forge, and how long it took.")
def command(**given: Any) -> int:
    """Judge every change between what is deployed and what is to be deployed, record the decision, and say what to do.

    The token for the forge is read from CHANGEGATE_TOKEN, else GITHUB_TOKEN or GITLAB_TOKEN.
    """
    judging.refuse_trace(os.environ)
    pipeline = read_pipeline(os.environ, local_run=f"local-{uuid.uuid4().hex}")
    publish.begin(outputs.NOTHING, given["dotenv"])
    judging.begin_reports(given)
    declared = _declared(given)
    brought = artifacts.read_given(given["provenances"], given["tests"], given["coverage"])
    local = local_store.prepare(click.get_current_context(), os.environ)
    signing = signers.read_signing(given["signing_key"], given["log_key"])
    trust = options.read_trust(given["trust_file"]) if given["trust_file"] else None
    if not given["submit_only"]:
        attesting.check(trust, given["timestamp_url"])
    forge = judging.open_forge(given, pipeline)
    open_log = partial(options.open_log, given["store"], signing, trust=trust, origin=given["origin"], now=_now, reference=forge.clock)
    submitting = partial(options.open_to_submit, given["store"], signing, trust=trust, now=_now, reference=forge.clock)
    log = submitting() if given["submit_only"] else open_log()
    deployment = _deployment(given, pipeline, forge)
    believed = options.believe(signing, trust)
    policy_file = judging.find_policy(given["policy_name"], Path(given["workspace"]))
    judged = judge(
        deployment,
        forge,
        log,
        requested_base=given["base"],
        policy_file=policy_file,
        now=_now,
        declared=declared,
        given=brought,
        open_tracker=tracking.opener(given),
        trust=believed,
    )
    recorded = names.withhold_names(judged, given["names"])
    try:
        where = _record(recorded, log, signing.record, trust, given, open_log, local)
    except (StoreError, SigningError) as error:
        # The engineer still learns what was judged; but what isn't recorded isn't deployed.
        failed = _report(judged, render.RecordingFailed(error.message, error.remedy))
        judging.print_report(failed, given["format_"])
        judging.publish_report(failed, given["dotenv"], os.environ)
        judging.publish_reports(failed, given)
        raise
    report = _report(judged, where)
    judging.print_report(report, given["format_"])
    judging.publish_report(report, given["dotenv"], os.environ)
    judging.publish_reports(report, given)
    return EXIT_CODES[judged.decision.verdict] if judged.policy.enforce else ExitCode.ALLOWED


def _declared(given: Mapping[str, Any]) -> Declared | None:
    """The emergency that the options declare. Raises `InputError` for one without an incident, and for an incident without one."""
    if not given["emergency"]:
        if given["incident"] or given["agreed_by"]:
            raise InputError("--incident and --agreed-by belong to an emergency", remedy="Say why it can't wait, too: --emergency REASON.")
        return None
    if not given["incident"]:
        raise InputError("--emergency without --incident", remedy="Name the incident that it is for: --incident KEY.")
    named = dict.fromkeys(judging.require_name("--agreed-by", each) for each in given["agreed_by"])
    if len(named) > MAX_NAMED:
        raise InputError(f"--agreed-by names {len(named)} people, more than {MAX_NAMED}", remedy="Name those whom the policy asks for.")
    reason = judging.require_name("--emergency", given["emergency"].strip())
    return Declared(reason, judging.require_name("--incident", given["incident"].strip()), tuple(named))


def _now() -> datetime:
    return datetime.now(UTC)


def _record(
    judged: Judged,
    log: Log,
    signer: RecordSigner,
    trust: Trust | None,
    given: Mapping[str, Any],
    open_log: Callable[[], Log],
    warnings: tuple[str, ...],
) -> render.Recorded | render.Submitted:
    """Record the decision, with what others are to say of it; or leave it waiting for the job that may. Raises as `record_decision` does."""
    recorded = record_decision(judged, log, signer, decided=_now(), submit_only=given["submit_only"])
    origin = log.verifier_key.name
    if isinstance(recorded, Submitted):
        return render.Submitted(f"waits to be integrated into the log {origin}", recorded.envelope_digest)
    store = partial(open_store, given["store"])
    attested = attesting.attest(recorded.receipt, log, trust, open_store=store, open_log=open_log, timestamp_url=given["timestamp_url"])
    recorded = replace(recorded, receipt=attested.receipt)
    unwritten = publish.receipt(recorded.receipt, given["receipt"])
    return _where(recorded, origin, given, unwritten=unwritten, others=warnings + attested.warnings)


def _deployment(given: Mapping[str, Any], pipeline: Pipeline, forge: Forge) -> Deployment:
    repository = given["repository"] or pipeline.repository or Path(given["workspace"]).resolve().name
    return Deployment(
        forge=forge.name,
        repository=judging.require_name("--repository", repository),
        repository_id=pipeline.repository_id,
        server_url=pipeline.server_url,
        environment=judging.require_name("--environment", given["environment"]),
        head=forge.resolve_head(given["head"] or pipeline.head or _local_head(Path(given["workspace"]))),
        ref=pipeline.ref,
        deployer=pipeline.deployer,
        run=pipeline.run,
        artifacts=tuple(artifacts.read_artifact(text) for text in given["artifacts"]),
    )


def _local_head(workspace: Path) -> str:
    """The commit that is checked out: to a forge, HEAD would be the tip of its default branch. Raises `InputError` where there is no clone."""
    from changegate.forges.git import Git

    return Git(workspace).resolve_head("HEAD")


def _where(recorded: Recorded, origin: str, given: Mapping[str, Any], *, unwritten: tuple[str, ...], others: tuple[str, ...]) -> render.Recorded:
    return render.Recorded(
        digest=recorded.envelope_digest,
        log_index=recorded.receipt.index,
        log_size=(head := parse(recorded.receipt.checkpoint)).size,
        checkpoint=format_head(head),
        origin=origin,
        store_url=open_store(given["store"]).url,
        receipt=given["receipt"] or "" if not unwritten else "",
        warnings=unwritten + others,
    )


def _report(judged: Judged, where: render.Recorded | render.NotRecorded) -> render.Report:
    words = judging.name_policy(judged.source)
    return render.Report(decision=judged.decision, facts=judged.facts, enforced=judged.policy.enforce, policy=words, where=where)
