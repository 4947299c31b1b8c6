"""The files that decide whether the gate runs: the pipelines' configuration as GitLab puts it together, policy, templates, code owners."""

from functools import partial

from changegate.facts import CodeOwnersFile, Maybe
from changegate.forges.gitlab.client import Answer, Client
from changegate.forges.gitlab.owners import read_code_owners
from changegate.forges.gitlab.trusted import find_file, read_trusted, resolve
from changegate.gitlab_settings import Include, PipelineFile, RepositoryFiles
from changegate.settings import File


def read_pipeline(client: Client, root: str, branch: str) -> PipelineFile:
    """The whole configuration at the branch's head, `include` and `extends` resolved ("CI Lint"). Raises `ForgeError`."""
    answer = client.get(f"{root}/ci/lint", content_ref=branch)
    merged = answer.get("merged_yaml")
    errors = [str(each.value) for each in answer.items("errors")]
    if not answer.flag("valid") and not errors:
        errors = ["GitLab says that it is not valid, and not why"]
    includes = tuple(_include(each) for each in answer.items("includes"))
    return PipelineFile(str(merged.value).encode() if merged is not None else b"", includes, tuple(errors))


def _include(answer: Answer) -> Include:
    """One include; GitLab writes what belongs to a file of another project beside it."""
    location, kind = answer.text("location"), answer.text("type")
    extra = answer.value.get("extra") if isinstance(answer.value, dict) else None
    extra = extra if isinstance(extra, dict) else {}
    if kind == "component":
        location, _, ref = location.rpartition("@")
        return Include(kind, location, ref)
    return Include(kind, f"{extra.get('project', '')} {location}".strip(), str(extra.get("ref") or ""))


def read_files(client: Client, project: str, branch: str, policy_path: str) -> RepositoryFiles:
    """What `branch` holds. Raises `ForgeError` where not even its head can be seen."""
    commit = resolve(client, project, branch)
    trusted = read_trusted(client, project, commit, policy_path)
    owners = read_code_owners(partial(find_file, client, project, commit), commit)
    return RepositoryFiles(commit, trusted.policy, trusted.templates, _file(owners))


def _file(owners: Maybe[CodeOwnersFile]) -> Maybe[File]:
    return File(owners.path, owners.text.encode()) if isinstance(owners, CodeOwnersFile) else owners
