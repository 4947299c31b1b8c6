"""What is asked of GitHub's GraphQL API: every field that the gate reads stands here, and no other.

Source: https://docs.github.com/graphql; the tests hold these documents to GitHub's published schema.
"""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from changegate.forges.github.pages import Connection

PULLS_AT_ONCE: Final = 25
COMMITS_AT_ONCE: Final = 100
REFERENCES_AT_ONCE: Final = 100


class Reference(NamedTuple):
    """An issue or pull request, by its number in a repository."""

    repository: str
    """`owner/name`, lower-case, for GitHub tells no cases apart."""
    number: int

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"


_ACTOR: Final = """__typename login ... on User { databaseId } ... on Bot { databaseId } ... on Mannequin { databaseId }
  ... on Organization { databaseId } ... on EnterpriseUserAccount { user { databaseId } }"""
_GIT_ACTOR: Final = "name email user { __typename databaseId login }"

AUTHORS: Final = Connection("Commit", "authors", _GIT_ACTOR, first=10)
PARENTS: Final = Connection("Commit", "parents", "id oid", first=5)
_COMMIT: Final = f"""id oid message tree {{ oid }} {PARENTS} author {{ {_GIT_ACTOR} }} committer {{ {_GIT_ACTOR} }} {AUTHORS}
  signature {{ isValid wasSignedByGitHub }}"""

CONTEXTS: Final = Connection(
    "StatusCheckRollup",
    "contexts",
    f"""__typename
  ... on CheckRun {{ id databaseId externalId name status conclusion startedAt completedAt url
    checkSuite {{ app {{ databaseId }} workflowRun {{ databaseId url workflow {{ databaseId }} }} }} }}
  ... on StatusContext {{ id context state createdAt targetUrl creator {{ {_ACTOR} }} }}""",
    first=100,
)
_CHECKS: Final = f"statusCheckRollup {{ id {CONTEXTS} }}"

ASSOCIATED: Final = Connection(
    "Commit",
    "associatedPullRequests",
    "id number title url body state headRefName baseRefName baseRepository { databaseId } mergeCommit { oid }",
    first=10,
)

COMMITS: Final = Connection("PullRequest", "commits", f"id commit {{ {_COMMIT} }}", first=30)
REVIEWS: Final = Connection(
    "PullRequest",
    "reviews",
    f"id state submittedAt url authorCanPushToRepository author {{ {_ACTOR} }} commit {{ oid }}",
    first=100,
)
LABELS: Final = Connection("PullRequest", "labels", "id name", first=100)
TIMELINE: Final = Connection(
    "PullRequest",
    "timelineItems",
    f"""__typename ... on HeadRefForcePushedEvent {{ id createdAt actor {{ {_ACTOR} }} }}
  ... on BaseRefChangedEvent {{ id createdAt previousRefName currentRefName }}
  ... on AutomaticBaseChangeSucceededEvent {{ id createdAt oldBase newBase }} ... on BaseRefForcePushedEvent {{ id createdAt }}""",
    first=100,
    arguments="itemTypes: [HEAD_REF_FORCE_PUSHED_EVENT, BASE_REF_CHANGED_EVENT, AUTOMATIC_BASE_CHANGE_SUCCEEDED_EVENT, BASE_REF_FORCE_PUSHED_EVENT]",
    key="timeline",
    counted="filteredCount",  # totalCount counts the whole timeline, whatever itemTypes says
)
_ISSUE: Final = f"id number title url state createdAt author {{ {_ACTOR} }} repository {{ nameWithOwner }}"
_NAMED_PULL: Final = _ISSUE.replace("state", "standing: state")  # two types of one name can't be asked side by side
CLOSES: Final = Connection("PullRequest", "closingIssuesReferences", _ISSUE, first=50, key="closes")
LINKED: Final = Connection("PullRequest", "closingIssuesReferences", _ISSUE, first=50, arguments="userLinkedOnly: true", key="linked")

_PULL: Final = f"""id createdAt mergedAt headRefOid changedFiles
  author {{ {_ACTOR} }} mergedBy {{ {_ACTOR} }}
  {LABELS} {COMMITS} {REVIEWS} {TIMELINE} {CLOSES} {LINKED}
  last: commits(last: 1) {{ nodes {{ commit {{ oid tree {{ oid }} {_CHECKS} }} }} }}
  mergeCommit {{ oid {_CHECKS} }}"""

