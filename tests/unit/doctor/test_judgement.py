"""Tables for what the double can't bring about: times, keys, stores, owners' patterns, hidden rules, exit codes."""

from datetime import UTC, datetime, timedelta

import pytest

from changegate.doctor import Check, KeyState, State, StoreState, exit_code, judge_key, judge_store
from changegate.doctor.branches import judge_deployed, judge_evidence
from changegate.doctor.policy import judge_owners, judge_policy, judge_templates
from changegate.doctor.trackers import TrackerState, judge_trackers, key_of_none
from changegate.facts import MISSING, Lookup, Unavailable
from changegate.forges.github.settings import token_kind
from changegate.settings import Branch, File, Protection
from changegate.tracker_rules import TrackerRules
from changegate.trackers import not_found

NOW = datetime(2026, 1, 5, tzinfo=UTC)
HIDDEN = Unavailable(why="hidden", remedy="look")


def day(number: int) -> datetime:
    return NOW + timedelta(days=number)


@pytest.mark.parametrize(
    ("window", "state"),
    [
        ((None, None), "good"),
        ((day(-1), day(31)), "good"),
        ((None, day(30)), "weak"),
        ((None, day(0)), "bad"),
        ((None, day(-1)), "bad"),
        ((day(1), None), "bad"),
        ((day(0), None), "good"),
        (MISSING, "bad"),
        (HIDDEN, "unknown"),
    ],
)
def test_the_keys_time(window: tuple[datetime | None, datetime | None], state: str) -> None:
    found = {check.id: check.state for check in judge_key(KeyState("ab" * 32, window), NOW)}
    assert found == {"key-readable": "good", "key-trusted": state}


@pytest.mark.parametrize(
    ("store", "states"),
    [
        (MISSING, {"store-readable": "unknown"}),
        (HIDDEN, {"store-readable": "bad"}),
        (StoreState("git:x", False, HIDDEN, HIDDEN), {"store-readable": "bad"}),
        (StoreState("git:x", False, MISSING, HIDDEN), {"store-readable": "good"}),
        (StoreState("git:x", False, "log", HIDDEN), {"store-readable": "good", "store-whole": "unknown"}),
        (StoreState("git:x", False, "log", False), {"store-readable": "good", "store-whole": "bad"}),
        (StoreState("git:x", False, "log", True, NOW), {"store-readable": "good", "store-whole": "good", "store-clock": "good"}),
        (StoreState("git:x", False, "log", True, day(1)), {"store-readable": "good", "store-whole": "good", "store-clock": "bad"}),
        (StoreState("file:x", True, MISSING, HIDDEN), {"store-readable": "good", "store-kind": "weak"}),
    ],
)
def test_stores(store: StoreState, states: dict[str, str]) -> None:
    assert {check.id: check.state for check in judge_store(store, NOW)} == states


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("* @a", "good"),
        ("*", "weak"),
        ("# * @a", "weak"),
        ("/.github/ @a\n.changegate.yml @a", "good"),
        (".github/ @a\n/.changegate.yml @a", "good"),
        ("*.yml @a\nCODEOWNERS @a", "good"),
        ("/.github/** @a\n.changegate.yml @a", "good"),
        ("/.github/* @a\n.changegate.yml @a", "weak"),
        ("* @a\n/.github/workflows/", "weak"),
        ("* @a # everybody", "good"),
    ],
)
def test_code_owners(line: str, state: str) -> None:
    found = File(".github/CODEOWNERS", line.encode())
    assert judge_owners(found, (".changegate.yml", ".github/workflows/deploy.yml"), "").state == state


@pytest.mark.parametrize(
    ("texts", "state"),
    [((), "weak"), (("# Why\n",), "weak"), (("## Rollback plan\n",), "good"), (("x", "**Back-out plan:**"), "good"), (("Rollback plan",), "weak")],
)
def test_templates(texts: tuple[str, ...], state: str) -> None:
    assert judge_templates(texts, "").state == state


def protection(bypass: tuple[str, ...] | Unavailable = (), *, holds: bool = True) -> Protection:
    return Protection("r", holds, int(holds), holds, holds, holds, holds, holds, bypass)


@pytest.mark.parametrize(
    ("protections", "reviews", "bypass"),
    [
        ((), "bad", "weak"),
        ((HIDDEN,), "unknown", "unknown"),
        ((protection(),), "good", "good"),
        ((HIDDEN, protection()), "good", "good"),
        ((protection(holds=False), HIDDEN), "unknown", "unknown"),
        ((protection(HIDDEN),), "good", "unknown"),
        ((protection(("admins",)),), "good", "weak"),
        ((protection(("admins",)), protection()), "good", "good"),
        ((protection(HIDDEN), protection(("admins",))), "good", "weak"),
    ],
)
def test_rules_add_up_and_what_is_hidden_is_not_good(protections: tuple[Protection, ...], reviews: str, bypass: str) -> None:
    found = {check.id: check.state for check in judge_deployed(Branch("main", protections), "")}
    assert (found["branch-reviews"], found["branch-bypass"]) == (reviews, bypass)


