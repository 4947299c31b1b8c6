"""changegate preview: judge an open change before it is merged, show the verdict on it, and record nothing."""

import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from changegate import render
from changegate.cli import judging, options, publish, tracking
from changegate.decision import EXIT_CODES, Verdict
from changegate.errors import ExitCode, ForgeError, InputError
from changegate.facts import Deployment
from changegate.forges import Notice, Reviewing, Standing
from changegate.pipeline import Pipeline, read_pipeline
from changegate.policy import FILE_NAME
from changegate.preview import Previewed, judge_open
from changegate.render import headline, markdown, outputs, todo

_LIMIT: Final = 60_000
"""Bytes of a notice. GitHub takes 65536 characters in a comment and 65535 in a check's summary; GitLab takes a million in a note."""
_STANDINGS: Final = {
    Verdict.ALLOWED: Standing.GOOD,
    Verdict.ALLOWED_AS_EMERGENCY: Standing.GOOD,
    Verdict.BLOCKED: Standing.BAD,
    Verdict.UNKNOWN: Standing.UNKNOWN,
}


@click.command(name="preview")
@options.option(
    "--change",
    type=click.IntRange(1, 2**31 - 1),
    metavar="N",
    help="The number of the open change (pull request, merge request). Default: as GitLab CI says in a merge request's pipeline.",
)
@options.option("--environment", default="production", show_default=True, metavar="NAME", help="Whose rules are asked: where it is to be deployed.")
@options.option(
    "--policy", "policy_name", metavar="FILE|REF:PATH", help=f"The policy. Default: {FILE_NAME} at the tip of the branch that the change goes to."
)
@options.option(
    "--forge",
    "forge_name",
    type=click.Choice(["git", "github", "gitlab"]),
    help="Where the change is reviewed. Default: gitlab in GitLab CI, else github.",
)
@options.option("--repository", metavar="NAME", help="The repository's name (owner/name; on GitLab group/project). Default: as the CI says.")
@options.option(
    "--api-url", metavar="URL", help="The forge's API. Default: as the CI says, else https://api.github.com or https://gitlab.com/api/v4."
)
@options.option(
    "--timeout", type=click.FloatRange(1, 3600), default=120, show_default=True, metavar="SECONDS", help="How long the forge may take in all."
)
@options.option("--no-check", is_flag=True, help="Show no check on the change's head.")
@options.option("--no-comment", is_flag=True, help="Write no comment.")
@options.option("--dotenv", metavar="FILE", help="Where to write the outputs as CHANGEGATE_…=… lines (GitLab: artifacts:reports:dotenv).")
@options.option("--junit", metavar="FILE", help="Where to write the findings as JUnit XML (GitLab: artifacts:reports:junit).")
@options.option("--summary", metavar="FILE", help="Where to write the report as Markdown, besides what is printed.")
@options.option(
    "--format", "format_", type=click.Choice(["terminal", "markdown", "json"]), default="terminal", show_default=True, help="What to print."
)
@click.option("-v", "--verbose", is_flag=True, help="Print each request to the forge, and how long it took.")
def command(**given: Any) -> int:
    """Judge an open change as the gate will when it is deployed, and show on it what is missing. Nothing is recorded.

    Exits 0 where it would be allowed, 1 where it would be blocked, 3 where it can't be judged. The token for the forge is read from
    CHANGEGATE_TOKEN, else GITHUB_TOKEN or GITLAB_TOKEN. On GitLab it is run in a clone of the project.
    """
    judging.refuse_trace(os.environ)
    pipeline = read_pipeline(os.environ, local_run=f"local-{uuid.uuid4().hex}")
    publish.begin(outputs.NOTHING, given["dotenv"])
    judging.begin_reports(given)
    given["change"] = _number(given["change"], pipeline)
    forge = judging.open_reviewing(given, pipeline)
    policy_file = judging.find_policy(given["policy_name"], Path.cwd())
    judged = judge_open(
        given["change"],
        _deployment(given, pipeline, forge),
        forge,
        policy_file=policy_file,
        now=lambda: datetime.now(UTC),
        open_tracker=tracking.opener(given),
    )
    preview = render.Preview("preview: nothing is recorded", draft=judged.draft, pending=bool(judged.pending), notes=judged.notes)
    report = _report(judged, _show(_report(judged, preview), preview, given, forge))
    judging.print_report(report, given["format_"])
    judging.publish_report(report, given["dotenv"], os.environ)
    judging.publish_reports(report, given)
    return EXIT_CODES[judged.decision.verdict] if judged.policy.enforce else ExitCode.ALLOWED


def _number(given: int | None, pipeline: Pipeline) -> int:
    number = given or pipeline.change
    if number is None:
        raise InputError("--change is missing", remedy="Name the open change by its number: --change 7.")
    return number


def _deployment(given: Mapping[str, Any], pipeline: Pipeline, forge: Reviewing) -> Deployment:
    return Deployment(
        forge=forge.name,
        repository=given["repository"] or pipeline.repository,
        repository_id=pipeline.repository_id,
        server_url=pipeline.server_url,
        environment=judging.require_name("--environment", given["environment"]),
        head="",  # the change's own
        run=pipeline.run,
    )


def _report(judged: Previewed, where: render.Preview) -> render.Report:
    words = judging.name_policy(judged.source)
    return render.Report(decision=judged.decision, facts=judged.facts, enforced=judged.policy.enforce, policy=words, where=where)


def _show(report: render.Report, preview: render.Preview, given: Mapping[str, Any], forge: Reviewing) -> render.Preview:
    """Put the report on the change. What can't be put there is a warning: the verdict stands, and the exit code tells it."""
    notice = _notice(report)
    warnings: list[str] = []

    def put(show: Callable[[], str]) -> str:
        try:
            return show()
        except ForgeError as error:
            warnings.append(f"not shown on the change: {error.message}. {error.remedy}")
            return ""

    check = "" if given["no_check"] else put(lambda: forge.put_check(report.facts.deployment.head, notice))
    comment = "" if given["no_comment"] else put(lambda: forge.put_comment(given["change"], notice))
    return replace(preview, check=check, comment=comment, warnings=tuple(warnings))


def _notice(report: render.Report) -> Notice:
    verdict = report.decision.verdict
    standing = _STANDINGS[verdict] if report.enforced or verdict is Verdict.ALLOWED else Standing.ADVICE
    things = todo.things_to_do(report.decision, report.facts)
    title = f"{headline.word(report)}{headline.after_environment(report, things)}"
    return Notice(standing, title, markdown.render(report, limit=_LIMIT), report.facts.deployment.run.url)
