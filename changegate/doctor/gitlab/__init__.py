"""What is set up around the gate on GitLab and what isn't. Pure; the report, the areas and what needs no forge are the same as on GitHub."""

from collections.abc import Iterator

from changegate.doctor.check import Check, State
from changegate.doctor.evidence import judge_key, judge_store
from changegate.doctor.gitlab.environment import judge_environment, judge_variables
from changegate.doctor.gitlab.pipeline import judge_pipeline
from changegate.doctor.gitlab.project import judge_people, judge_project, judge_token
from changegate.doctor.gitlab.protection import judge_deployed, judge_evidence, judge_merging
from changegate.doctor.local import Local
from changegate.doctor.policy import Places, judge_owners, judge_policy, judge_templates
from changegate.doctor.trackers import judge_trackers
from changegate.facts import Unavailable
from changegate.gitlab_settings import GitLabSettings
from changegate.settings import Wanted

__all__ = ["judge"]

_PLACES = Places(".gitlab/merge_request_templates/Default.md", ".gitlab/CODEOWNERS", ("/.changegate.yml", "/.gitlab-ci.yml", "/.gitlab/"))


def judge(settings: GitLabSettings, wanted: Wanted, local: Local) -> tuple[Check, ...]:
    """Every check, in the order of the areas."""
    return (
        *judge_token(settings.token, local.at),
        *judge_project(settings.project, settings.job_token_limited),
        judge_people(settings.maintainers, settings.project.url),
        *judge_deployed(settings.protected, settings.branch, settings.project),
        *judge_merging(settings.approvals, settings.project),
        *(judge_evidence(settings.protected, settings.evidence, settings.project.url) if settings.evidence else ()),
        *judge_environment(settings.environment, settings.protected_environment, wanted.environment, settings.project),
        *judge_variables(settings.variables, wanted.environment, settings.project.url),
        *judge_pipeline(settings.pipeline, wanted.environment, settings.project.url),
        *_judge_files(settings, wanted),
        *judge_trackers(local.trackers),
        *judge_store(local.store, local.at),
        *judge_key(local.key, local.at),
    )


def _judge_files(settings: GitLabSettings, wanted: Wanted) -> Iterator[Check]:
    files, url = settings.files, settings.project.url
    if isinstance(files, Unavailable):
        yield Check("files-readable", "policy", State.UNKNOWN, files.why, "the policy says what a change needs", files.remedy, url)
        return
    tree = f"{url}/-/blob/{files.commit}"
    yield from judge_policy(files.policy, wanted.environment, wanted.policy_path, f"{tree}/{wanted.policy_path}")
    yield judge_templates(files.templates, f"{url}/-/tree/{files.commit}", _PLACES)
    yield judge_owners(files.owners, (wanted.policy_path, ".gitlab-ci.yml"), tree, _PLACES)
