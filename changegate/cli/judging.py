"""What the commands that judge have in common: the forge, the policy that is named, the report and where it goes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from changegate import render
from changegate.cli import options, publish
from changegate.errors import ForgeError, InputError
from changegate.forges import Forge, Reviewing
from changegate.gate import PolicyFile
from changegate.pipeline import Pipeline
from changegate.recorded import PolicySource
from changegate.render import annotations, json, junit, markdown, outputs, terminal

if TYPE_CHECKING:
    from changegate.forges.github import GitHub
    from changegate.forges.gitlab import GitLab

_BY_TRAILERS: Final = " Without one, --forge git judges by the commits' trailers alone, which whoever can push can write (assurance: asserted)."


def open_forge(given: Mapping[str, Any], pipeline: Pipeline) -> Forge:
    """The forge that the options name, else the pipeline's. Raises `InputError` where it can't be right, `ForgeError` where its token can't do."""
    name = given["forge_name"] or pipeline.forge
    if name == "git":
        from changegate.forges.git import Git

        return Git(Path(given["workspace"]), timeout=given["timeout"], on_request=publish.request_logger(verbose=given["verbose"]))
    if name == "gitlab":
        return open_gitlab(given, pipeline, workspace=Path(given["workspace"]), without=_BY_TRAILERS)
    return open_github(given, pipeline)


def open_reviewing(given: Mapping[str, Any], pipeline: Pipeline) -> Reviewing:
    """The forge on which changes are reviewed: the one that the options name, else the pipeline's, else GitHub. Raises as `open_forge`."""
    if given["forge_name"] == "git":
        raise InputError(
            "a bare git history has no open changes to preview",
            remedy="Ask the forge on which they are reviewed: --forge github or --forge gitlab, with --repository.",
        )
    if (given["forge_name"] or pipeline.forge) == "gitlab":
        return open_gitlab(given, pipeline)
    return open_github(given, pipeline)


def open_github(given: Mapping[str, Any], pipeline: Pipeline) -> "GitHub":
    """GitHub, with the token of the environment. Raises `InputError` or `ForgeError`."""
    from changegate.forges.github import API_URL, GitHub

    repository = given["repository"] or pipeline.repository
    if not repository:
        raise InputError("--repository is missing", remedy="Name the repository on GitHub: --repository owner/name.")
    return GitHub(
        repository,
        os.environ.get("CHANGEGATE_TOKEN") or os.environ.get("GITHUB_TOKEN") or "",
        api_url=given["api_url"] or _own_api(pipeline, "github") or API_URL,
        timeout=given["timeout"],
        on_request=publish.request_logger(verbose=given["verbose"]),
    )


def open_gitlab(given: Mapping[str, Any], pipeline: Pipeline, *, workspace: Path | None = None, without: str = "") -> "GitLab":
    """GitLab, with the token of the environment; `without` says what else can be done where there is none. Raises `InputError` or `ForgeError`."""
    from changegate.forges.gitlab import API_URL, GitLab

    repository = given["repository"] or pipeline.repository
    if not repository:
        raise InputError("--repository is missing", remedy="Name the project on GitLab by its whole path: --repository group/project.")
    return GitLab(
        repository,
        find_gitlab_token(os.environ, without=without),
        workspace=workspace,
        job_token=os.environ.get("CI_JOB_TOKEN", ""),
        api_url=given["api_url"] or _own_api(pipeline, "gitlab") or API_URL,
        timeout=given["timeout"],
        on_request=publish.request_logger(verbose=given["verbose"]),
    )


def has_gitlab_token() -> bool:
    """Whether the environment holds a token for GitLab besides the job's own."""
    return bool(os.environ.get("CHANGEGATE_TOKEN") or os.environ.get("GITLAB_TOKEN"))


def _own_api(pipeline: Pipeline, forge: str) -> str:
    """The API that the CI names, where it is that forge's: no other may be given the token."""
    return pipeline.api_url if pipeline.forge == forge else ""


def find_gitlab_token(environ: Mapping[str, str], *, without: str = "") -> str:
    """The token for GitLab. Raises `ForgeError` where there is none, or where it is the job's own, whose prefix an administrator may have changed."""
    from changegate.forges.gitlab.faults import NEEDED

    token = environ.get("CHANGEGATE_TOKEN") or environ.get("GITLAB_TOKEN") or ""
    own = environ.get("CI_JOB_TOKEN", "")
    if not token:
        why = "; the job's own CI_JOB_TOKEN can't read approvals, nor the versions of a merge request" if own else ""
        raise ForgeError(f"no token for GitLab{why}", remedy=f"{NEEDED}{without}")
    if token == own:
        raise ForgeError("CHANGEGATE_TOKEN (or GITLAB_TOKEN) holds CI_JOB_TOKEN, which can't read approvals: nothing could be judged", remedy=NEEDED)
    return token


