"""Which changes of a range left nothing behind, because a later commit brought back the content from before them. Facts in, values out.

This is the way out for a change that was merged without what it needs: nobody can approve it any more, but it can be reverted. The test is the
content itself, never what a message says. What brought the old content back is a change like any other. There are two such tests:

1. The whole tree: two commits of the deployed branch with the same tree hold the same files, whatever lay between them. All of that is undone.
2. The files of one change (`RangeCommit.restored_at`): at a later commit each is again what it was before the change, whatever became of others.

Nothing is hidden by that: every file that differs between base and head came to be so by judged changes alone. Leave out what lies between equal
trees; then follow a file from the base, always taking the last time that it is as it is. It is never again what it was before the next step, so
that this step is not undone. ADR 0120 has the proof, and a property test holds it against histories at random.
"""

from typing import Final, TypeAlias

from changegate.facts import Facts

REASON: Final = "undone"
"""The reason of a finding on a change that was taken back."""
Undone: TypeAlias = dict[str, str]
"""For each undone change (by id) the commit that undid it."""


def find_undone(facts: Facts) -> tuple[Undone, ...]:
    """One account by both tests, and where it differs one by files alone. Each holds by itself; together they don't.

    A change that was reverted and landed again after another one shows why there are two: since the tree is what it was when the other one landed,
    the revert lies between equal trees, and the first account judges the change where it landed first. The second judges it where it landed again.
    """
    chain = _first_parents(facts)
    by_trees = _between_equal_trees(chain, facts)
    both = _by_files(facts, set(chain) - by_trees.keys()) | by_trees
    accounts = [_of_changes(each, chain, facts) for each in (both, _by_files(facts, set(chain)))]
    return tuple(account for number, account in enumerate(accounts) if account not in accounts[:number])


def _by_files(facts: Facts, states: set[str]) -> Undone:
    """For each commit that was taken back at one of these states, the last of them. A state that the tree took back proves nothing."""
    restored = {commit.sha: [sha for sha in commit.restored_at if sha in states] for commit in facts.range.commits if commit.sha in states}
    return {sha: at[-1] for sha, at in restored.items() if at}


def _of_changes(undone_by: Undone, chain: list[str], facts: Facts) -> Undone:
    brought = _brought_by(chain, facts)
    changes: Undone = {}
    for change in facts.changes:
        enders = {undone_by.get(brought.get(sha, "")) for sha in change.landed}
        if change.landed and len(enders) == 1 and (ender := enders.pop()) and ender not in change.landed:
            changes[change.id] = ender
    return changes


def _between_equal_trees(chain: list[str], facts: Facts) -> Undone:
    """For each commit after one tree and before the last commit with the same tree, that last one."""
    tree_at = {commit.sha: commit.tree for commit in facts.range.commits} | {facts.range.base: facts.range.base_tree}
    undone_by: Undone = {}
    newest: dict[str, int] = {}
    for position, sha in enumerate(chain):
        newest[tree_at[sha]] = position
    position = 0
    while position < len(chain):
        tree = tree_at[chain[position]]
        last = newest[tree] if tree else position
        undone_by.update(dict.fromkeys(chain[position + 1 : last], chain[last]))
        position = max(last, position + 1)
    return undone_by


def _first_parents(facts: Facts) -> list[str]:
    """The states of the deployed branch, from the base (or the oldest commit that is in the range) to the head."""
    found = {commit.sha: commit for commit in facts.range.commits}
    chain: list[str] = []
    sha = facts.range.head
    while sha in found:
        chain.append(sha)
        parents = found[sha].parents
        sha = parents[0] if parents else ""
    if sha == facts.range.base and facts.range.base_tree:
        chain.append(sha)
    return chain[::-1]


def _brought_by(chain: list[str], facts: Facts) -> dict[str, str]:
    """For each commit of the range the commit of the branch by which it came."""
    found = {commit.sha: commit for commit in facts.range.commits}
    brought: dict[str, str] = {}
    for state in chain:
        waiting = [state]
        while waiting:
            sha = waiting.pop()
            if sha in found and sha not in brought:
                brought[sha] = state
                waiting += found[sha].parents
    return brought
