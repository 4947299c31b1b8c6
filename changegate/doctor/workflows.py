"""Whether a deploy can get by the gate, as the workflows at the branch's head say. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from changegate.doctor import gate_step
from changegate.doctor.check import Check, State, good
from changegate.doctor.workflow_file import ALL_SECRETS, Job, Step, Workflow, parse
from changegate.errors import FormatError
from changegate.facts import Known, Unavailable
from changegate.settings import NEEDED, File

_AREA: Final = "workflows"
SIGNING_KEY: Final = "CHANGEGATE_SIGNING_KEY"
_PERMISSIONS: Final = "\n".join(
    ["permissions:", "  contents: write"] + [f"  {need.permission}" for need in NEEDED if need.permission != "contents: read"] + ["  actions: read"]
)
_GATE: Final = """\
steps:
  - uses: changegate/changegate@<full commit>
    with:
      environment: {environment}
      signing-key: ${{{{ secrets.CHANGEGATE_SIGNING_KEY }}}}
  - run: ./deploy.sh   # after the gate"""
_MAY_WRITE: Final = frozenset({"contents", "deployments", "id-token", "statuses", "checks", "packages", "attestations"})
_LISTED: Final = 10


class _Rule(NamedTuple):
    """A weakness that places in workflows may have."""

    id: str
    state: State
    all_good: str
    why: str
    remedy: str


def judge_workflows(found: Known[tuple[File, ...]], environment: str, url: str) -> Iterator[Check]:
    """All checks on the workflows. `url`: where they are shown."""
    why = "whether a deploy can get by the gate stands in the workflows"
    if isinstance(found, Unavailable):
        yield Check("workflows-readable", _AREA, State.UNKNOWN, found.why, why, found.remedy, url)
        return
    read, unreadable = _read(found)
    if unreadable:
        remedy = "Mend these files: GitHub runs nothing of a broken one, and what is in it can't be judged."
        yield Check("workflows-readable", _AREA, State.UNKNOWN, _places(unreadable), why, remedy, url)
    else:
        yield good("workflows-readable", _AREA, f"all are read (workflows: {len(read)})", why)
    for rule, places in _judge(read, environment):
        if not found and rule.id != "gate-present":
            continue  # nothing is said of workflows where there is none
        if places:
            yield Check(rule.id, _AREA, rule.state, _places(places), rule.why, rule.remedy, url, important=rule.id != "workflows-elsewhere")
        else:
            yield good(rule.id, _AREA, rule.all_good, rule.why)


def _read(files: Iterable[File]) -> tuple[list[Workflow], list[str]]:
    read: list[Workflow] = []
    unreadable: list[str] = []
    for path, content in files:
        if isinstance(content, Unavailable):
            unreadable.append(f"{path}: {content.why}")
            continue
        try:
            read.append(parse(path, content))
        except FormatError as error:
            unreadable.append(error.message)
    return read, unreadable


def _places(places: list[str]) -> str:
    left = len(places) - _LISTED
    return "; ".join(places[:_LISTED]) + (f"; and {left} more" if left > 0 else "")


