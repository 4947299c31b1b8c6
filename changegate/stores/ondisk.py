"""What can be seen of a store that lies on this machine's disk: who may change it, and what a git repository there refuses.

The findings of `changegate store status` for directories and for repositories at a path. Nothing is written.
"""

import stat
from pathlib import Path
from typing import Final

from changegate.stores import Condition
from changegate.stores.gitcommand import GitCommand

_REFUSALS: Final = {
    "receive.denyNonFastForwards": "history can't be rewritten by a push",
    "receive.denyDeletes": "the branch can't be deleted by a push",
}
"""git-config(1)."""


def look_at_rights(path: Path) -> Condition:
    """Whether nobody but the owner and his group may write to this directory."""
    what, mode = "nobody else on this machine may write there", path.stat().st_mode
    open_to = [name for name, bit in (("anybody", stat.S_IWOTH), ("the group", stat.S_IWGRP)) if mode & bit]
    if not open_to:
        return Condition(what, holds=True, found=f"mode {stat.S_IMODE(mode):o}")
    found = f"mode {stat.S_IMODE(mode):o}: {' and '.join(open_to)} may write, and delete"
    # A group may be meant: several users' jobs on one machine.
    return Condition(what, holds=False if mode & stat.S_IWOTH else None, found=found, remedy=f"chmod go-w {path}, unless the group is the jobs' own.")


def look_at_repository(path: Path) -> tuple[Condition, ...]:
    """A repository at a path: bare, closed to others, and with the two settings by which git itself refuses what no log ever needs."""
    git = GitCommand(path / ".git" if (path / ".git").is_dir() else path, shown_url=str(path))
    bare = _is_on(git, "core.bare")
    checked_out = "git refuses pushes to a branch that is checked out there: keep the log in one that `git init --bare` made."
    return (
        Condition("the repository is bare", holds=bare, found="yes" if bare else "it has a work tree", remedy=checked_out),
        look_at_rights(path),
        *(
            Condition(what, holds=on, found=f"{name} is {'on' if on else 'off'}", remedy=f"git -C {path} config {name} true")
            for name, what in _REFUSALS.items()
            for on in (_is_on(git, name),)
        ),
    )


def _is_on(git: GitCommand, name: str) -> bool:
    return git.run("config", "--type=bool", "--get", name).out.strip() == b"true"
