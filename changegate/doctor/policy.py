"""The policy at the branch's head, the templates and the code owners. Pure."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from changegate import codeowners
from changegate.doctor.check import Check, State, good
from changegate.errors import FormatError, PolicyError
from changegate.facts import Assurance, Known, Maybe, Missing, Unavailable
from changegate.policy import EffectivePolicy, parse
from changegate.settings import File, Files

_AREA: Final = "policy"


class Places(NamedTuple):
    """Where a forge keeps what is looked at: a description template, the code owners, and what they should own."""

    template: str
    owners: str
    guarded: tuple[str, ...]


GITHUB: Final = Places(".github/pull_request_template.md", ".github/CODEOWNERS", ("/.changegate.yml", "/.github/"))
_WHY: Final = "the policy says what a change needs; a change of it takes effect with the deploy after the one that brings it"


def judge_files(files: Files, environment: str, policy_path: str, url: str) -> Iterator[Check]:
    """All of it. `url`: where the files are shown, without a slash at its end."""
    link = f"{url}/{policy_path}"
    yield from judge_policy(files.policy, environment, policy_path, link)
    yield judge_templates(files.templates, url)
    guarded = (policy_path, *(file.path for file in files.workflows)) if not isinstance(files.workflows, Unavailable) else (policy_path,)
    yield judge_owners(files.owners, guarded, url)


def judge_policy(found: Maybe[bytes], environment: str, path: str, link: str) -> Iterator[Check]:
    """Present, valid, and no weaker than the defaults."""
    if isinstance(found, Unavailable):
        yield Check("policy-valid", _AREA, State.UNKNOWN, found.why, _WHY, found.remedy, link)
        return
    if isinstance(found, Missing):
        remedy = "changegate policy init, then commit the file: what holds is then written where it is reviewed."
        yield Check("policy-valid", _AREA, State.WEAK, f"there is no {path}; the defaults hold", _WHY, remedy, link)
        return
    try:
        rules = parse(found, source=path).for_environment(environment)
    except PolicyError as error:
        yield Check("policy-valid", _AREA, State.BAD, error.message, f"{_WHY}; a broken one stops every deploy", error.remedy, link)
        return
    yield good("policy-valid", _AREA, f"{path} is valid", _WHY)
    for id_, state, is_weak, observed, why, remedy in _differences(rules):
        if is_weak:
            yield Check(id_, _AREA, state, observed, why, remedy, link)
        else:
            yield good(id_, _AREA, " ".join(remedy.removeprefix("controls:").split()), why)


def _differences(rules: EffectivePolicy) -> Iterator[tuple[str, State, bool, str, str, str]]:
    """What may be weaker than the defaults: id, state, whether it is, observed, why, remedy."""
    controls = rules.controls
    peer, plan, checks = controls.peer_approved, controls.rollback_plan, controls.checks_passed
    blocked = "a deploy that a change must not be in goes on"
    yield "policy-enforced", State.BAD, not rules.enforce, "audit mode: deploys are judged, none is stopped", blocked, "enforce: true"
    for name, enabled, state in (
        ("peer-approved", peer.enabled, State.BAD),
        ("ticket-linked", controls.ticket_linked.enabled, State.WEAK),
        ("rollback-plan", plan.enabled, State.WEAK),
        ("checks-passed", checks.enabled, State.WEAK),
    ):
        why = "what nobody asks for, no record shows"
        yield f"policy-{name}", state, not enabled, f"{name} is off", why, f"controls:\n  {name}:\n    enabled: true"
    any_ = peer.permission == "any"
    remedy = "controls:\n  peer-approved:\n    permission: write"
    yield "policy-permission", State.WEAK, any_, "anybody's approval counts", "on a public repository everybody can approve", remedy
    late = peer.approved_before == "deploy"
    remedy = "controls:\n  peer-approved:\n    approved-before: merge"
    yield "policy-late", State.WEAK, late, "approvals after the merge count", "the code is on the branch before anybody else has seen it", remedy
    short = plan.enabled and plan.min_words < type(plan)().min_words
    remedy = f"controls:\n  rollback-plan:\n    min-words: {type(plan)().min_words}"
    yield "policy-plan", State.WEAK, short, f"{plan.min_words} words are a rollback plan", "a plan that says nothing undoes nothing", remedy
    remedy = "controls:\n  checks-passed:\n    ignore: []"
    observed = f"checks are ignored: {', '.join(checks.ignore) or 'none'}"
    yield "policy-ignore", State.WEAK, bool(checks.ignore), observed, "a check that is ignored may fail", remedy
    why = "`asserted` takes the word of a commit message, which its author writes; GitHub's API can vouch for the facts"
    asserted = rules.assurance is Assurance.ASSERTED
    yield "policy-assurance", State.WEAK, asserted, "asserted facts are taken", why, "assurance: forge"
    yield from find_oversights(rules)


def find_oversights(rules: EffectivePolicy) -> Iterator[tuple[str, State, bool, str, str, str]]:
    """What is asked for and can't be met, or is wider than anybody means: looked at where the policy has it at all."""
    owners, bound = rules.controls.policy_owner_approved, rules.controls.artifact_bound
    if owners.is_on:
        people = 0 if any("/" in each for each in owners.owners) else len(owners.owners)
        few, alone = 0 < people < owners.approvals, people == 1
        observed = f"{owners.approvals} owners must approve, and there are {people}" if few else f"{owners.owners[0]} alone owns the policy"
        why = "nobody can change the policy any more" if few else "nobody approves their own change of it"
        remedy = "controls:\n  policy-owner-approved:\n    owners: [alice, acme/platform]"
        yield "policy-owners", State.BAD if few else State.WEAK, few or alone, observed, why, remedy
    if bound.enabled and bound.provenance == "required":
        none = not bound.builders and not bound.builder_keys
        remedy = "controls:\n  artifact-bound:\n    builders: [{issuer: …, identity: …}]"
        yield "policy-builders", State.BAD, none, "provenance is required, and no builder is named", "nothing can meet it, and no deploy goes", remedy
    if rules.standard_changes:
        wide = [each.name for each in rules.standard_changes if {"*", "**", "/**", "/*", "**/*"} & {*each.paths}]
        observed = f"the kind {wide[0]!r} is any change" if wide else ""
        remedy = "standard-changes: [{name: docs, paths: [/docs/]}]"
        yield "policy-standard-changes", State.BAD, bool(wide), observed, "what is approved beforehand is judged by nobody", remedy