def _judge(workflows: list[Workflow], environment: str) -> Iterator[tuple[_Rule, list[str]]]:
    jobs = [job for workflow in workflows for job in workflow.jobs]
    mine = [job for job in jobs if job.environment.casefold() == environment.casefold()]
    gated = [(job, *found) for job in jobs if (found := gate_step.gate_of(job))]
    gate = _GATE.format(environment=environment)

    yield (
        _Rule("gate-present", State.BAD, f"a job of {environment} has the gate", "a gate that no workflow calls judges nothing", gate),
        [] if any(job in mine for job, _, _ in gated) else [f"no job with `environment: {environment}` has a step of changegate"],
    )
    yield (
        _Rule("gate-left-out", State.BAD, "every job of the environment is gated", "such a job deploys what nobody judged", gate),
        [job.place for job in mine if not gate_step.gate_of(job) and not _gated_before(job, workflows)],
    )
    yield (
        _Rule("gate-late", State.WEAK, "nothing stands before the gate", "what stands before the gate runs whatever it says", _FIRST),
        [f"{job.place}: {', '.join(steps)}" for job, index, _ in gated if job in mine and (steps := gate_step.before(job, index))],
    )
    yield (
        _Rule("gate-skippable", State.BAD, "no gate can be skipped", "the deploy goes on although the gate blocked it or never ran", _UNSKIPPED),
        [f"{job.place}: {how}" for job, _, step in gated if (how := gate_step.skippable(job, step))],
    )
    yield (
        _Rule("gate-despite", State.WEAK, "nothing runs after a gate that blocked", "such a step runs even where the gate blocked", _DESPITE),
        [f"{job.place}: {', '.join(steps)}" for job, index, _ in gated if (steps := gate_step.despite(job, index))],
    )
    yield (
        _Rule("gate-pinned", State.WEAK, "the action is pinned by commit", "a tag or a branch can be moved to code that takes the key", _PIN),
        [f"{job.place}: {step.uses}" for job, _, step in gated if not gate_step.pinned(step)],
    )
    yield (
        _Rule("gate-environment", State.BAD, "each gate judges its job's environment", "it compares with what is live elsewhere", _SAME),
        [f"{job.place}: judges {other}, deploys to {job.environment}" for job, _, step in gated if (other := _other_environment(job, step))],
    )
    yield from _judge_reach(workflows, jobs, gated, environment)


def _judge_reach(
    workflows: list[Workflow], jobs: list[Job], gated: list[tuple[Job, int, Step]], environment: str
) -> Iterator[tuple[_Rule, list[str]]]:
    gate = _GATE.format(environment=environment)
    keys = {SIGNING_KEY} | {name for _, _, step in gated for name in _key_names(step)}
    nameless = [job for job in jobs if not job.environment and not job.uses]
    named = f"environment: {environment}   # in the job"
    unheld = "without it neither the environment's rules nor its secrets hold"
    yield (
        _Rule("gate-outside", State.BAD, "every gated job names its environment", unheld, named),
        [job.place for job in nameless if gate_step.gate_of(job)],
    )
    yield (
        _Rule("deploy-environment", State.WEAK, "no job that sounds like a deploy lacks an environment", unheld, named),
        [job.place for job in nameless if "deploy" in job.id.lower() and not gate_step.gate_of(job) and not _gated_before(job, workflows)],
    )
    yield (
        _Rule("key-exposed", State.BAD, "the signing key is named only in jobs of the environment", "whoever gets the key signs false records", _KEY),
        _exposed(workflows, keys, environment),
    )
    yield (
        _Rule("pull-request-target", State.BAD, "no trusted workflow checks out a stranger's code", "it runs with this repository's token", _TARGET),
        [job.place for workflow in workflows if _trusted_trigger(workflow) for job in workflow.jobs if _checks_out_head(job)],
    )
    yield (
        _Rule("gate-permissions", State.BAD, "each gate's job has what the gate reads", "the gate can't judge, and every deploy stops", _PERMISSIONS),
        [f"{job.place}: lacks {', '.join(lacking)}" for job, _, step in gated if (lacking := _lacking(job, step))],
    )
    yield (
        _Rule("permissions-wide", State.WEAK, "no job has more than it needs", "a step that is taken over does all that the token may", _PERMISSIONS),
        [
            *(f"{job.place}: {wide}" for job, _, _ in gated if (wide := _wide(job))),
            *(f"{job.place}: write-all" for job in jobs if job.permissions == "write-all" and not gate_step.gate_of(job)),
        ],
    )
    yield (
        _Rule("workflows-elsewhere", State.UNKNOWN, "all that is called is here", "what a called workflow deploys isn't seen here", _ELSEWHERE),
        [f"{job.place}: calls {job.uses}" for job in jobs if job.uses and not job.uses.startswith("./")],
    )
    yield (
        _Rule("environment-computed", State.UNKNOWN, "no ungated job computes its environment", f"it may come out as {environment}", gate),
        [f"{job.place}: {job.environment}" for job in jobs if gate_step.is_expression(job.environment) and not gate_step.gate_of(job)],
    )


