"""What is set up around the gate and what isn't: settings in, checks out. Pure; `changegate.settings` says where the settings come from.

A check never says good of what could not be seen.
"""

from changegate.doctor.access import judge_repository, judge_token
from changegate.doctor.branches import judge_deployed, judge_evidence
from changegate.doctor.check import AREAS, Check, State
from changegate.doctor.environment import judge_environment
from changegate.doctor.evidence import KeyState, StoreState, judge_key, judge_store
from changegate.doctor.local import Local
from changegate.doctor.policy import judge_files
from changegate.doctor.trackers import TrackerState, judge_trackers
from changegate.doctor.workflows import judge_workflows
from changegate.errors import ExitCode
from changegate.facts import Unavailable
from changegate.settings import Settings, Wanted

__all__ = [
    "AREAS",
    "Check",
    "KeyState",
    "Local",
    "State",
    "StoreState",
    "TrackerState",
    "exit_code",
    "judge",
    "judge_key",
    "judge_local",
    "judge_store",
]


def judge(settings: Settings, wanted: Wanted, local: Local) -> tuple[Check, ...]:
    """Every check, in the order of the areas."""
    url = settings.repository.url
    files = settings.files
    found = [
        *judge_repository(settings.repository),
        *judge_token(settings.token, must_push=settings.evidence is not None),
        *judge_deployed(settings.branch, url),
        *(judge_evidence(settings.evidence, url) if settings.evidence is not None else ()),
        *judge_environment(settings.environment, wanted.environment, settings.branch.name, url),
    ]
    if isinstance(files, Unavailable):
        why = "the policy and the workflows say whether and how a deploy is judged"
        found.append(Check("files-readable", "workflows", State.UNKNOWN, files.why, why, files.remedy, url))
    else:
        tree = f"{url}/blob/{files.commit}"
        found += judge_workflows(files.workflows, wanted.environment, f"{url}/tree/{files.commit}/.github/workflows")
        found += judge_files(files, wanted.environment, wanted.policy_path, tree)
    return (*found, *judge_trackers(local.trackers), *judge_local(local))


def judge_local(local: Local) -> tuple[Check, ...]:
    """The checks that need no forge."""
    return (*judge_store(local.store, local.at), *judge_key(local.key, local.at))


def exit_code(checks: tuple[Check, ...]) -> ExitCode:
    """3 where something important is unknown, whatever else there is; 1 where something is bad; else 0."""
    if any(each.state is State.UNKNOWN and each.important for each in checks):
        return ExitCode.NOT_JUDGED
    return ExitCode.BLOCKED if any(each.state is State.BAD for each in checks) else ExitCode.ALLOWED
