"""GitLab's REST entities, as its server writes them (lib/api/entities of gitlab-org/gitlab)."""

from datetime import datetime
from typing import Any, TypeAlias

from doubles.gitlab.request import Approval, Note, Request, Version
from doubles.gitlab.state import Deployed, Hub, Issue, Project, Status, User
from doubles.objects import GitCommit

Json: TypeAlias = dict[str, Any]

MOST_FILES = 1000
"""How many changed files a server keeps by default ("Diff limits administration")."""


def moment(at: datetime | None) -> str | None:
    """A time as GitLab writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None


def user_basic(user: User, root: str) -> Json:
    """`UserBasic`."""
    user = user.shown
    return {
        "id": user.id,
        "username": user.username,
        "public_email": user.public_email,
        "name": user.username.title(),
        "state": user.state,
        "locked": False,
        "avatar_url": f"{root}/uploads/-/system/user/avatar/{user.id}/avatar.png",
        "web_url": f"{root}/{user.username}",
    }


def user(account: User, root: str) -> Json:
    """`User`, as others see it."""
    return {**user_basic(account, root), "created_at": "2025-01-01T00:00:00.000Z", "bio": "", "location": "", "bot": account.bot, "followers": 0}


def member(account: User, level: int, root: str) -> Json:
    """`Member`."""
    return {
        **user_basic(account, root),
        "created_at": "2025-01-01T00:00:00.000Z",
        "access_level": level,
        "expires_at": None,
        "membership_state": "active",
    }


def project(found: Project, root: str) -> Json:
    """`Project`, in part."""
    name = found.path.rpartition("/")[2]
    return {
        "id": found.id,
        "description": None,
        "name": name,
        "path": name,
        "path_with_namespace": found.path,
        "created_at": "2025-01-01T00:00:00.000Z",
        "default_branch": found.default_branch,
        "web_url": f"{root}/{found.path}",
        "archived": False,
        "visibility": "private",
        **found.setup.project,
        **({"approvals_before_merge": 0} if found.setup.premium else {}),
    }


def commit(found: GitCommit, project: Project, root: str) -> Json:
    """`Commit`."""
    title = found.message.split("\n", 1)[0]
    return {
        "id": found.sha,
        "short_id": found.sha[:8],
        "created_at": moment(found.at),
        "parent_ids": list(found.parents),
        "title": title,
        "message": found.message,
        "author_name": found.author.name,
        "author_email": found.author.email,
        "authored_date": moment(found.at),
        "committer_name": found.committer.name,
        "committer_email": found.committer.email,
        "committed_date": moment(found.at),
        "trailers": {},
        "web_url": f"{root}/{project.path}/-/commit/{found.sha}",
    }


def merge_request(found: Request, root: str) -> Json:
    """`MergeRequestBasic`, as lists have it."""
    project = found.project
    return {
        "id": found.id,
        "iid": found.iid,
        "project_id": project.id,
        "title": found.title,
        "description": found.description,
        "state": found.state,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.merged_at or found.versions[-1].at),
        "merged_by": user_basic(found.merged_by, root) if found.merged_by else None,
        "merge_user": user_basic(found.merged_by, root) if found.merged_by else None,
        "merged_at": moment(found.merged_at),
        "target_branch": found.target,
        "source_branch": found.source,
        "author": user_basic(found.author, root),
        "source_project_id": found.home.id,
        "target_project_id": project.id,
        "labels": sorted(found.labels),
        "draft": found.draft,
        "reviewers": [user_basic(project.hub.users[number], root) for number in found.reviewers],
        "detailed_merge_status": "mergeable" if found.state == "opened" else "not_open",
        "sha": found.head,
        "merge_commit_sha": found.merge_commit_sha,
        "squash_commit_sha": found.squash_commit_sha,
        "reference": f"!{found.iid}",
        "references": {"short": f"!{found.iid}", "relative": f"!{found.iid}", "full": f"{project.path}!{found.iid}"},
        "web_url": f"{root}/{project.path}/-/merge_requests/{found.iid}",
        "squash": found.squash_commit_sha is not None,
        "has_conflicts": False,
    }


def merge_request_alone(found: Request, root: str) -> Json:
    """`MergeRequest`, by itself: with its pipeline. `approved` is of no worth: GitLab's free tier says true to everything."""
    sha = found.pipeline_sha or found.head
    statuses = [status for status in found.runs_in.statuses if status.sha == sha]
    newest = max(statuses, key=lambda status: status.pipeline, default=None)
    pipeline = (
        {
            "id": newest.pipeline,
            "iid": 1,
            "project_id": found.runs_in.id,
            "sha": sha,
            "ref": f"refs/merge-requests/{found.iid}/{'merge' if found.pipeline_sha else 'head'}",
            "status": newest.status,
            "source": "merge_request_event",
        }
        if newest
        else None
    )
    version = found.versions[-1]
    refs = {"base_sha": version.base, "head_sha": version.head, "start_sha": version.start}
    return {**merge_request(found, root), "head_pipeline": pipeline, "pipeline": pipeline, "diff_refs": refs, "changes_count": changes_count(found)}


