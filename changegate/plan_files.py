"""Rollback plans in files that a change brings, read at the commit to deploy: as its description, they are the author's own words."""

from typing import Final, Protocol

from changegate.codeowners import read_pattern
from changegate.errors import ForgeError, InputError
from changegate.facts import Change, PlanFile, Unavailable
from changegate.forges import TrustedFiles
from changegate.policy import RollbackPlan

MAX_FILES: Final = 3
"""Of one change. Who brings more has the plan in the first."""
MAX_TEXT: Final = 16 * 1024
"""Bytes of a file that are read: what a plan takes."""
MAX_READ: Final = 200
"""Of one deploy: each costs a request."""


class FileReader(Protocol):
    """A forge, as far as it is asked here."""

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        """As `changegate.forges.Forge.read_trusted`: gives a file's bytes, proven, whatever it is."""


def with_plan_files(changes: tuple[Change, ...], forge: FileReader, rules: RollbackPlan, commit: str) -> tuple[Change, ...]:
    """The changes, with the text of each file that they bring and that the policy takes for a plan. One that can't be read is none."""
    if not rules.enabled or not rules.files:
        return changes
    patterns = [read_pattern(each) for each in rules.files]
    named = {
        change.id: [file.path for file in change.files if not file.removed and any(each.matches(file.path) for each in patterns)][:MAX_FILES]
        for change in changes
        if not isinstance(change.files, Unavailable)
    }
    paths = dict.fromkeys(path for found in named.values() for path in found)
    texts = {path: _read(forge, commit, path) for path in list(paths)[:MAX_READ]}
    return tuple(_with(change, named.get(change.id, []), texts) for change in changes)


def _with(change: Change, paths: list[str], texts: dict[str, str]) -> Change:
    found = tuple(PlanFile(path=path, text=text) for path in paths if (text := texts.get(path, "")))
    return change.model_copy(update={"plan_files": found}) if found else change


def _read(forge: FileReader, commit: str, path: str) -> str:
    try:
        found = forge.read_trusted(commit, path).policy
    except (ForgeError, InputError):
        return ""
    return found[:MAX_TEXT].decode("utf-8", "replace") if isinstance(found, bytes) else ""
