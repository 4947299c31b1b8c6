"""What the commands that judge have in common: the forge, the policy that is named, the report and where it goes."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from changegate import render
from changegate.cli import options, publish
from changegate.errors import InputError
from changegate.forges import Forge
from changegate.gate import PolicyFile
from changegate.pipeline import Pipeline
from changegate.recorded import PolicySource
from changegate.render import annotations, json, markdown, outputs, terminal

if TYPE_CHECKING:
    from changegate.forges.github import GitHub


def open_forge(given: Mapping[str, Any], pipeline: Pipeline) -> Forge:
    """The forge that the options name, else the pipeline's. Raises `InputError` where it can't be right."""
    name = given["forge_name"] or pipeline.forge
    if name == "git":
        from changegate.forges.git import Git

        return Git(Path(given["workspace"]), timeout=given["timeout"], on_request=publish.request_logger(verbose=given["verbose"]))
    return open_github(given, pipeline)


def open_github(given: Mapping[str, Any], pipeline: Pipeline) -> "GitHub":
    """GitHub, with the token of the environment. Raises `InputError` or `ForgeError`."""
    from changegate.forges.github import GitHub

    repository = given["repository"] or pipeline.repository
    if not repository:
        raise InputError("--repository is missing", remedy="Name the repository on GitHub: --repository owner/name.")
    return GitHub(
        repository,
        os.environ.get("CHANGEGATE_TOKEN") or os.environ.get("GITHUB_TOKEN") or "",
        api_url=given["api_url"] or pipeline.api_url or "https://api.github.com",
        timeout=given["timeout"],
        on_request=publish.request_logger(verbose=given["verbose"]),
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


def require_name(option: str, text: str) -> str:
    """The text, if it can name something. Raises `InputError`."""
    if not text or any(character < " " or character == "\x7f" for character in text):
        raise InputError(f"{option}: empty, or with a control character", remedy="Give a printable name.")
    return text