def changed_paths(found: Request) -> list[str]:
    """What its newest version touches."""
    version = found.versions[-1]
    before, after = (found.project.commits[sha].files for sha in (version.base, version.head))
    return sorted(path for path in {*before, *after} if before.get(path) != after.get(path))


def changes_count(found: Request) -> str:
    """How many, as GitLab says it ("Merge requests API", single merge request response notes)."""
    count = len(changed_paths(found))
    return str(count) if count <= MOST_FILES else f"{MOST_FILES}+"


def version(found: Version, request: Request) -> Json:
    """`MergeRequestDiff`."""
    return {
        "id": found.id,
        "head_commit_sha": found.head,
        "base_commit_sha": found.base,
        "start_commit_sha": found.start,
        "created_at": moment(found.at),
        "merge_request_id": request.id,
        "state": "collected",
        "real_size": "1",
        "patch_id_sha": None,
    }


def version_alone(found: Version, request: Request, root: str) -> Json:
    """`MergeRequestDiffFull`: with its commits, the newest first."""
    commits = [commit(each, request.project, root) for each in reversed(found.commits)]
    return {**version(found, request), "commits": commits, "diffs": []}


def approvals(request: Request, hub: Hub, root: str) -> Json:
    """`MergeRequestApprovals`. On the free tier `approved` is true whatever was approved."""
    return {
        "user_has_approved": False,
        "user_can_approve": False,
        "approved": True,
        "approved_by": [_approval(each, hub, root) for each in request.approvals],
    }


def _approval(found: Approval, hub: Hub, root: str) -> Json:
    return {"user": user_basic(found.user, root), **({"approved_at": moment(found.at)} if hub.approval_times else {})}


def note(found: Note, request: Request, root: str) -> Json:
    """`Note`."""
    return {
        "id": found.id,
        "type": None,
        "body": found.body,
        "author": user_basic(found.author, root),
        "created_at": moment(found.at),
        "updated_at": moment(found.at),
        "system": found.system,
        "noteable_id": request.id,
        "noteable_type": "MergeRequest",
        "noteable_iid": request.iid,
        "resolvable": False,
        "confidential": False,
        "internal": False,
    }


def issue(found: Issue, project: Project, root: str) -> Json:
    """`Issue`, in part."""
    return {
        "id": found.id,
        "iid": found.iid,
        "project_id": project.id,
        "title": found.title,
        "description": found.description or None,
        "labels": list(found.labels),
        "state": found.state,
        "created_at": moment(found.created_at),
        "references": {"short": f"#{found.iid}", "relative": f"#{found.iid}", "full": f"{project.path}#{found.iid}"},
        "web_url": f"{root}/{project.path}/-/issues/{found.iid}",
        "author": user_basic(found.author, root) if found.author else None,
        "confidential": found.confidential,
        "issue_type": found.type,
    }


def deployment(found: Deployed, project: Project, hub: Hub, root: str) -> Json:
    """`Deployment`."""
    by = next(iter(hub.users.values()))
    job = None
    if found.job is not None:
        job = {
            "id": found.job,
            "status": found.status,
            "stage": "deploy",
            "name": "deploy",
            "ref": found.ref,
            "finished_at": moment(found.at),
            "web_url": f"{root}/{project.path}/-/jobs/{found.job}",
        }
    return {
        "id": found.id,
        "iid": found.iid,
        "ref": found.ref,
        "sha": found.sha,
        "created_at": moment(found.at),
        "updated_at": moment(found.at),
        "status": found.status,
        "user": user_basic(by, root),
        "environment": {"id": 9, "name": found.environment, "slug": "environment", "external_url": None, "state": "available"},
        "deployable": job,
    }


def status(found: Status, hub: Hub, root: str) -> Json:
    """`CommitStatus`."""
    finished = found.status in {"success", "failed", "canceled", "skipped"}
    return {
        "id": found.id,
        "sha": found.sha,
        "ref": "main",
        "status": found.status,
        "name": found.name,
        "target_url": found.target_url,
        "description": found.description,
        "created_at": moment(found.at),
        "started_at": moment(found.at),
        "finished_at": moment(found.at) if finished else None,
        "allow_failure": found.allow_failure,
        "coverage": None,
        "pipeline_id": found.pipeline,
        "author": user_basic(found.set_by or next(iter(hub.users.values())), root),
    }
