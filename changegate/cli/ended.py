"""The status of the forge's own deployment, once the outcome is recorded: the record stands, whatever the forge says."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import click

from changegate.cli import judging
from changegate.errors import ForgeError, InputError
from changegate.pipeline import Pipeline
from changegate.render.outcome import DeploymentStatus


class End(NamedTuple):
    """A deploy that ended, as its gate decision and its outcome say."""

    outcome: str
    repository: str
    environment: str
    sha: str
    ref: str
    run: str
    description: str
    log_url: str
    environment_url: str


def set_status(end: End, given: Mapping[str, Any], pipeline: Pipeline) -> tuple[DeploymentStatus | None, tuple[str, ...]]:
    """The forge's deployment with its new state, where there is one, and what is to be warned of."""
    forge, setter = _SETTERS.get(given["forge_name"] or pipeline.forge, ("", None))
    if setter is None:
        return None, ()
    try:
        written = setter(end, {**given, "repository": end.repository}, pipeline)
    except (ForgeError, InputError) as error:
        return None, (f"recorded, but {forge}'s deployment has no status of it: {error.message} → {error.remedy}",)
    if written is None:
        if given["verbose"]:
            click.echo(f"{forge} has no deployment that belongs to this deploy: no status is set", err=True)
        return None, ()
    return DeploymentStatus(forge, *written), ()


def _on_github(end: End, given: Mapping[str, Any], pipeline: Pipeline) -> tuple[int, str] | None:
    from changegate.forges.github.deployments import Ended

    return judging.open_github(given, pipeline).set_deployment_status(
        Ended(
            outcome=end.outcome,
            sha=end.sha,
            environment=end.environment,
            ref=end.ref,
            run=end.run,
            description=end.description,
            log_url=end.log_url,
            environment_url=end.environment_url,
        )
    )


def _on_gitlab(end: End, given: Mapping[str, Any], pipeline: Pipeline) -> tuple[int, str] | None:
    """Without a token nothing is asked, unless GitLab is named: it follows the deployments of its own jobs by itself."""
    from changegate.forges.gitlab.deployments import Ended

    if not given["forge_name"] and not judging.has_gitlab_token():
        return None
    return judging.open_gitlab(given, pipeline).set_deployment_status(Ended(end.outcome, end.environment, end.sha))


_Setter = Callable[[End, Mapping[str, Any], Pipeline], tuple[int, str] | None]
_SETTERS: Final[Mapping[str, tuple[str, _Setter]]] = {"github": ("GitHub", _on_github), "gitlab": ("GitLab", _on_gitlab)}
