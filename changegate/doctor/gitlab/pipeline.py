"""Whether a deploy can get by the gate, as the pipelines' configuration says. Pure."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from changegate.doctor.check import Check, State, good
from changegate.doctor.gitlab.ci_file import Job, parse
from changegate.errors import FormatError
from changegate.facts import Known, Unavailable
from changegate.gitlab_settings import Include, PipelineFile

_AREA: Final = "workflows"
_GATE: Final = re.compile(r"(?:^|[\s;&|(\"'/])changegate\"?'?\s+gate(?=[\s;&|]|$)|/setup/gitlab\"?'?\s+\S+\s+gate(?=[\s;&|]|$)", re.MULTILINE)
_GOES_ON: Final = re.compile(r"\|\||set \+e|(?:changegate|/setup/gitlab)\"?'?\s[^\n]{0,2000}\bgate\b[^\n]{0,2000}(?:;|\||&\s*$)", re.MULTILINE)
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LISTED: Final = 10
_NEEDS: Final = "needs: [changegate]   # the gate's job, in the job that deploys"
_INCLUDE: Final = """\
include:
  - component: $CI_SERVER_FQDN/changegate/changegate/gate@<full commit>
    inputs:
      environment: {environment}
      commit: <full commit>"""


class _Rule(NamedTuple):
    """A weakness that jobs may have, and where it was found."""

    id: str
    state: State
    all_good: str
    why: str
    remedy: str
    places: list[str]


def judge_pipeline(found: Known[PipelineFile], environment: str, url: str) -> Iterator[Check]:
    """All checks on the configuration."""
    link, why = f"{url}/-/ci/editor", "whether a deploy can get by the gate stands in the pipelines' configuration"
    if isinstance(found, Unavailable):
        yield Check("workflows-readable", _AREA, State.UNKNOWN, found.why, why, found.remedy, link)
        return
    try:
        if found.errors:
            raise FormatError("; ".join(found.errors[:3]), remedy="Mend the configuration: GitLab runs no pipeline as it is, and it can't be judged.")
        jobs = parse(found.merged)
    except FormatError as error:
        yield Check("workflows-readable", _AREA, State.UNKNOWN, error.message, why, error.remedy, link)
        return
    yield good("workflows-readable", _AREA, f"all is read (jobs: {len(jobs)})", why)
    for rule in (*_judge_gate(jobs, environment), *_judge_reach(jobs, found.includes, environment)):
        if rule.places:
            left = len(rule.places) - _LISTED
            observed = "; ".join(rule.places[:_LISTED]) + (f"; and {left} more" if left > 0 else "")
            yield Check(rule.id, _AREA, rule.state, observed, rule.why, rule.remedy, link, important=rule.id != "workflows-elsewhere")
        else:
            yield good(rule.id, _AREA, rule.all_good, rule.why)


def is_gate(job: Job) -> bool:
    """Whether a job is the gate, or has it in its script."""
    return bool(_GATE.search(job.script))


def _deploys(job: Job, environment: str) -> bool:
    return job.environment.casefold() == environment.casefold() and job.action == "start"


def _judge_gate(jobs: tuple[Job, ...], environment: str) -> Iterator[_Rule]:
    gates = [job for job in jobs if is_gate(job)]
    mine = [job for job in gates if not job.environment or job.environment.casefold() == environment.casefold()]
    deploys = [job for job in jobs if _deploys(job, environment) and not is_gate(job)]
    present = [] if mine else [f"no job runs the gate for {environment}"]
    include = _INCLUDE.format(environment=environment)
    yield _Rule("gate-present", State.BAD, f"{environment} has a gate", "a gate that no pipeline runs judges nothing", include, present)
    out = [job.name for job in deploys if not _needs_gate(job, jobs, mine) and not _waits(job, mine)]
    yield _Rule("gate-left-out", State.BAD, "every deploy has the gate before it", "such a job deploys what nobody judged", _NEEDS, out)
    loose = [job.name for job in deploys if not _needs_gate(job, jobs, mine) and _waits(job, mine)]
    why = "it only comes in a later stage: where the gate's rules leave it out of a pipeline, or take it for optional, the deploy runs without it"
    yield _Rule("gate-needed", State.WEAK, "every deploy needs the gate's job", why, _NEEDS, loose)
    skippable = [f"{job.name}: {how}" for job in gates if (how := skippable_by(job))]
    remedy = "Remove `when`, `allow_failure` and `||` from the gate; to try it out, set enforce: false in the policy."
    yield _Rule(
        "gate-skippable", State.BAD, "no gate can be skipped", "the deploy goes on although the gate blocked it or never ran", remedy, skippable
    )
    despite = [f"{job.name}: when: {when}" for job in deploys for when in _whens(job) if when in ("always", "on_failure")]
    remedy = "Remove `when: always` and `when: on_failure` from the job that deploys."
    yield _Rule("gate-despite", State.BAD, "no deploy runs after a gate that blocked", "it deploys even where the gate blocked", remedy, despite)
    outside = [job.name for job in gates if not job.environment]
    named = f"environment: {{name: {environment}, action: prepare}}   # in the gate's job"
    yield _Rule(
        "gate-outside", State.WEAK, "every gate names its environment", "without it the environment's variables don't reach it", named, outside
    )


def _judge_reach(jobs: tuple[Job, ...], includes: tuple[Include, ...], environment: str) -> Iterator[_Rule]:
    moving = [f"{each.kind} {each.location}{f' at {each.ref}' if each.ref else ''}" for each in includes if not _pinned(each)]
    why = "whoever changes it changes what runs in this project's pipelines, with its variables"
    yield _Rule(
        "gate-pinned", State.WEAK, "all that is included from elsewhere is pinned by commit", why, "…@<full commit>, or `ref: <full commit>`", moving
    )
    unnamed = [job.name for job in jobs if not job.environment and "deploy" in job.name.lower() and not is_gate(job) and not job.trigger]
    named = f"environment: {environment}   # in the job"
    why = "without it neither the environment's protection nor its variables hold, and nothing says what is live"
    yield _Rule("deploy-environment", State.WEAK, "no job that sounds like a deploy lacks an environment", why, named, unnamed)
    below = [job.name for job in jobs if job.trigger]
    look = "Look at that pipeline yourself; or write the deploy and its environment out in this project."
    yield _Rule("workflows-elsewhere", State.UNKNOWN, "no other pipeline is started", "what it deploys isn't seen here", look, below)
    computed = [f"{job.name}: {job.environment}" for job in jobs if "$" in job.environment and not is_gate(job)]
    yield _Rule("environment-computed", State.UNKNOWN, "no job computes its environment", f"it may come out as {environment}", named, computed)


def _pinned(include: Include) -> bool:
    """GitLab's own templates come with the server, a local file with the commit."""
    return include.kind in ("local", "template") or bool(_COMMIT.fullmatch(include.ref))