_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""What the runner takes for yes (Go's strconv.ParseBool)."""


def refuse_trace(environ: Mapping[str, str]) -> None:
    """Raise `InputError` in a job of GitLab whose log shows every variable: what it has shown is no secret any more."""
    if environ.get("GITLAB_CI") == "true" and environ.get("CI_DEBUG_TRACE") in _TRUE:
        raise InputError(
            "CI_DEBUG_TRACE is on: GitLab prints every variable of this job into its log, the token and the signing key among them",
            remedy="Take the variable away and run the job again; erase this job's log, and make token and key anew if anybody else could read it.",
        )


def find_policy(name: str | None, workspace: Path) -> PolicyFile | None:
    """REF:PATH, or a file from outside the work tree that is judged: what lies in it, whoever wrote the change wrote, too.

    A name with a colon is never a file (write ./ before it), so that no file of the change can take the place of REF:PATH.
    """
    if not name:
        return None
    ref, colon, inside = name.partition(":")
    if colon and not name.startswith(("/", "./", "../")):
        if not ref or not inside:
            raise InputError(
                f"--policy {name}: neither a file nor REF:PATH", remedy="Name a file, or a commit and a path in it: v1.4.0:.changegate.yml"
            )
        return PolicyFile(name, ref=ref, path=inside)
    path = Path(name)
    if any(_is_judged(path, root) for root in (Path.cwd(), workspace)):
        raise InputError(
            f"--policy {name} lies in the work tree that is being judged, where whoever wrote the change wrote it, too",
            remedy="Leave --policy out: the deployed policy holds. Or give a file outside the repository, or COMMIT:PATH of a deployed commit.",
        )
    return PolicyFile(name, data=options.read_file(name, "--policy"))


def _is_judged(path: Path, start: Path) -> bool:
    """Whether the path, as written or with its links followed, lies in the work tree around `start`.

    A repository of its own within it (a checkout with a `.git` directory, which no commit can hold) is another one; a submodule is not.
    """
    tree = next((each for each in (start.resolve(), *start.resolve().parents) if (each / ".git").exists()), None)
    if tree is None:
        return False
    for place in (Path(os.path.normpath(Path.cwd() / path)), path.resolve()):
        if place.is_relative_to(tree):
            between = [each for each in place.parents if each != tree and each.is_relative_to(tree)]
            if not any((each / ".git").is_dir() for each in between):
                return True
    return False


def name_policy(source: PolicySource) -> str:
    """Which policy held, in words."""
    match source.source:
        case "repository":
            return f"{source.path} at {source.ref[:10]}"
        case "file":
            return source.path
        case _:
            return "the defaults (no policy file)"


def print_report(report: render.Report, format_: str) -> None:
    """The report on standard output."""
    match format_:
        case "json":
            text = json.render(report)
        case "markdown":
            text = markdown.render(report)
        case _:
            text = terminal.render(report, width=options.width(), colour=options.colour())
    click.echo(text, nl=not text.endswith("\n"))


def publish_report(report: render.Report, dotenv: str | None, environ: Mapping[str, str]) -> None:
    """Hand the result to the CI: summary, annotations and step outputs on GitHub, a dotenv file where one is asked for."""
    publish.outputs(outputs.values(report), dotenv, environ)
    if environ.get("GITHUB_ACTIONS") != "true":
        return
    click.echo(annotations.render(report), nl=False)
    if environ.get("GITHUB_STEP_SUMMARY"):
        publish.append(environ["GITHUB_STEP_SUMMARY"], markdown.render(report))


def begin_reports(given: Mapping[str, Any]) -> None:
    """Write the files of a report of nothing judged, which any error leaves: an empty or an earlier one would look like success.

    Raises `InputError`.
    """
    why, remedy = "Nothing was judged.", "Read the end of the job's log: it says why, and what to do."
    if given["junit"]:
        publish.replace(given["junit"], junit.render_error(why, remedy))
    if given["summary"]:
        publish.replace(given["summary"], f"**{why}** {remedy}\n")


def publish_reports(report: render.Report, given: Mapping[str, Any]) -> None:
    """The report as JUnit XML and as Markdown, where they are asked for. Raises `InputError`."""
    if given["junit"]:
        publish.replace(given["junit"], junit.render(report))
    if given["summary"]:
        publish.replace(given["summary"], markdown.render(report))


def require_name(option: str, text: str) -> str:
    """The text, if it can name something. Raises `InputError`."""
    if not text or any(character < " " or character == "\x7f" for character in text):
        raise InputError(f"{option}: empty, or with a control character", remedy="Give a printable name.")
    return text
