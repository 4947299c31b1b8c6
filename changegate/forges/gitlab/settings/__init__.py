"""How a project on GitLab is set up, for `changegate doctor`. It only reads: every request is a GET."""

from changegate.facts import Unavailable
from changegate.forges.gitlab.client import Client
from changegate.forges.gitlab.settings.files import read_files, read_pipeline
from changegate.forges.gitlab.settings.look import look
from changegate.forges.gitlab.settings.project import read_maintainers, read_project, read_token, read_variables
from changegate.forges.gitlab.settings.protection import read_approvals, read_environment, read_protected, read_protected_environment
from changegate.gitlab_settings import GitLabSettings
from changegate.settings import Wanted

__all__ = ["read_settings"]


def read_settings(client: Client, project: str, given: str, wanted: Wanted) -> GitLabSettings:
    """Everything that the token shows. `project`: as a path of the API. Raises `ForgeError` where the project itself can't be seen."""
    state = read_project(client, project, given)
    branch = wanted.branch or state.default_branch
    root = f"/projects/{project}"
    lacking = Unavailable(why="GitLab Free has none", remedy="GitLab Premium has them.")
    return GitLabSettings(
        token=read_token(client, root),
        project=state,
        branch=branch,
        evidence=wanted.evidence_branch,
        protected=look(lambda: read_protected(client, root), "Maintainer"),
        approvals=look(lambda: read_approvals(client, root, branch), "Maintainer") if state.premium else lacking,
        environment=look(lambda: read_environment(client, root, wanted.environment), "Reporter"),
        protected_environment=read_protected_environment(client, root, wanted.environment) if state.premium else lacking,
        variables=look(lambda: read_variables(client, root), "Maintainer"),
        job_token_limited=look(lambda: client.get(f"{root}/job_token_scope").flag("inbound_enabled"), "Maintainer"),
        maintainers=look(lambda: read_maintainers(client, root), "Reporter"),
        pipeline=look(lambda: read_pipeline(client, root, branch), "Developer"),
        files=look(lambda: read_files(client, project, branch, wanted.policy_path), "Reporter"),
    )
