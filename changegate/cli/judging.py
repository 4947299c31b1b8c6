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
from changegate.record import PolicySource
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
    """A file where there is one of that name, else REF:PATH. A file of the work tree that is judged is refused: nobody reviewed it."""
    if not name:
        return None
    path = Path(name)
    if path.is_file():
        tree = _work_tree(path.resolve().parent)
        if tree is not None and tree in (_work_tree(Path.cwd()), _work_tree(workspace.resolve())):
            inside = path.resolve().relative_to(tree)
            raise InputError(
                f"--policy {name} lies in the work tree that is being judged, where whoever wrote the change wrote it, too",
                remedy=f"Name a reviewed one: --policy main:{inside}, or a file outside the repository. Without --policy the deployed one holds.",
            )
        return PolicyFile(name, data=options.read_file(name, "--policy"))
    ref, colon, inside_path = name.partition(":")
    if not colon or not ref or not inside_path:
        raise InputError(f"--policy {name}: no such file", remedy="Name a file, or REF:PATH in the repository, such as main:.changegate.yml.")
    return PolicyFile(name, ref=ref, path=inside_path)


def _work_tree(directory: Path) -> Path | None:
    return next((each for each in (directory, *directory.parents) if (each / ".git").exists()), None)


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