_FIRST: Final = "Move the gate to the front: only actions/checkout and actions/setup-… need to stand before it."
_UNSKIPPED: Final = (
    "Remove `continue-on-error` and `if` from the gate's step and its job, and `||` from its script; to try it out, set enforce: false."
)
_DESPITE: Final = "Remove `if: always()` (or failure(), cancelled()) from steps that deploy; keep it where a step only tells or cleans up."
_PIN: Final = "uses: changegate/changegate@<the full commit of the release>   # v0.1.0"
_SAME: Final = "Give the gate's step `with: environment:` the very name of the job's `environment`."
_KEY: Final = (
    "Settings → Environments → (the environment) → Environment secrets: keep the key there, delete it under Settings → Secrets and variables → "
    "Actions, and name it only in the gate's step."
)
_TARGET: Final = "Use `on: pull_request`, or check out the base: leave `with: ref:` away."
_ELSEWHERE: Final = "Look at the called workflow yourself; or write the deploy and its environment out in this repository."


def _gated_before(job: Job, workflows: list[Workflow]) -> bool:
    """Whether a job that this one needs, however far back, has a gate for the same environment, and its failure keeps this one from running."""
    siblings = {each.id: each for workflow in workflows if workflow.path == job.workflow for each in workflow.jobs}
    seen: set[str] = set()
    stack = [job]
    while stack:
        each = stack.pop()
        if gate_step.runs_despite(each):
            continue
        for name in each.needs:
            above = siblings.get(name)
            if above is None or name in seen:
                continue
            seen.add(name)
            found = gate_step.gate_of(above)
            if found and gate_step.judged_environment(found[1]).casefold() in ("", job.environment.casefold()):
                return True
            stack.append(above)
    return False


def _other_environment(job: Job, step: Step) -> str:
    judged = gate_step.judged_environment(step)
    known = judged and job.environment and not gate_step.is_expression(judged + job.environment)
    return judged if known and judged.casefold() != job.environment.casefold() else ""


def _key_names(step: Step) -> set[str]:
    """The secrets that a gate takes its key from."""
    text = step.inputs.get("signing-key", "")
    return {word.upper() for word in text.replace("{", " ").replace("}", " ").replace("secrets.", " ").split() if word.isidentifier()}


def _exposed(workflows: list[Workflow], keys: set[str], environment: str) -> list[str]:
    found = [f"{workflow.path}: outside of its jobs" for workflow in workflows if workflow.secrets & keys]
    for workflow in workflows:
        for job in workflow.jobs:
            held = job.environment.casefold() == environment.casefold() or gate_step.is_expression(job.environment)
            if job.secrets & (keys | {ALL_SECRETS}) and not held and (job.secrets & keys or not job.environment):
                found.append(f"{job.place}: {', '.join(sorted(job.secrets & keys)) or 'takes every secret'}")
    return found


def _trusted_trigger(workflow: Workflow) -> bool:
    return bool(workflow.triggers & {"pull_request_target", "workflow_run"})


_HEADS: Final = (
    "github.event.pull_request.head",
    "github.event.pull_request.merge_commit_sha",
    "github.event.workflow_run.head",
    "github.head_ref",
    "refs/pull/",
)


def _checks_out_head(job: Job) -> bool:
    return any(
        ("checkout" in step.uses and any(head in value for value in step.inputs.values() for head in _HEADS))
        or (any(f"git {verb}" in step.run for verb in ("fetch", "checkout", "pull")) and any(head in step.run for head in _HEADS))
        for step in job.steps
    )


def _lacking(job: Job, step: Step) -> list[str]:
    """What the gate reads and the job's own `permissions` leave out. A token of its own makes them beside the point."""
    if not isinstance(job.permissions, dict) or "token" in step.inputs:
        return []
    named = job.permissions
    return [need.permission for need in NEEDED if named.get(need.permission.partition(":")[0]) not in ("read", "write")]


def _wide(job: Job) -> str:
    if job.permissions is None:
        return "`permissions` is not set, so the repository's default holds"
    if isinstance(job.permissions, str):
        return "write-all" if job.permissions == "write-all" else ""
    wide = sorted(scope for scope, access in job.permissions.items() if access == "write" and scope not in _MAY_WRITE)
    return ", ".join(f"{scope}: write" for scope in wide)
