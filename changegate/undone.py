"""Which changes of a range left nothing behind, because a later commit brought back the content from before them. Facts in, values out.

This is the way out for a change that was merged without what it needs: nobody can approve it any more, but it can be reverted. The test is the
content itself, never what a message says. What brought the old content back is a change like any other and is judged like one. There are two such:

1. The whole tree: two commits of the deployed branch with the same tree hold the same files, whatever lay between them. All of that is undone.
2. The files of one change (`RangeCommit.restored_at`): at a later commit each is again what it was before the change, whatever became of others.

Nothing is hidden by that: every file that differs between base and head came to be so by judged changes alone. Leave out what lies between equal
trees; then follow a file from the base, always taking the last time that it is as it is. It is never again what it was before the next step, so
that this step is not undone. ADR 0120 has the proof, and a property test holds it against histories at random.
"""

from changegate.facts import Facts


def find_undone(facts: Facts) -> dict[str, str]:
    """For each undone change (by id) the commit that undid it."""
    chain = _first_parents(facts)
    undone_by = _between_equal_trees(chain, facts)
    lasting = set(chain) - undone_by.keys()
    for commit in facts.range.commits:
        # A state that was itself taken back by the tree proves nothing.
        restored = [sha for sha in commit.restored_at if sha in lasting]
        if restored and commit.sha in lasting:
            undone_by[commit.sha] = restored[-1]
    brought = _brought_by(chain, facts)
    changes: dict[str, str] = {}
    for change in facts.changes:
        enders = {undone_by.get(brought.get(sha, "")) for sha in change.landed}
        if change.landed and len(enders) == 1 and (ender := enders.pop()) and ender not in change.landed:
            changes[change.id] = ender
    return changes


def _between_equal_trees(chain: list[str], facts: Facts) -> dict[str, str]:
    """For each commit after one tree and before the last commit with the same tree, that last one."""
    tree_at = {commit.sha: commit.tree for commit in facts.range.commits} | {facts.range.base: facts.range.base_tree}
    undone_by: dict[str, str] = {}
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