OPEN: Final = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name, followRenames: false) {
    pullRequest(number: $number) { id number title url body state isDraft headRefOid headRefName baseRefName
      baseRepository { databaseId } mergeCommit { oid } baseRef { target { __typename oid } } } } }"""
EDITED: Final = """query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name, followRenames: false) { pullRequest(number: $number) { lastEditedAt } } }"""
COMMENTS: Final = Connection("PullRequest", "comments", "id fullDatabaseId viewerDidAuthor body url", first=100)
COMMENTED: Final = f"""query($owner: String!, $name: String!, $number: Int!) {{
  repository(owner: $owner, name: $name, followRenames: false) {{ pullRequest(number: $number) {{ id {COMMENTS} }} }} }}"""

STATUSES: Final = Connection("Deployment", "statuses", "id state createdAt logUrl", first=30)
DEPLOYMENTS: Final = Connection(
    "Repository",
    "deployments",
    f"id environment commitOid commit {{ oid }} {STATUSES}",
    first=20,
    arguments="environments: [$environment], orderBy: {field: CREATED_AT, direction: DESC}",
)
DEPLOYED: Final = f"""query($owner: String!, $name: String!, $environment: String!, $after: String) {{
  repository(owner: $owner, name: $name, followRenames: false) {{ {DEPLOYMENTS.page(DEPLOYMENTS.first, ", after: $after")} }} }}"""
LISTED: Final = Connection(
    "Repository",
    "deployments",
    f"id environment commitOid createdAt {STATUSES}",
    first=50,
    arguments="orderBy: {field: CREATED_AT, direction: DESC}",
)
EVERY_DEPLOYMENT: Final = f"""query($owner: String!, $name: String!, $after: String) {{
  repository(owner: $owner, name: $name, followRenames: false) {{ {LISTED.page(LISTED.first, ", after: $after")} }} }}"""

REVISION: Final = """query($owner: String!, $name: String!, $revision: String!) {
  repository(owner: $owner, name: $name, followRenames: false) {
    object(expression: $revision) { __typename oid ... on Tag { target { __typename oid ... on Tag { target { __typename oid } } } } } } }"""


def commits(shas: Iterable[str], *, checks: bool) -> str:
    """What landed each commit: commit n of `shas` answers as `c<n>`."""
    asked = f"{_COMMIT} {ASSOCIATED} {_CHECKS if checks else ''}"
    each = "\n".join(f"c{index}: object(oid: {json.dumps(sha)}) {{ ... on Commit {{ ...asked }} }}" for index, sha in enumerate(shas))
    return f"""query($owner: String!, $name: String!) {{
  repository(owner: $owner, name: $name, followRenames: false) {{ databaseId defaultBranchRef {{ name }} {each} }} }}
fragment asked on Commit {{ {asked} }}"""


def pulls(references: Iterable[Reference]) -> str:
    """The pull requests `$ids`, and what stands behind the references that their texts name: reference n answers as `r<n>.it`."""
    return f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on PullRequest {{ {_PULL} }} }}\n{_references(references)} }}"


def referenced(references: Iterable[Reference]) -> str:
    """The references alone."""
    return f"query {{ {_references(references)} }}"


def _references(references: Iterable[Reference]) -> str:
    issue = f"__typename ... on Issue {{ {_ISSUE} }} ... on PullRequest {{ {_NAMED_PULL} }}"
    lines = []
    for index, (repository, number) in enumerate(references):
        owner, name = (json.dumps(part) for part in repository.split("/"))
        lines.append(f"r{index}: repository(owner: {owner}, name: {name}) {{ id it: issueOrPullRequest(number: {number}) {{ {issue} }} }}")
    return "\n".join(lines)


TEAMS_AT_ONCE: Final = 20
MEMBERS: Final = Connection("Team", "members", "id databaseId login", first=100, arguments="membership: ALL")  # child teams included


def teams(names: Iterable[str]) -> str:
    """The members of teams (`org/team`): team n of `names` answers as `t<n>.team`."""
    lines = []
    for index, name in enumerate(names):
        organization, slug = (json.dumps(part) for part in name.split("/"))
        lines.append(f"t{index}: organization(login: {organization}) {{ team(slug: {slug}) {{ id combinedSlug {MEMBERS} }} }}")
    return "query {\n" + "\n".join(lines) + "\n}"


_BLOB: Final = "__typename ... on Blob { oid isBinary isTruncated text }"
_TREE: Final = "__typename ... on Tree { oid entries { name mode type oid } }"


_TAGS: Final = """refs(refPrefix: "refs/tags/", first: 100, orderBy: {field: TAG_COMMIT_DATE, direction: DESC}) {
  nodes { name target { __typename oid ... on Tag { target { __typename oid } } } } }"""


def blobs(expressions: Iterable[tuple[str, str]], trees: Iterable[tuple[str, str]] = (), *, tags: bool = False) -> str:
    """Files and folders by (alias, revision:path); with `tags`, the newest hundred tags besides."""
    asked = [f"{alias}: object(expression: {json.dumps(at)}) {{ {_BLOB} }}" for alias, at in expressions]
    asked += [f"{alias}: object(expression: {json.dumps(at)}) {{ {_TREE} }}" for alias, at in trees]
    asked += [_TAGS] if tags else []
    return "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name, followRenames: false) {\n" + "\n".join(asked) + "\n} }"
