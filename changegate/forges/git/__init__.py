"""The `git` forge: a local repository, read by the git binary, with no network.

Its facts are what commits say of themselves (`Assurance.ASSERTED`). See docs/forge-git.md for what is read and what that is worth.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from changegate.errors import ForgeError, InputError
from changegate.facts import (
    MISSING,
    Actor,
    BaseSource,
    Change,
    ChangedFile,
    CodeOwnersFile,
    Deployment,
    DeployRange,
    Known,
    Maybe,
    Missing,
    RangeCommit,
    RangeOutcome,
    Run,
    Team,
    Unavailable,
)
from changegate.forges import NO_NEEDS, Baseline, Needs, TrustedFiles
from changegate.forges.git.changes import build_changes
from changegate.forges.git.history import CommitObject
from changegate.forges.git.objects import Entry, empty_tree
from changegate.forges.git.process import OnRequest
from changegate.forges.git.repository import Repository
from changegate.forges.git.restored import FileChange, find_restored

_TEMPLATE: Final = re.compile(
    r"(?:(?:\.github|docs)/)?pull_request_template(?:\.(?:md|txt)|/[^/]+\.(?:md|txt))?|\.gitlab/merge_request_templates/[^/]+\.md", re.IGNORECASE
)
"""Where GitHub ("Creating a pull request template for your repository") and GitLab ("Description templates") look for templates."""
_TEMPLATE_ROOTS: Final = frozenset({".github", ".gitlab", "docs", "pull_request_template"})
_ASK_A_FORGE: Final = "Let the gate ask the forge: --forge github or --forge gitlab."
_NO_ACCOUNTS: Final = Unavailable(why="a bare git history doesn't say it", remedy=_ASK_A_FORGE)
_MAX_STEPS: Final = 5000
"""In a range with more steps of the deployed branch nobody looks for single changes that were taken back; whole trees are still compared."""
_MAX_RESTORED: Final = 200
"""How many changes that were taken back one by one are looked at, the newest ones; others are judged."""
_FILE_MODES: Final = frozenset({"100644", "100755"})


class _Compared(NamedTuple):
    """How a head stands to a base."""

    outcome: RangeOutcome
    commits: tuple[RangeCommit, ...]
    removed: tuple[RangeCommit, ...]
    base_tree: str

    def range(self, outcome: RangeOutcome, base: Baseline, head: str) -> DeployRange:
        """As the range of a deploy."""
        return DeployRange(
            outcome=outcome,
            base=base.commit,
            head=head,
            base_source=base.source,
            base_url=base.url,
            base_tree=self.base_tree,
            commits=self.commits,
            removed=self.removed,
        )


class BranchCommit(NamedTuple):
    """A commit of a branch's own line."""

    sha: str
    at: datetime
    """When it was committed, as it says itself."""
    deployed: bool
    """Whether it is in the history of a deployed commit."""


class Branch(NamedTuple):
    """A branch, held against deployed commits."""

    head: str
    line: tuple[BranchCommit, ...]
    """Its own line (first parents), the newest first."""
    off: frozenset[str]
    """Deployed commits that are not in its history."""
    lacking: tuple[str, ...]
    """Deployed commits that the clone doesn't have."""


