"""The verdict in one line, and which deploy it is about. Plain words; the formats escape them."""

from typing import Final

from changegate.decision import Outcome, Verdict
from changegate.facts import RangeOutcome, Unavailable
from changegate.render import Preview, RecordingFailed, Report
from changegate.render.text import count, short
from changegate.render.todo import ToDo

_RANGE: Final = {
    RangeOutcome.AHEAD: "",
    RangeOutcome.FIRST_DEPLOY: "first deploy",
    RangeOutcome.REDEPLOY: "redeploy",
    RangeOutcome.ROLLBACK: "rollback",
    RangeOutcome.REWRITTEN: "rewritten branch",
}
_OUTCOMES: Final = {
    Verdict.ALLOWED: Outcome.PASS,
    Verdict.ALLOWED_AS_EMERGENCY: Outcome.LIFTED,
    Verdict.BLOCKED: Outcome.FAIL,
    Verdict.UNKNOWN: Outcome.UNKNOWN,
}


def outcome(report: Report) -> Outcome:
    """What mark the verdict bears."""
    return Outcome.FAIL if isinstance(report.where, RecordingFailed) else _OUTCOMES[report.decision.verdict]


def word(report: Report) -> str:
    """The verdict in capitals."""
    if isinstance(report.where, RecordingFailed):
        return "NOT RECORDED"
    match report.decision.verdict:
        case Verdict.ALLOWED:
            return "ALLOWED" if not _is_preview(report) else "WOULD BE ALLOWED"
        case Verdict.ALLOWED_AS_EMERGENCY:
            return "EMERGENCY, ALLOWED" if not _is_preview(report) else "WOULD BE AN EMERGENCY"
        case Verdict.BLOCKED:
            return "BLOCKED" if report.enforced and not _is_preview(report) else "WOULD BE BLOCKED"
        case Verdict.UNKNOWN:
            return "NOT JUDGED"


def environment(report: Report) -> str:
    """What the deploy goes to, as the pipeline calls it. From outside."""
    return report.facts.deployment.environment


def before_environment(report: Report) -> str:
    """What stands between the word and the environment."""
    if isinstance(report.where, RecordingFailed):
        return "for"
    return {Verdict.BLOCKED: "from", Verdict.UNKNOWN: "for"}.get(report.decision.verdict, "to deploy to")


def after_environment(report: Report, todo: tuple[ToDo, ...]) -> str:
    """What stands after the environment: the mode, and how much is to be done."""
    if isinstance(report.where, RecordingFailed):
        return f": the deploy must not go on (judged: {report.decision.verdict.value})"
    changes = len(report.facts.changes)
    if report.decision.verdict is Verdict.ALLOWED:
        return f": {_passing(report, changes)}"
    if report.decision.emergency is not None:
        lifted = report.decision.emergency.lifted
        return f": {count(len(lifted), 'failure')} lifted on {count(len({each.change for each in lifted}), 'change')} of {changes}"
    stops = ", so it would stop" if _is_preview(report) else ", so it stops"
    mode = " (audit mode)" if not report.enforced else stops if report.decision.verdict is Verdict.UNKNOWN else ""
    touched = {place.change for each in todo for place in each.places} - {None}
    where = f", on {len(touched)} of {count(changes, 'change')}" if touched else ""
    failed = sum(each.outcome is Outcome.FAIL for each in todo)
    mixed = f"; {failed} failed, {len(todo) - failed} can't be judged" if 0 < failed < len(todo) else ""
    return f"{mode}: {count(len(todo), 'thing to do')}{where}{mixed}"


def _passing(report: Report, changes: int) -> str:
    kind = _RANGE[report.facts.range.outcome]
    if isinstance(report.where, Preview) and report.where.pending:
        return "the change passes so far"
    if not changes:
        return f"{kind or 'deploy'} without changes"
    passing = "the change passes" if changes == 1 else f"all {changes} changes pass"
    if report.decision.waivers:
        passing += f", by {count(len(report.decision.waivers), 'waiver')}"
    return f"{kind}, {passing}" if kind else passing


def policy(report: Report) -> str:
    """Which policy held. Its path is from outside."""
    if not report.enforced and _is_preview(report):
        return f"{report.policy} (audit mode: nothing would stop)"
    return report.policy if report.enforced else f"{report.policy} (audit mode: judged and recorded, not stopped)"


def subject(report: Report) -> str:
    """Which commits of which repository. The repository and the ref are from outside."""
    deployment, span = report.facts.deployment, report.facts.range
    if isinstance(report.where, Preview):
        return _open_subject(report, report.where)
    ref = f" ({deployment.ref.removeprefix('refs/heads/')})" if deployment.ref else ""
    kind = f"{_RANGE[span.outcome]}, " if _RANGE[span.outcome] else ""
    amount = f"{count(len(span.commits), 'commit')} in {count(len(report.facts.changes), 'change')}"
    removed = f", {count(len(span.removed), 'commit')} taken away" if span.removed else ""
    return f"{deployment.repository} at {short(deployment.head)}{ref}, after {short(span.base)}: {kind}{amount}{removed}"


def _open_subject(report: Report, preview: Preview) -> str:
    """Which open change of which repository, and into which branch it goes."""
    (change,) = report.facts.changes
    commits = "" if isinstance(change.commits, Unavailable) else f": {count(len(change.commits), 'commit')}"
    draft = ", a draft" if preview.draft else ""
    head = short(report.facts.deployment.head)
    return f"{report.facts.deployment.repository} {change.id} at {head} ({change.head_ref} into {change.base_ref}){commits}{draft}"


def _is_preview(report: Report) -> bool:
    return isinstance(report.where, Preview)