def judge_templates(found: Known[tuple[str, ...]], url: str, places: Places = GITHUB) -> Check:
    """Whether a template for descriptions asks for a plan."""
    why = "who opens a change is asked for the plan then, not when the deploy is blocked"
    id_, link = "template-rollback", f"{url}/{places.template.partition('/')[0]}"
    if isinstance(found, Unavailable):
        return Check(id_, _AREA, State.UNKNOWN, found.why, why, found.remedy, link, important=False)
    titles = tuple(EffectivePolicy().controls.rollback_plan.headings)
    if any(_has_heading(text, titles) for text in found):
        return good(id_, _AREA, "a description template has a section for the rollback plan", why)
    observed = "no description template has a section for the rollback plan" if found else "there is no description template"
    remedy = f"Put into {places.template}:\n## Rollback plan\n<!-- How is this undone? Steps, or the version to return to. -->"
    return Check(id_, _AREA, State.WEAK, observed, why, remedy, link)


def _has_heading(text: str, titles: tuple[str, ...]) -> bool:
    wanted = {title.casefold() for title in titles}
    lines = (line.strip() for line in text.splitlines())
    return any(line.strip("#*:_ ").casefold() in wanted for line in lines if line.startswith(("#", "**")))


def judge_owners(found: Maybe[File], guarded: tuple[str, ...], url: str, places: Places = GITHUB) -> Check:
    """Whether the policy and the workflows have owners."""
    why = "with owners (and their review required on the branch) nobody weakens the gate unseen by those who answer for it"
    id_ = "code-owners"
    lines = "\n".join(f"{each}  @your-org/platform" for each in places.guarded)
    remedy = f"Put into {places.owners}:\n{lines}"
    if isinstance(found, Unavailable):
        return Check(id_, _AREA, State.UNKNOWN, found.why, why, found.remedy, url, important=False)
    if isinstance(found, Missing):
        return Check(id_, _AREA, State.WEAK, "there is no CODEOWNERS file", why, remedy, url)
    content = found.content
    if isinstance(content, Unavailable):
        return Check(id_, _AREA, State.UNKNOWN, content.why, why, content.remedy, url, important=False)
    try:
        owners = codeowners.parse(content.decode("utf-8", "replace"))
    except FormatError as error:
        return Check(id_, _AREA, State.WEAK, error.message, why, error.remedy, f"{url}/{found.path}")
    unowned = [path for path in (*guarded, found.path) if not owners.owners_of(path)]
    if unowned:
        return Check(id_, _AREA, State.WEAK, f"nobody owns {', '.join(unowned[:5])}", why, remedy, f"{url}/{found.path}")
    return good(id_, _AREA, "the policy, the workflows and CODEOWNERS itself have owners", why)