class Git:
    """The `Forge` that a bare git history is (see `changegate.forges.Forge`).

    `path` is the repository, with or without a work tree; `timeout` in seconds holds for each call to git, and `on_request` is told of each.
    """

    name: Final = "git"

    def __init__(self, path: Path, *, timeout: float = 120.0, on_request: OnRequest | None = None) -> None:
        """Open the repository. Raises `InputError` where there is none; `ForgeError` where it is shallow, somebody else's, or git too old."""
        self._path = path
        self._repository = Repository(path, timeout=timeout, on_request=on_request)

    def clock(self) -> datetime | None:
        """None: a repository at hand has no clock but this machine's."""
        return None

    def fetch_declarer(self, run: Run) -> Known[Actor]:  # noqa: ARG002 - the protocol's
        """Raises `InputError`: git knows no accounts."""
        raise _nobody()

    def fetch_labeler(self, change: str, label: str) -> Known[Actor]:  # noqa: ARG002 - the protocol's
        """Raises `InputError`: git knows no accounts."""
        raise _nobody()

    def fetch_actor(self, login: str) -> Known[Actor]:  # noqa: ARG002 - the protocol's
        """Raises `InputError`: git knows no accounts."""
        raise _nobody()

    def resolve_head(self, commit: str) -> str:
        """See `changegate.forges.Forge`."""
        found = self._repository.find_commit(commit)
        if found is None:
            raise InputError(f"{commit!r} names no commit in {self._path}", remedy="Give a commit, a tag or a branch that the clone has.")
        return found

    def read_branch(self, branch: str, deployed: Sequence[str]) -> Branch:
        """A branch, held against commits that were deployed. Raises `InputError` where there is no such branch, `ForgeError`."""
        head = self.resolve_head(branch)
        found = tuple(sha for sha in dict.fromkeys(deployed) if self._repository.find_commit(sha) == sha)
        beyond = self._repository.list_beyond([head], found, line_only=True)
        line = tuple(BranchCommit(sha, datetime.fromtimestamp(at, UTC), sha not in beyond) for sha, at in self._repository.list_line(head))
        off = self._repository.list_beyond(found, [head]) & frozenset(found)
        return Branch(head, line, off, tuple(sha for sha in dict.fromkeys(deployed) if sha not in found))

    def read_subjects(self, shas: Sequence[str]) -> tuple[str, ...]:
        """The first lines of these commits' messages. Raises `ForgeError`."""
        return tuple(each.subject for each in self._repository.read_commits(shas))

    def resolve_range(
        self,
        deployment: Deployment,
        *,
        requested: str | None,
        logged: Baseline | None,
        believe_deployments: bool = True,  # noqa: ARG002 - git records none
    ) -> DeployRange:
        """See `changegate.forges.Forge`. Git records no deployments: what is deployed, `logged` says, else `requested`.

        A base that is no ancestor of the head is the outcome `rewritten`, with both sides. A logged commit that the repository doesn't have
        is a `ForgeError`: perhaps the history was rewritten, perhaps the clone lacks a branch; nobody can tell.
        """
        head = self.resolve_head(deployment.head)
        wanted = None if requested is None else self._resolve_base(requested)
        if logged is not None:
            return self._range_from_log(head, wanted, logged)
        if wanted is None:
            raise InputError(
                f"nothing says what is deployed to {deployment.environment}", remedy="Give the commit that runs there now: --base COMMIT."
            )
        compared = self._compare(wanted, head)
        outcome = compared.outcome
        if outcome is RangeOutcome.ROLLBACK:
            # Taken as a rollback, it would leave nothing to judge, on the word of an option alone.
            raise InputError(f"--base {wanted} comes after the commit to deploy, {head}", remedy="Give the commit that runs there now.")
        first = RangeOutcome.REWRITTEN if outcome is RangeOutcome.REWRITTEN else RangeOutcome.FIRST_DEPLOY
        return compared.range(first, Baseline(wanted, BaseSource.OPTION), head)

    def _resolve_base(self, requested: str) -> str:
        found = self._repository.find_commit(requested)
        if found is None:
            raise InputError(f"--base {requested!r} names no commit in {self._path}", remedy="Give a commit, a tag or a branch that the clone has.")
        return found

    def _range_from_log(self, head: str, wanted: str | None, logged: Baseline) -> DeployRange:
        deployed = self._repository.find_commit(logged.commit)
        if deployed != logged.commit:
            raise ForgeError(
                f"the deployed commit {logged.commit} (by the {logged.source.value}) is not in {self._path}",
                remedy=f"Fetch it: git fetch origin {logged.commit}. If the history was rewritten, deploy from a branch that has it.",
            )
        compared = self._compare(deployed, head)
        known = compared.range(compared.outcome, logged, head)
        if wanted is None or wanted == deployed:
            return known
        if self._repository.compare(wanted, deployed).only_left:
            raise InputError(
                f"--base {wanted} is no ancestor of the deployed commit {deployed}: it would leave commits unjudged",
                remedy="Leave --base out, or give an older commit.",
            )
        wider = self._compare(wanted, head)
        if compared.outcome is RangeOutcome.REWRITTEN or wider.outcome is not RangeOutcome.AHEAD:
            return known  # the deployed commit has no line to the head, or the wanted one brings nothing more
        # Going back with a wider range is judged like going forward from there.
        found = wider.range(RangeOutcome.AHEAD, Baseline(wanted, BaseSource.OPTION), head)
        return found.model_copy(update={"deployed": deployed, "removed": known.removed})

    def _compare(self, base: str, head: str) -> "_Compared":
        difference = self._repository.compare(base, head)
        outcome = {
            (False, False): RangeOutcome.REDEPLOY,
            (False, True): RangeOutcome.AHEAD,
            (True, False): RangeOutcome.ROLLBACK,
            (True, True): RangeOutcome.REWRITTEN,
        }[bool(difference.only_left), bool(difference.only_right)]
        *read, deployed = self._repository.read_commits((*difference.only_right, *difference.only_left, base))
        boundary = len(difference.only_right)
        brought = tuple(map(_range_commit, read[:boundary]))
        if outcome is RangeOutcome.AHEAD:
            brought = self._with_restored(brought, deployed, head)
        return _Compared(outcome, brought, tuple(map(_range_commit, read[boundary:])), deployed.tree)

    def _with_restored(self, commits: tuple[RangeCommit, ...], base: CommitObject, head: str) -> tuple[RangeCommit, ...]:
        """The commits with `restored_at`, where the deployed branch leads from the base to the head step by step."""
        found = {commit.sha: commit for commit in commits}
        chain: list[RangeCommit] = []
        at = head
        while at in found and found[at].parents:
            chain.append(found[at])
            at = found[at].parents[0]
        if at != base.sha or not 2 <= len(chain) <= _MAX_STEPS:
            return commits
        chain.reverse()
        trees = [base.tree, *(commit.tree for commit in chain)]
        differences = self._repository.compare_trees(list(pairwise(trees)))
        changed = {commit.sha: {file.path for file in files} for commit, files in zip(chain, differences, strict=True)}
        restored = find_restored([(commit.sha, files) for commit, files in zip(chain, differences, strict=True)])
        # What was only moved is still there, and whoever approved the move may have seen no line of it.
        newest = list(restored)[-_MAX_RESTORED:]
        restored = {sha: restored[sha] for sha in newest if changed[sha].isdisjoint(self._repository.find_carried(sha, head))}
        return tuple(commit.model_copy(update={"restored_at": restored.get(commit.sha, ())}) for commit in commits)

    def mark_clean_merges(self, deploy_range: DeployRange) -> DeployRange:
        """The range, each merge of it marked that holds just what git makes of its parents."""
        merges = self._repository.read_commits([commit.sha for commit in deploy_range.commits if len(commit.parents) == 2])
        with_content = self._repository.find_merges_with_content(merges)
        clean = {merge.sha for merge in merges} - with_content
        commits = tuple(commit.model_copy(update={"clean": commit.sha in clean}) for commit in deploy_range.commits)
        return deploy_range.model_copy(update={"commits": commits})

    def has_commit(self, commit: str) -> bool:
        """Whether the repository has the commit of this full id."""
        return self._repository.find_commit(commit) == commit

    def fetch_changes(self, deployment: Deployment, deploy_range: DeployRange, needs: Needs = NO_NEEDS) -> tuple[Change, ...]:
        """See `changegate.forges.Forge`. A change is a first-parent step of the head: a merge with all that it brought, or one commit.

        Of `needs` only the files can be had here: who made a merge is said of accounts, and git knows none.
        """
        if deployment.head != deploy_range.head and self.resolve_head(deployment.head) != deploy_range.head:
            raise InputError(f"the range ends at {deploy_range.head}, the deploy is of {deployment.head}", remedy="Resolve the range of this deploy.")
        commits = self._repository.read_commits([commit.sha for commit in deploy_range.commits])
        if not commits:
            return ()
        with_content = self._repository.find_merges_with_content(commit for commit in commits if len(commit.parents) > 1)
        changes = build_changes(deploy_range.head, {commit.sha: commit for commit in commits}, with_content)
        if sum(len(change.landed) for change in changes) != len(commits):
            raise ForgeError(f"{deploy_range.head} doesn't reach every commit of its range", remedy="Resolve the range anew.")
        if needs.update_merges:
            changes = tuple(change.model_copy(update={"update_merges": _NO_ACCOUNTS}) for change in changes)
        return self._with_files(changes, {commit.sha: commit for commit in commits}) if needs.files else changes

    def _with_files(self, changes: tuple[Change, ...], commits: Mapping[str, CommitObject]) -> tuple[Change, ...]:
        """The changes with what differs between what each landed on and what it landed as; a renamed file is one that is gone, and a new one."""
        landings = [commits[change.landed[-1]] for change in changes]
        before = {each.sha: each.tree for each in self._repository.read_commits([each.parents[0] for each in landings if each.parents])}
        pairs = [(before[each.parents[0]] if each.parents else empty_tree(each.sha), each.tree) for each in landings]
        found = zip(changes, self._repository.compare_trees(pairs), strict=True)
        return tuple(change.model_copy(update={"files": tuple(map(_changed_file, files))}) for change, files in found)

    def read_code_owners(self, commit: str) -> Maybe[CodeOwnersFile]:
        """See `changegate.forges.Forge`."""
        return Unavailable(why=f"CODEOWNERS at {commit[:10]} names accounts, and git knows none", remedy=_ASK_A_FORGE)

    def fetch_teams(self, names: Sequence[str]) -> tuple[Team, ...]:
        """See `changegate.forges.Forge`."""
        return tuple(Team(name=name, members=Unavailable(why="git knows no teams", remedy=_ASK_A_FORGE)) for name in names)

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        """See `changegate.forges.Forge`. Raises `InputError` where the policy's path leads outside, or to something that is no file."""
        path = PurePosixPath(policy_path)
        if path.is_absolute() or ".." in path.parts or not path.parts or not policy_path.isprintable():
            raise InputError(f"the policy's path {policy_path!r} is not one inside the repository", remedy="Give it relative to the root.")
        at = self.resolve_head(commit)
        root = self._repository.list_files(at)
        directories = [entry.path for entry in root if entry.path.lower() in _TEMPLATE_ROOTS and entry.mode == "040000"]
        below = self._repository.list_files(at, *directories, recursive=True) if directories else ()
        templates = [entry for entry in (*root, *below) if entry.mode in _FILE_MODES and _TEMPLATE.fullmatch(entry.path)]
        policy = self._find_policy(at, str(path))
        contents = self._repository.read_files((*templates, *policy))
        return TrustedFiles(
            policy=contents[-1] if policy else Missing(why=f"there is no {path} at {at}"),
            templates=tuple(content.decode("utf-8", "replace") for content in contents[: len(templates)]),
            tags=self._repository.list_tags(),
            next_policy=self._read_next(self.resolve_head(next_at), str(path)) if next_at else MISSING,
        )

    def _read_next(self, commit: str, path: str) -> Maybe[bytes]:
        try:
            found = self._find_policy(commit, path)
        except InputError as error:
            return Unavailable(why=error.message, remedy=error.remedy)
        return self._repository.read_files(found)[0] if found else MISSING

    def _find_policy(self, commit: str, path: str) -> tuple[Entry, ...]:
        found = self._repository.list_files(commit, path)
        if found and (found[0].path != path or found[0].mode not in _FILE_MODES):
            raise InputError(f"the policy {path} at {commit} is no plain file", remedy="Commit the policy as a file; a link would not be followed.")
        return found


def _nobody() -> InputError:
    return InputError("a bare git history knows no accounts, so nobody can say who declares the emergency", remedy=_ASK_A_FORGE)


def _changed_file(file: FileChange) -> ChangedFile:
    return ChangedFile(path=file.path.decode("utf-8", "replace"), removed=file.after.startswith("000000 "))


def _range_commit(commit: CommitObject) -> RangeCommit:
    return RangeCommit(sha=commit.sha, tree=commit.tree, parents=commit.parents, subject=commit.subject)
