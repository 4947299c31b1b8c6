"""changegate doctor: look at what is set up around the gate, and say what to change. It writes nothing, anywhere."""

import os
from datetime import UTC, datetime
from typing import Any, Final

import click

from changegate import doctor
from changegate.cli import judging, options, signers
from changegate.cli.surroundings import look_at_key, look_at_store, look_at_trackers
from changegate.doctor import Check, gitlab
from changegate.errors import InputError
from changegate.pipeline import Pipeline, read_pipeline
from changegate.policy import FILE_NAME
from changegate.render import doctor as report
from changegate.settings import SettingsReader, Wanted

EVIDENCE_BRANCH: Final = "changegate-evidence"


@click.command(name="doctor")
@options.option("--environment", default="production", show_default=True, metavar="NAME", help="Where deploys go.")
@options.option("--branch", metavar="NAME", help="The branch that is deployed. Default: the repository's default branch.")
@options.option(
    "--forge",
    "forge_name",
    type=click.Choice(["git", "github", "gitlab"]),
    help="Who is asked. Default: as the CI says, else github with --repository, else git.",
)
@options.option("--repository", metavar="NAME", help="The repository's name (owner/name; on GitLab group/project). Default: as the CI says.")
@click.option("--store", metavar="URL", envvar="CHANGEGATE_STORE", show_envvar=True, help="The evidence store: file:DIR or git:REPOSITORY[#BRANCH].")
@options.option("--policy-path", default=FILE_NAME, show_default=True, metavar="PATH", help="The policy file in the repository.")
@signers.signing_key_option
@options.option("--trust", "trust_file", metavar="FILE", help=f"The trust file. Default: {options.TRUST_FILE} in this directory, where there is one.")
@options.option(
    "--api-url", metavar="URL", help="The forge's API. Default: as the CI says, else https://api.github.com or https://gitlab.com/api/v4."
)
@options.option(
    "--timeout", type=click.FloatRange(1, 3600), default=120, show_default=True, metavar="SECONDS", help="How long the forge may take in all."
)
@options.option(
    "--format", "format_", type=click.Choice(["terminal", "markdown", "json"]), default="terminal", show_default=True, help="What to print."
)
def command(**given: Any) -> int:
    """Look at token, branches, environment, workflows, policy, trackers, store and key, and say of each what to change.

    Nothing is changed and nothing recorded. Exit code: 0 nothing bad (weak things are allowed), 1 something bad, 3 something important can't be seen.
    The token for the forge is read from CHANGEGATE_TOKEN, else GITHUB_TOKEN or GITLAB_TOKEN. A repository admin's
    (on GitLab a Maintainer's) token shows the most.
    """
    pipeline = read_pipeline(os.environ, local_run="doctor")
    given["verbose"] = False
    at = datetime.now(UTC)
    trust = options.read_optional_trust(given["trust_file"])
    local = doctor.Local(look_at_store(given["store"], trust), look_at_key(given["signing_key"], trust), at)
    repository = given["repository"] or pipeline.repository
    forge = given["forge_name"] or (pipeline.forge if pipeline.forge != "git" or not given["repository"] else "github")
    if forge in ("github", "gitlab"):
        if not repository:
            raise InputError("--repository is missing", remedy="Name the repository: --repository owner/name, on GitLab group/project.")
        wanted = Wanted(given["environment"], given["branch"] or "", _evidence_branch(given["store"], repository), given["policy_path"])
        if forge == "github":
            settings = _github(repository, given, pipeline).read_settings(wanted)
            checks = doctor.judge(settings, wanted, local._replace(trackers=look_at_trackers(settings.files, given)))
        else:
            of_gitlab = judging.open_gitlab(given, pipeline).read_settings(wanted)
            checks = gitlab.judge(of_gitlab, wanted, local._replace(trackers=look_at_trackers(of_gitlab.files, given)))
        subject = f"{repository}, deployed to {given['environment']}"
    else:
        checks = doctor.judge_local(local)
        subject = "store and key (a bare git repository has no settings to look at)"
    _print(subject, checks, given["format_"])
    return doctor.exit_code(checks)


def _github(repository: str, given: dict[str, Any], pipeline: Pipeline) -> SettingsReader:
    from changegate.forges.github import GitHub

    return GitHub(
        repository,
        os.environ.get("CHANGEGATE_TOKEN") or os.environ.get("GITHUB_TOKEN") or "",
        api_url=given["api_url"] or pipeline.api_url or "https://api.github.com",
        timeout=given["timeout"],
    )


def _evidence_branch(store: str | None, repository: str) -> str:
    """The branch of this repository that holds the evidence; empty where it lies elsewhere."""
    if not store:
        return EVIDENCE_BRANCH
    if not store.startswith("git:"):
        return ""
    where, _, branch = store.removeprefix("git:").partition("#")
    here = where.rstrip("/").removesuffix(".git").casefold().endswith(("/" + repository.casefold(), ":" + repository.casefold()))
    return (branch or EVIDENCE_BRANCH) if here else ""


def _print(subject: str, checks: tuple[Check, ...], format_: str) -> None:
    match format_:
        case "json":
            text = report.render_json(subject, checks)
        case "markdown":
            text = report.render_markdown(subject, checks)
        case _:
            text = report.render_terminal(subject, checks, colour=options.colour())
    click.echo(text, nl=False)