def test_a_hidden_rule_may_demand_pull_requests_of_the_gate() -> None:
    found = {check.id: check.state for check in judge_evidence(Branch("e", (HIDDEN,)), "")}
    assert set(found.values()) == {State.UNKNOWN}


def check(state: State, *, important: bool = True) -> Check:
    return Check("x", "key", state, "", "", important=important)


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ((), 0),
        ((check(State.GOOD), check(State.WEAK)), 0),
        ((check(State.UNKNOWN, important=False),), 0),
        ((check(State.BAD),), 1),
        ((check(State.BAD), check(State.UNKNOWN, important=False)), 1),
        ((check(State.UNKNOWN),), 3),
        ((check(State.BAD), check(State.UNKNOWN)), 3),
    ],
)
def test_exit_codes(checks: tuple[Check, ...], code: int) -> None:
    assert exit_code(checks) == code


@pytest.mark.parametrize(
    ("token", "personal"), [("ghp_x", True), ("gho_x", True), ("github_pat_x", False), ("ghs_x", False), ("ghu_x", False), ("x", False)]
)
def test_kinds_of_token(token: str, personal: bool) -> None:
    kind, is_personal = token_kind(token)
    assert is_personal is personal
    assert ("unknown" in kind) == (token == "x")


JIRA = TrackerRules(kind="jira-cloud", url="https://acme.atlassian.net", projects=("SHOP", "OPS"))
NOW_RULES = TrackerRules(kind="servicenow", url="https://acme.service-now.com", projects=("CHG",))


@pytest.mark.parametrize(
    ("answers", "state", "said"),
    [
        (None, "unknown", "CHANGEGATE_JIRA_TOKEN isn't set here"),
        ({"SHOP": Lookup.MISSING, "OPS": Lookup.MISSING}, "good", "sees SHOP, OPS"),
        ({"SHOP": Lookup.FOUND, "OPS": Lookup.MISSING}, "good", "sees SHOP, OPS"),
        ({"SHOP": Lookup.MISSING, "OPS": Lookup.FORBIDDEN}, "bad", "OPS: as it is"),
        ({"SHOP": Lookup.CREDENTIALS, "OPS": Lookup.CREDENTIALS}, "bad", "SHOP, OPS: as it is"),
        ({"SHOP": Lookup.DOWN, "OPS": Lookup.FORBIDDEN}, "bad", "SHOP, OPS: as it is"),
        ({"SHOP": Lookup.DOWN, "OPS": Lookup.MISSING}, "unknown", "SHOP: as it is"),
        ({"SHOP": Lookup.UNREADABLE, "OPS": Lookup.MISSING}, "unknown", "SHOP: as it is"),
    ],
)
def test_trackers(answers: dict[str, Lookup] | None, state: str, said: str) -> None:
    found = None if answers is None else {project: not_found(project, lookup, "as it is") for project, lookup in answers.items()}
    (check,) = judge_trackers([TrackerState(JIRA, found)])
    assert (check.id, check.state, said in check.observed) == ("tracker-jira-cloud", state, True)
    assert bool(check.remedy) is (state != "good")
    assert check.important is (answers is not None)


def test_what_is_asked_for_is_a_key_of_the_trackers_form() -> None:
    assert [key_of_none(JIRA, "OPS"), key_of_none(NOW_RULES, "CHG")] == ["OPS-999999999", "CHG9999999"]


@pytest.mark.parametrize(
    ("text", "id_", "state"),
    [
        ("controls: {policy-owner-approved: {owners: [alice]}}", "policy-owners", State.WEAK),
        ("controls: {policy-owner-approved: {owners: [alice, bob]}}", "policy-owners", State.GOOD),
        ("controls: {policy-owner-approved: {owners: [alice, bob], approvals: 3}}", "policy-owners", State.BAD),
        ("controls: {policy-owner-approved: {owners: [alice, acme/platform], approvals: 3}}", "policy-owners", State.GOOD),
        ("controls: {policy-owner-approved: {owners: [acme/platform]}}", "policy-owners", State.GOOD),
        ("controls: {artifact-bound: {enabled: true, provenance: required}}", "policy-builders", State.BAD),
        (
            "controls: {artifact-bound: {enabled: true, provenance: required, builders: [{issuer: 'https://x', identity: y}]}}",
            "policy-builders",
            State.GOOD,
        ),
        ("standard-changes: [{name: all, paths: ['*']}]", "policy-standard-changes", State.BAD),
        ("standard-changes: [{name: docs, paths: [/docs/]}]", "policy-standard-changes", State.GOOD),
    ],
)
def test_what_a_policy_asks_for_can_be_met(text: str, id_: str, state: State) -> None:
    found = {each.id: each.state for each in judge_policy(text.encode(), "production", ".changegate.yml", "")}
    assert found[id_] is state
    plain = {each.id for each in judge_policy(b"enforce: true", "production", ".changegate.yml", "")}
    assert id_ not in plain, "nothing is said of what the policy doesn't have"
