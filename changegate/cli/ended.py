"""The status of the forge's own deployment, once the outcome is recorded: the record stands, whatever the forge says."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

import click

from changegate.cli import judging
from changegate.errors import ForgeError, InputError
from changegate.evidence.waiting import MAX_SKEW
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


class _Opened(NamedTuple):
    """A forge that was opened for a deploy's end."""

    set: Callable[[], tuple[int, str] | None]
    """Sets the status of the deploy's deployment: its number and its last state, or None where there is none. Raises `ForgeError`, `InputError`."""
    clock: Callable[[], datetime | None]


def set_status(
    end: End, given: Mapping[str, Any], pipeline: Pipeline, *, now: Callable[[], datetime]
) -> tuple[DeploymentStatus | None, tuple[str, ...]]:
    """The forge's deployment with its new state, where there is one, and what is to be warned of.

    The forge is asked after the outcome was recorded, so a wrong clock of this machine (`now`) can only be told of: the record stands.
    """
    forge, open_ = _FORGES.get(given["forge_name"] or pipeline.forge, ("", None))
    if open_ is None:
        return None, ()
    opened, written, warnings = None, None, tuple[str, ...]()
    try:
        opened = open_(end, {**given, "repository": end.repository}, pipeline)
        written = opened.set() if opened else None
    except (ForgeError, InputError) as error:
        warnings += (f"recorded, but {forge}'s deployment has no status of it: {error.message} → {error.remedy}",)
    else:
        if written is None and given["verbose"]:
            click.echo(f"{forge} has no deployment that belongs to this deploy: no status is set", err=True)
    if opened is not None:
        warnings += _compare_clocks(forge, opened.clock(), now())
    return (DeploymentStatus(forge, *written) if written is not None else None), warnings


def _compare_clocks(forge: str, theirs: datetime | None, ours: datetime) -> tuple[str, ...]:
    if theirs is None or abs(ours - theirs) <= MAX_SKEW:
        return ()
    seconds = int((ours - theirs).total_seconds())
    how = "ahead of" if seconds > 0 else "behind"
    return (f"recorded by a wrong clock: this runner's is {abs(seconds)} s {how} {forge}'s → Set it (NTP). The record's times are by it, and stay.",)


def _open_github(end: End, given: Mapping[str, Any], pipeline: Pipeline) -> _Opened:
    from changegate.forges.github.deployments import Ended

    forge = judging.open_github(given, pipeline)
    ended = Ended(
        outcome=end.outcome,
        sha=end.sha,
        environment=end.environment,
        ref=end.ref,
        run=end.run,
        description=end.description,
        log_url=end.log_url,
        environment_url=end.environment_url,
    )
    return _Opened(partial(forge.set_deployment_status, ended), forge.clock)


def _open_gitlab(end: End, given: Mapping[str, Any], pipeline: Pipeline) -> _Opened | None:
    """Without a token nothing is asked, unless GitLab is named: it follows the deployments of its own jobs by itself."""
    from changegate.forges.gitlab.deployments import Ended

    if not given["forge_name"] and not judging.has_gitlab_token():
        return None
    forge = judging.open_gitlab(given, pipeline)
    return _Opened(partial(forge.set_deployment_status, Ended(end.outcome, end.environment, end.sha)), forge.clock)


_Open = Callable[[End, Mapping[str, Any], Pipeline], _Opened | None]
_FORGES: Final[Mapping[str, tuple[str, _Open]]] = {"github": ("GitHub", _open_github), "gitlab": ("GitLab", _open_gitlab)}
