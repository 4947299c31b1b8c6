"""Standard changes: of a kind that the policy approved beforehand, by the files that they touch, within limits. Facts in, findings out. Pure."""

from typing import Final

from changegate.codeowners import read_pattern
from changegate.controls import peer_approved
from changegate.decision import Finding, Outcome
from changegate.exemption import find_exempt_bot
from changegate.facts import Change, ChangeKind, Facts, Unavailable
from changegate.liftable import may_lift
from changegate.policy import FILE_NAME, EffectivePolicy, StandardChange

REASON: Final = "standard-change"
_KINDS: Final = frozenset({ChangeKind.PULL_REQUEST, ChangeKind.MERGE})
"""What came by a change of its own: of a direct push nobody knows what it touches."""


def apply(finding: Finding, change: Change, facts: Facts, policy: EffectivePolicy) -> Finding:
    """The finding; or, where it fails and a kind of standard change is exempt from its control, that it doesn't apply.

    What no exception may lift stays: what is unknown, requested changes, and something else that landed than what was reviewed.
    """
    if finding.outcome is Outcome.PASS or not policy.standard_changes:
        return finding
    kind = find_kind(change, policy)
    if kind is None or finding.control not in kind.exempt_from:
        return finding
    behind = peer_approved.look_behind(finding, change, facts, policy.controls.peer_approved) if finding.control == peer_approved.ID else finding
    if not may_lift(behind):
        return behind
    observed = f"a standard change, {kind.name!r}: {_words(change)}"
    return finding.model_copy(update={"outcome": Outcome.NOT_APPLICABLE, "reason": REASON, "observed": observed, "remedy": None})


def find_kind(change: Change, policy: EffectivePolicy) -> StandardChange | None:
    """The first kind that the change is of, where all of this is known; else None.

    1. It came by a change of its own, and every file that it touches, under both of its names, is one of the kind's; the policy itself never is.
    2. It touches no more files than the kind allows.
    3. It bears one of the kind's labels, and one of the kind's bots made it alone, where the kind names any.
    """
    if change.kind not in _KINDS or isinstance(change.files, Unavailable) or not change.files:
        return None
    touched = [path for file in change.files for path in (file.path, file.was) if path]
    if FILE_NAME in touched:
        return None
    return next((kind for kind in policy.standard_changes if len(change.files) <= kind.max_files and _is_of(change, touched, kind)), None)


def _is_of(change: Change, touched: list[str], kind: StandardChange) -> bool:
    patterns = [read_pattern(each) for each in kind.paths]
    return all(any(each.matches(path) for each in patterns) for path in touched) and _is_labelled(change, kind) and _is_by_a_bot(change, kind)


def _is_labelled(change: Change, kind: StandardChange) -> bool:
    if not kind.labels:
        return True
    wanted = {each.casefold() for each in kind.labels}
    return not isinstance(change.labels, Unavailable) and any(each.casefold() in wanted for each in change.labels)


def _is_by_a_bot(change: Change, kind: StandardChange) -> bool:
    """Its own commits alone, each by the forge's word; a person's commit on a bot's change makes it that person's."""
    if not kind.bots:
        return True
    return find_exempt_bot(change, kind.bots) is not None


def _words(change: Change) -> str:
    files = () if isinstance(change.files, Unavailable) else change.files
    return f"{files[0].path}" + (f" and {len(files) - 1} more" if len(files) > 1 else "") if files else ""
