"""The way out for a change that is on the deployed branch already, and lacks what can't be given it any more. Words only.

It is reverted by a change that passes, so that nothing of it is left to judge (`changegate.undone`), and landed again with what it lacked.
tests/integration/test_ways_out.py follows each of these steps until the gate passes.
"""

from typing import Final

from changegate.facts import Assurance, Change

_WHOLE: Final = "`git restore --source COMMIT^ --staged --worktree :/`"


def land_again(change: Change, lack: str) -> str:
    """The step, for a change that lacks `lack`."""
    if change.assurance is Assurance.ASSERTED:
        return (
            f"revert it by a change that passes (`git revert COMMIT`; a merge: `git revert -m 1 COMMIT`), then land it again with {lack} "
            f"(`git revert` of the revert). Where later changes touched its files, bring back all content from before it instead ({_WHOLE})"
        )
    return (
        f"revert it by a change that passes (the Revert button, or `git revert`), then land it again by a change with {lack}. Where other changes "
        f"landed since, bring back all content from before it instead ({_WHOLE}), and land those again, too"
    )
