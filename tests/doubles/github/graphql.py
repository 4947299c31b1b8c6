"""GitHub's GraphQL API over the double's state: graphql-core executes the query over `schema.graphql`, these functions answer the fields.

A field that the schema doesn't have fails, as it would on GitHub. Ids are `<Type>:<repository>:<what>`.
"""

import base64
from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from graphql import DocumentNode, GraphQLError, GraphQLSchema, build_schema, execute_sync, parse, validate

from doubles.github.pull import Comment, Event, Pull, Reviewed
from doubles.github.state import CLOSING, Account, Deployed, Hub, Issue, Reported, Repository
from doubles.objects import GitCommit, Person, entries, object_id, tree_id

Node: TypeAlias = dict[str, Any]
_INT_MAX = 2**31 - 1
_ACTIONS_APP = 15368


@cache
def schema() -> GraphQLSchema:
    """The double's schema."""
    return build_schema(Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8"))


def execute(hub: Hub, permissions: frozenset[str], body: Mapping[str, Any], host: str, viewer: Account) -> dict[str, Any]:
    """The answer to a GraphQL request, in GitHub's form: an error's `type` stands beside its message."""
    root = _Api(hub, permissions, host, viewer)
    document, refused = _checked(body["query"])
    if refused:
        return {"errors": [{"message": error.message, "extensions": {"code": "undefinedField"}} for error in refused]}
    result = execute_sync(schema(), document, root.query(), variable_values=body.get("variables"))
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [
            {
                "message": error.message,
                **({"type": (error.extensions or {})["type"]} if error.extensions else {}),
                **({"path": error.path} if error.path else {}),
            }
            for error in result.errors
        ]
    return answer


@lru_cache(maxsize=64)
def _checked(text: str) -> tuple[DocumentNode, tuple[GraphQLError, ...]]:
    document = parse(text)
    return document, tuple(validate(schema(), document))


class _Api:
    """One request's view: who asks decides what is seen."""

    def __init__(self, hub: Hub, permissions: frozenset[str], host: str, viewer: Account) -> None:
        self.viewer = viewer
        self.hub = hub
        self.permissions = permissions
        self.host = host

    def need(self, permission: str) -> None:
        if permission not in self.permissions:
            raise GraphQLError("Resource not accessible by integration", extensions={"type": "FORBIDDEN"})

    # --- roots ---------------------------------------------------------------------------------------------------------------

    def query(self) -> Node:
        return {
            "organization": lambda _info, login: self.organization(login),
            "repository": lambda _info, owner, name, **_: self.named(owner, name),
            "node": lambda _info, id: self.by_id(id),  # noqa: A006 the schema's argument
            "nodes": lambda _info, ids: [self.by_id(each) for each in ids],
        }

    def named(self, owner: str, name: str) -> Node:
        repository = self.hub.repositories.get(f"{owner}/{name}".lower())
        if repository is None or repository.private:
            raise GraphQLError(f"Could not resolve to a Repository with the name '{owner}/{name}'.", extensions={"type": "NOT_FOUND"})
        return self.repository(repository)

    def by_id(self, node_id: str) -> Node | None:
        kind, name, what = node_id.split("|", 2)
        if kind == "Team":
            return self.team(name, what)
        repo = self.hub.repositories[name.lower()]
        if kind == "PullRequest":
            self.need("pull_requests")
            return self.pull(repo.pulls[int(what)])
        if kind == "Commit":
            return self.commit(repo, repo.commits[what])
        if kind == "StatusCheckRollup":
            return self.rollup(repo, what)
        if kind == "Deployment":
            return self.deployment(repo, next(each for each in repo.deployments if each.id == int(what)))
        raise GraphQLError(f"Could not resolve to a node with the global id of '{node_id}'", extensions={"type": "NOT_FOUND"})

    def organization(self, login: str) -> Node:
        if not any(name.split("/")[0] == login.lower() for name in self.hub.teams):
            raise GraphQLError(f"Could not resolve to an Organization with the login of '{login}'.", extensions={"type": "NOT_FOUND"})
        return {
            "__typename": "Organization",
            "id": f"Organization|{login}|",
            "login": login,
            "databaseId": 1,
            "team": lambda _info, slug: self.team(login, slug),
        }

    def team(self, organization: str, slug: str) -> Node | None:
        """GitHub says null of a team that isn't there, or is secret to whoever asks."""
        self.need("members")
        members = self.hub.teams.get(f"{organization}/{slug}".lower())
        if members is None:
            return None
        return {
            "__typename": "Team",
            "id": f"Team|{organization}|{slug}",
            "combinedSlug": f"{organization}/{slug}",
            "members": lambda _info, **page: connection([member for member in members if not member.deleted], self.actor, page),
        }

    # --- repository ----------------------------------------------------------------------------------------------------------

    def repository(self, repo: Repository) -> Node:
        return {
            **_head("Repository", repo, ""),
            "databaseId": repo.id,
            "nameWithOwner": repo.name,
            "defaultBranchRef": {**_head("Ref", repo, repo.default_branch), "name": repo.default_branch},
            "deployments": lambda _info, **page: self.deployments(repo, page),
            "issueOrPullRequest": lambda _info, number: self.issue_or_pull(repo, number),
            "object": lambda _info, **which: self.object(repo, **which),
            "pullRequest": lambda _info, number: self.numbered(repo, number),
            "refs": lambda _info, **which: self.tags(repo, which["first"]),
        }

    def tags(self, repo: Repository, first: int) -> Node:
        """The newest tags. A plain tag points to its commit; that of an annotated one is an object of its own."""
        self.need("contents")

        def target(name: str, sha: str) -> Node:
            commit = self.commit(repo, repo.commits[sha])
            return {**_head("Tag", repo, name), "oid": object_id("tag", name.encode()), "target": commit} if name in repo.annotated else commit

        newest = sorted(repo.tags.items(), key=lambda tag: repo.commits[tag[1]].order, reverse=True)[:first]
        return {"nodes": [{**_head("Ref", repo, f"tags/{name}"), "name": name, "target": target(name, sha)} for name, sha in newest]}

    def deployments(self, repo: Repository, page: Mapping[str, Any]) -> Node:
        self.need("deployments")
        wanted = page.get("environments")
        found = [each for each in reversed(repo.deployments) if wanted is None or each.environment in wanted]
        return connection(found, lambda each: self.deployment(repo, each), page)

    def deployment(self, repo: Repository, deployed: Deployed) -> Node:
        def status(index: int) -> Node:
            each = deployed.statuses[index]
            url = deployed.log_url(self.host, repo.name, each)
            return {**_head("DeploymentStatus", repo, f"{deployed.id}.{index}"), "state": each.state, "createdAt": _iso(each.at), "logUrl": url}

        newest_first = range(len(deployed.statuses) - 1, -1, -1)
        commit = repo.commits.get(deployed.sha)
        return {
            **_head("Deployment", repo, deployed.id),
            "environment": deployed.environment,
            "commitOid": deployed.sha,
            "createdAt": _iso(deployed.at),
            "commit": self.commit(repo, commit) if commit else None,
            "statuses": lambda _info, **page: connection(newest_first, status, page),
        }

    def issue_or_pull(self, repo: Repository, number: int) -> Node:
        self.need("issues")
        if number in repo.issues:
            return self.issue(repo, repo.issues[number])
        if number in repo.pulls:
            return self.pull(repo.pulls[number])
        raise GraphQLError(f"Could not resolve to an issue or pull request with the number of {number}.", extensions={"type": "NOT_FOUND"})

    def numbered(self, repo: Repository, number: int) -> Node:
        self.need("pull_requests")
        if number not in repo.pulls:
            raise GraphQLError(f"Could not resolve to a PullRequest with the number of {number}.", extensions={"type": "NOT_FOUND"})
        return self.pull(repo.pulls[number])

    def object(self, repo: Repository, expression: str | None = None, oid: str | None = None) -> Node | None:
        self.need("contents")
        if oid is not None:
            return self.commit(repo, repo.commits[oid]) if oid in repo.commits else None
        revision, colon, path = (expression or "").partition(":")
        sha = repo.resolve(revision)
        if sha is None:
            return None
        commit = repo.commits[sha]
        if not colon:
            return self.tag(repo, revision, commit) if revision in repo.tags else self.commit(repo, commit)
        if path in commit.files:
            return _blob(repo, commit.files[path])
        folder = f"{path}/" if path else ""
        return _tree(repo, commit, folder) if any(name.startswith(folder) for name in commit.files) else None

    def tag(self, repo: Repository, name: str, commit: GitCommit) -> Node:
        return {**_head("Tag", repo, name), "oid": object_id("tag", name.encode()), "target": self.commit(repo, commit)}

    # --- commits -------------------------------------------------------------------------------------------------------------

    def commit(self, repo: Repository, commit: GitCommit) -> Node:
        people = list(dict.fromkeys((commit.author, *_co_authors(commit.message))))
        signature = None
        if commit.signed:
            signature = {"__typename": "GpgSignature", "isValid": commit.signed != "invalid", "wasSignedByGitHub": commit.signed == "github"}
        return {
            **_head("Commit", repo, commit.sha),
            "oid": commit.sha,
            "message": commit.message,
            "tree": {**_head("Tree", repo, commit.tree), "oid": commit.tree},
            "parents": lambda _info, **page: connection(commit.parents, lambda sha: self.commit(repo, repo.commits[sha]), page),
            "author": self.git_actor(commit.author),
            "committer": self.git_actor(commit.committer),
            "authors": lambda _info, **page: connection(people, self.git_actor, page),
            "signature": signature,
            "statusCheckRollup": lambda _info: self.rollup(repo, commit.sha),
            "associatedPullRequests": lambda _info, **page: self.associated(repo, commit.sha, page),
        }

    def associated(self, repo: Repository, sha: str, page: Mapping[str, Any]) -> Node:
        """Merged pull requests with the commit; open ones besides, where the default branch hasn't got it."""
        self.need("pull_requests")
        on_default = sha in repo.ancestors(repo.head)
        found = [each for each in repo.pulls.values() if each.contains(sha) and (each.state == "MERGED" or not on_default or each.state == "OPEN")]
        return connection([] if repo.association_lag > 0 else found, self.pull, page)

    def git_actor(self, person: Person) -> Node:
        account = self.hub.by_email(person.email)
        shown = account is not None and account.kind == "User"  # the schema says User, which a bot is not
        return {"name": person.name, "email": person.email, "user": self.actor(account) if shown else None}

    def actor(self, account: Account | None) -> Node | None:
        if account is None or account.deleted:
            return None
        return {"__typename": account.kind, "id": f"{account.kind}||{account.id}", "login": account.login, "databaseId": account.id}

    # --- checks --------------------------------------------------------------------------------------------------------------

    def rollup(self, repo: Repository, sha: str) -> Node | None:
        self.need("checks")
        self.need("statuses")
        found = repo.reported.get(sha, [])
        if not found:
            return None
        contexts = lambda _info, **page: connection(found, lambda each: self.context(repo, each), page)  # noqa: E731 a resolver
        return {**_head("StatusCheckRollup", repo, sha), "contexts": contexts}

    def context(self, repo: Repository, each: Reported) -> Node:
        if each.kind == "status":
            return {
                **_head("StatusContext", repo, each.id),
                "context": each.name,
                "state": each.state,
                "createdAt": _iso(each.at),
                "creator": self.actor(each.by or self.hub.actions),
                "targetUrl": None,
            }
        run = each.workflow_run or each.id
        url = f"https://{self.host}/{repo.name}/actions/runs/{run}"
        finished = each.state not in {"QUEUED", "IN_PROGRESS", "WAITING", "PENDING", "REQUESTED"}
        return {
            **_head("CheckRun", repo, each.id),
            "databaseId": each.id,
            "externalId": each.external_id,
            "name": each.name,
            "status": "COMPLETED" if finished else each.state,
            "conclusion": each.state if finished else None,
            "startedAt": None if each.state == "QUEUED" else _iso(each.at),
            "completedAt": _iso(each.at) if finished else None,
            "url": f"{url}/job/{each.id}",
            "checkSuite": {
                **_head("CheckSuite", repo, each.id),
                "app": {**_head("App", repo, _ACTIONS_APP), "databaseId": _ACTIONS_APP},
                "workflowRun": {
                    **_head("WorkflowRun", repo, run),
                    "databaseId": run if run <= _INT_MAX else None,
                    "url": url,
                    "workflow": {**_head("Workflow", repo, each.workflow), "databaseId": each.workflow},
                },
            },
        }

    # --- pull requests and issues --------------------------------------------------------------------------------------------

    def issue(self, repo: Repository, issue: Issue) -> Node:
        return {
            **_head("Issue", repo, issue.number),
            "author": self.actor(issue.author or self.hub.actions),
            "number": issue.number,
            "title": issue.title,
            "url": f"https://{self.host}/{repo.name}/issues/{issue.number}",
            "state": issue.state,
            "createdAt": _iso(issue.created_at),
            "repository": lambda _info: self.repository(repo),
        }

    def pull(self, pull: Pull) -> Node:
        repo = pull.repository
        url = f"https://{self.host}/{repo.name}/pull/{pull.number}"
        return {
            **_head("PullRequest", repo, pull.number),
            "number": pull.number,
            "title": pull.title,
            "url": url,
            "body": pull.body,
            "state": pull.state,
            "isDraft": pull.draft,
            "createdAt": _iso(pull.created_at),
            "lastEditedAt": _iso(pull.edited_at) if pull.edited_at else None,
            "mergedAt": _iso(pull.merged_at) if pull.merged_at else None,
            "mergedBy": self.actor(pull.merged_by),
            "changedFiles": lambda _info: len(pull.files),
            "author": self.actor(pull.author),
            "baseRef": lambda _info: self.ref(repo, pull.base),
            "baseRefName": pull.base,
            "baseRepository": lambda _info: self.repository(repo),
            "headRefName": pull.head_ref,
            "headRefOid": pull.head,
            "mergeCommit": lambda _info: self.commit(repo, repo.commits[pull.merge_sha]) if pull.merge_sha else None,
            "repository": lambda _info: self.repository(repo),
            "labels": lambda _info, **page: connection(pull.labels, lambda name: {**_head("Label", repo, name), "name": name}, page),
            "comments": lambda _info, **page: connection(pull.comments, lambda comment: self.comment(pull, comment, url), page),
            "commits": lambda _info, **page: connection(pull.commits, lambda commit: self.pull_commit(pull, commit), page),
            "reviews": lambda _info, **page: connection(pull.reviews, lambda review: self.review(pull, review, url), page),
            "timelineItems": lambda _info, **page: {
                **connection(enumerate(pull.events), lambda numbered: self.event(pull, *numbered), page),
                "filteredCount": len(pull.events),
                "totalCount": len(pull.events) + len(pull.commits) + len(pull.reviews),  # GitHub counts the whole timeline here
            },
            "closingIssuesReferences": lambda _info, **page: self.closing(pull, page),
        }

    def ref(self, repo: Repository, branch: str) -> Node | None:
        if branch not in repo.branches:
            return None
        return {**_head("Ref", repo, branch), "name": branch, "target": self.commit(repo, repo.commits[repo.branches[branch]])}

    def comment(self, pull: Pull, comment: Comment, url: str) -> Node:
        return {
            **_head("IssueComment", pull.repository, comment.id),
            "fullDatabaseId": str(comment.id),
            "viewerDidAuthor": comment.author is self.viewer,
            "body": comment.body,
            "url": f"{url}#issuecomment-{comment.id}",
        }

    def pull_commit(self, pull: Pull, commit: GitCommit) -> Node:
        return {**_head("PullRequestCommit", pull.repository, f"{pull.number}.{commit.sha}"), "commit": self.commit(pull.repository, commit)}

    def review(self, pull: Pull, review: Reviewed, url: str) -> Node:
        repo = pull.repository
        commit = repo.commits.get(review.commit)
        return {
            **_head("PullRequestReview", repo, review.id),
            "author": self.actor(review.author),
            "authorCanPushToRepository": repo.permissions.get(review.author.id) in {"WRITE", "MAINTAIN", "ADMIN"},
            "commit": self.commit(repo, commit) if commit else None,
            "state": review.state,
            "submittedAt": None if review.state == "PENDING" else _iso(review.at),
            "url": f"{url}#pullrequestreview-{review.id}",
        }

    def event(self, pull: Pull, index: int, event: Event) -> Node:
        return {
            **_head(event.kind, pull.repository, f"{pull.number}.{index}"),
            "createdAt": _iso(event.at),
            "actor": self.actor(event.by),
            **dict.fromkeys(("previousRefName", "oldBase"), event.before),
            **dict.fromkeys(("currentRefName", "newBase"), event.after),
        }

    def closing(self, pull: Pull, page: Mapping[str, Any]) -> Node:
        self.need("issues")
        repo = pull.repository
        by_word = [repo.issues[int(number)] for number in CLOSING.findall(pull.body) if int(number) in repo.issues]
        found = pull.linked if page.get("userLinkedOnly") else [*pull.linked, *(issue for issue in by_word if issue not in pull.linked)]
        return connection(found, lambda issue: self.issue(repo, issue), page)


def connection(items: Iterable[Any], node: Callable[[Any], Node | None], page: Mapping[str, Any]) -> Node:
    """One page of a list, under GitHub's rules: `first` or `last` must be there and be at most 100."""
    every = list(items)
    first, last, after = page.get("first"), page.get("last"), page.get("after")
    if first is None and last is None:
        raise GraphQLError("You must provide a `first` or `last` value to properly paginate the connection.")
    if max(first or 0, last or 0) > 100:
        raise GraphQLError("Requesting more records than the `first` limit of 100 records.")
    start = int(base64.b64decode(after)) if after else 0
    shown = every[-last:] if last else every[start : start + (first or 0)]
    end = len(every) if last else start + len(shown)
    cursor = base64.b64encode(str(end).encode()).decode()
    return {
        "totalCount": len(every),
        "pageInfo": {"hasNextPage": end < len(every), "endCursor": cursor if shown else None},
        "nodes": [node(each) for each in shown],
    }


def _head(kind: str, repo: Repository, what: object) -> Node:
    return {"__typename": kind, "id": f"{kind}|{repo.name}|{what}"}


def _iso(at: Any) -> str:
    return str(at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _co_authors(message: str) -> list[Person]:
    found = []
    for line in message.splitlines():
        key, _, value = line.partition(":")
        if key.lower() == "co-authored-by" and "<" in value:
            name, _, email = value.strip().rstrip(">").partition(" <")
            found.append(Person(name, email))
    return found


def _blob(repo: Repository, content: bytes) -> Node:
    oid = object_id("blob", content)
    binary = b"\x00" in content[:8000]
    cut = len(content) > 512_000
    text = None if binary else content[:512_000].decode("utf-8", "replace")
    return {**_head("Blob", repo, oid), "oid": oid, "isBinary": binary, "isTruncated": cut, "text": text}


def _tree(repo: Repository, commit: GitCommit, folder: str) -> Node:
    below = {path.removeprefix(folder): content for path, content in commit.files.items() if path.startswith(folder)}
    found = [{"name": entry.name, "mode": entry.mode, "oid": entry.oid, "type": entry.kind} for entry in entries(below)]
    return {**_head("Tree", repo, f"{commit.tree}/{folder}"), "oid": tree_id(below), "entries": found}
