"""The comparison, commits, accounts and error bodies by REST; `settings` has the rest. The shapes follow GitHub's published OpenAPI description."""

from typing import Any
from urllib.parse import unquote

from doubles.github.state import Account, Hub, Repository
from doubles.objects import GitCommit, Person, object_id

DOCS = "https://docs.github.com/rest"


def error(status: int, message: str) -> dict[str, Any]:
    """GitHub's body of an error."""
    return {"message": message, "documentation_url": DOCS, "status": str(status)}


def compare(hub: Hub, permissions: frozenset[str], path: str, page: int, size: int, api: str) -> tuple[int, dict[str, Any], dict[str, str]]:
    """`GET /repos/{owner}/{repo}/compare/{base}...{head}`: status, body and headers besides."""
    _, _, owner, name, _, spec = path.split("/", 5)
    repo = hub.repositories.get(f"{owner}/{name}".lower())
    if repo is None or repo.private:
        return 404, error(404, "Not Found"), {}
    if "contents" not in permissions:
        return 403, error(403, "Resource not accessible by integration"), {"X-Accepted-GitHub-Permissions": "contents=read"}
    base, head = (repo.resolve(unquote(revision)) for revision in spec.split("...", 1))
    if base is None or head is None:
        return 404, error(404, "Not Found"), {}
    if not repo.ancestors(base) & repo.ancestors(head):
        return 404, error(404, f"No common ancestor between {base} and {head}."), {}
    return 200, _comparison(hub, repo, base, head, page, size, f"{api}/repos/{repo.name}"), {}


def files(hub: Hub, permissions: frozenset[str], path: str, page: int, size: int, api: str) -> tuple[int, Any, dict[str, str]]:
    """`GET /repos/{owner}/{repo}/pulls/{pull_number}/files`: status, body and headers besides. No more than 3,000 are ever listed."""
    _, _, owner, name, _, number, _ = path.split("/", 6)
    repo = hub.repositories.get(f"{owner}/{name}".lower())
    pull = repo.pulls.get(int(number)) if repo and not repo.private else None
    if repo is None or pull is None:
        return 404, error(404, "Not Found"), {}
    if "pull_requests" not in permissions:
        return 403, error(403, "Resource not accessible by integration"), {"X-Accepted-GitHub-Permissions": "pull_requests=read"}
    after = repo.commits[pull.head].files
    listed = [
        {
            "sha": object_id("blob", after.get(changed, b"")),
            "filename": changed,
            "status": status,
            "additions": 1,
            "deletions": 0,
            "changes": 1,
            "blob_url": f"https://github.com/{repo.name}/blob/{pull.head}/{changed}",
            "raw_url": f"https://github.com/{repo.name}/raw/{pull.head}/{changed}",
            "contents_url": f"{api}/repos/{repo.name}/contents/{changed}?ref={pull.head}",
            **({"previous_filename": was} if was else {}),
        }
        for changed, status, was in pull.files[:3000]
    ]
    return 200, listed[(page - 1) * size : page * size], {}


def _comparison(hub: Hub, repo: Repository, base: str, head: str, page: int, size: int, url: str) -> dict[str, Any]:
    ahead, behind = repo.between(base, head), repo.between(head, base)
    relation = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    web = f"https://github.com/{repo.name}/compare/{base}...{head}"
    return {
        "url": f"{url}/compare/{base}...{head}",
        "html_url": web,
        "permalink_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "base_commit": commit(hub, repo, repo.commits[base], url),
        "merge_base_commit": commit(hub, repo, repo.commits[repo.merge_base(base, head)], url),
        "status": relation,
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "commits": [commit(hub, repo, each, url) for each in ahead[(page - 1) * size : page * size]],
        "files": [],
    }


def commit(hub: Hub, repo: Repository, commit: GitCommit, url: str) -> dict[str, Any]:
    """A commit, as in a list or a comparison."""

    def parent(sha: str) -> dict[str, str]:
        return {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"https://github.com/{repo.name}/commit/{sha}"}

    return {
        "url": f"{url}/commits/{commit.sha}",
        "sha": commit.sha,
        "node_id": f"Commit|{repo.name}|{commit.sha}",
        "html_url": f"https://github.com/{repo.name}/commit/{commit.sha}",
        "comments_url": f"{url}/commits/{commit.sha}/comments",
        "commit": {
            "url": f"{url}/git/commits/{commit.sha}",
            "author": {"name": commit.author.name, "email": commit.author.email, "date": "2026-01-05T09:00:00Z"},
            "committer": {"name": commit.committer.name, "email": commit.committer.email, "date": "2026-01-05T09:00:00Z"},
            "message": commit.message,
            "comment_count": 0,
            "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
            "verification": {
                "verified": commit.signed in {"user", "github"},
                "reason": "valid" if commit.signed in {"user", "github"} else "unsigned",
                "payload": None,
                "signature": None,
                "verified_at": None,
            },
        },
        "author": account(hub, commit.author, url),
        "committer": account(hub, commit.committer, url),
        "parents": [parent(sha) for sha in commit.parents],
    }


def account(hub: Hub, person: Person, url: str) -> dict[str, Any] | None:
    """The account that a person's e-mail leads to."""
    return simple_user(hub.by_email(person.email), url)


def simple_user(account: Account | None, url: str) -> dict[str, Any] | None:
    """An account, as GitHub shows it beside other things."""
    if account is None:
        return None
    login = f"{account.login}[bot]" if account.kind == "Bot" else account.login
    at = f"{url.split('/repos/')[0]}/users/{login.replace('[', '%5B').replace(']', '%5D')}"
    links = ("followers", "subscriptions", "organizations", "repos", "received_events")
    return {
        "login": login,
        "id": account.id,
        "node_id": f"{account.kind}||{account.id}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{account.id}",
        "gravatar_id": "",
        "url": at,
        "html_url": f"https://github.com/{account.login}",
        **{f"{link}_url": f"{at}/{link}" for link in links},
        "following_url": f"{at}/following{{/other_user}}",
        "gists_url": f"{at}/gists{{/gist_id}}",
        "starred_url": f"{at}/starred{{/owner}}{{/repo}}",
        "events_url": f"{at}/events{{/privacy}}",
        "type": account.kind if account.kind in {"User", "Bot"} else "User",
        "site_admin": False,
    }