def _needs_gate(job: Job, jobs: tuple[Job, ...], gates: list[Job]) -> bool:
    """Whether it needs, however far back, a gate: without it in the pipeline GitLab doesn't make the job either."""
    names, seen, stack = {each.name: each for each in jobs}, set[str](), [job]
    while stack:
        for name in stack.pop().needs or ():
            above = names.get(name)
            if above is None or name in seen:
                continue
            seen.add(name)
            if above in gates:
                return True
            if not {"always", "on_failure"} & set(_whens(above)):
                stack.append(above)
    return False


def _waits(job: Job, gates: list[Job]) -> bool:
    """Whether it comes in a later stage than a gate, and waits for that stage."""
    return job.needs is None and any(gate.stage < job.stage for gate in gates)


def _whens(job: Job) -> list[str]:
    return [each for each in (job.when, *(rule.when for rule in job.rules or ())) if each]


def skippable_by(job: Job) -> str:
    """How a pipeline goes on although the gate did not allow it; empty where it doesn't."""
    if job.allow_failure not in ("", "false"):
        return "allow_failure"
    for rule in job.rules or ():
        if rule.allow_failure == "true":
            return f"a rule's allow_failure ({rule.condition or 'without condition'})"
        if rule.when == "manual" and rule.allow_failure != "false" and job.allow_failure != "false":
            return "a rule's when: manual, for which nothing waits"
    if job.when == "manual" and job.rules is None and job.allow_failure != "false":
        return "when: manual, for which nothing waits"
    if job.when == "never":
        return "when: never"
    return "the script goes on where the gate fails" if _GOES_ON.search(job.script) else ""
