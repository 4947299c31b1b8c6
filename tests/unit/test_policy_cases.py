"""Cases in words: what each makes of the facts, and mistakes in a file of them."""

import re
from typing import Any

import pytest
import yaml

from changegate import explaining, policy, policy_cases
from changegate.errors import InputError
from changegate.facts import Facts

KNOWN = explaining.list_reasons(explaining.read_pages())
AWAY = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260105\nEND:VEVENT\nEND:VCALENDAR\n"
WINDOWS = {
    "weekly": [{"kind": "allow", "name": "office hours", "reason": "somebody is there", "hours": ["mon-fri 09:00-17:00"]}],
    "calendars": [{"kind": "freeze", "name": "away", "reason": "nobody is there", "path": "ops/away.ics"}],
}
BUILDER = {"issuer": "https://token.actions.githubusercontent.com", "identity": "https://github.com/acme/shop/.github/workflows/*"}
RULES: dict[str, Any] = {
    "controls": {
        "ticket-linked": {"projects": ["SHOP"]},
        "peer-approved": {"exempt-bots": [7]},
        "rollback-plan": {"by-path": [{"paths": ["db/"], "brings": ["*.down.sql"]}]},
    },
    "environments": {
        "staging": {"controls": {"peer-approved": {"enabled": False}}},
        "owned": {"controls": {"peer-approved": {"code-owners": True, "required-teams": ["acme/payments"]}}},
        "guarded": {"controls": {"policy-owner-approved": {"owners": ["carol"]}}},
        "windowed": {"controls": {"deploy-window": WINDOWS}},
        "reported": {"controls": {"tests-reported": {"enabled": True, "min-coverage": 80}}},
        "bound": {"controls": {"artifact-bound": {"enabled": True, "provenance": "required", "builders": [BUILDER]}}},
        "apart": {"controls": {"duties-separated": {"enabled": True}}},
        "tracked": {"trackers": [{"kind": "servicenow", "url": "https://acme.service-now.com", "projects": ["CHG"], "within-window": True}]},
        "standard": {"standard-changes": [{"name": "docs", "paths": ["/docs/"]}]},
        "templates": {"controls": {"rollback-plan": {"min-words": 9}}},
    },
}
GOOD = {"title": "SHOP-12: round up"}
PLANNED = {"starts": "2026-01-05 08:00", "ends": "2026-01-05 18:00"}


def tracked(**said: str) -> dict[str, Any]:
    return {"environment": "tracked", "changes": [{"tickets": [], "tracked": {"CHG0030042": PLANNED | said}}]}


def read(*cases: dict[str, Any], **more: Any) -> policy_cases.Read:
    text = yaml.safe_dump({"cases": [{"name": "it", "expect": "allowed", **case} for case in cases], **more})
    return policy_cases.parse(text.encode(), source="cases.yml", known=KNOWN)


def no_facts(name: str) -> Facts:
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("case", "verdict", "reasons"),
    [
        ({"changes": [GOOD]}, "allowed", ()),
        ({}, "blocked", ("ticket-linked/other-project",)),
        (tracked(), "allowed", ()),
        (tracked(ends="2026-01-05 09:00"), "blocked", ("ticket-linked/outside-window",)),
        (tracked(created="after-merge"), "blocked", ("ticket-linked/created-late",)),
        (tracked(lookup="down"), "unknown", ("ticket-linked/tracker-down",)),
        ({"environment": "standard", "changes": [{"approved-by": [], "files": ["docs/a.md"]}]}, "allowed", ()),
        ({"changes": [GOOD | {"approved-by": []}]}, "blocked", ("peer-approved/not-approved",)),
        ({"changes": [GOOD | {"approved-by": []}], "environment": "staging"}, "allowed", ()),
        ({"changes": [GOOD | {"approved-by": ["alice"]}]}, "blocked", ("peer-approved/self-approved",)),
        ({"changes": [GOOD | {"also-by": ["bob"]}]}, "blocked", ("peer-approved/self-approved",)),
        ({"changes": [GOOD | {"also-by": ["carol", "erin", "bob"]}]}, "blocked", ("peer-approved/self-approved",)),
        ({"changes": [GOOD | {"readers": ["bob"]}]}, "blocked", ("peer-approved/reader-approved",)),
        ({"changes": [GOOD | {"approved": "before-last-push"}]}, "blocked", ("peer-approved/stale-approval",)),
        ({"changes": [GOOD | {"approved": "after-merge"}]}, "blocked", ("peer-approved/late-approval",)),
        ({"changes": [GOOD | {"changes-requested-by": ["bob"]}]}, "blocked", ("peer-approved/changes-requested",)),
        ({"changes": [GOOD | {"author": "robot[bot]:7", "approved-by": [], "merged-by": "dave"}]}, "allowed", ()),
        ({"changes": [GOOD | {"author": "robot[bot]", "approved-by": []}]}, "blocked", ("peer-approved/not-approved",)),
        ({"changes": [GOOD | {"approved-by": ["robot[bot]"]}]}, "blocked", ("peer-approved/bot-approved",)),
        ({"changes": [GOOD | {"kind": "direct-push"}]}, "blocked", ("peer-approved/direct-push", "rollback-plan/no-plan")),
        ({"changes": [GOOD | {"description": "no plan"}]}, "blocked", ("rollback-plan/no-plan",)),
        ({"changes": [GOOD | {"checks": {"tests": "failure"}}]}, "blocked", ("checks-passed/failed",)),
        ({"changes": [GOOD | {"checks": {"tests": "pending"}}]}, "unknown", ("checks-passed/unfinished",)),
        ({"changes": [GOOD | {"files": ["db/1.up.sql"]}]}, "blocked", ("rollback-plan/path-asks-more",)),
        ({"changes": [GOOD | {"files": ["db/1.up.sql", "db/1.down.sql"]}]}, "allowed", ()),
        ({"changes": [GOOD | {"files": ["db/1.up.sql"], "removed": ["db/1.down.sql"]}]}, "blocked", ("rollback-plan/path-asks-more",)),
        ({"changes": [GOOD, GOOD | {"title": "SHOP-13"}, GOOD | {"title": "UTF-8"}]}, "blocked", ("ticket-linked/other-project",)),
        ({"changes": [GOOD], "environment": "apart", "deployer": "alice"}, "blocked", ("duties-separated/deployer-wrote",)),
        ({"changes": [GOOD], "environment": "apart", "deployer": "dave"}, "allowed", ()),
        ({"changes": [GOOD], "environment": "windowed"}, "allowed", ()),
        ({"changes": [GOOD], "environment": "reported"}, "allowed", ()),
        ({"changes": [GOOD], "environment": "reported", "results": "failed"}, "blocked", ("tests-reported/tests-failed",)),
        ({"changes": [GOOD], "environment": "reported", "results": "of-another-commit"}, "blocked", ("tests-reported/other-commit",)),
        ({"changes": [GOOD], "environment": "reported", "results": "none"}, "blocked", ("tests-reported/no-results",)),
        ({"changes": [GOOD], "environment": "reported", "coverage": 79}, "blocked", ("tests-reported/coverage-low",)),
        ({"changes": [GOOD], "environment": "bound"}, "allowed", ()),
        ({"changes": [GOOD], "environment": "bound", "artifact": "built-from-another"}, "blocked", ("artifact-bound/other-source",)),
        ({"changes": [GOOD], "environment": "bound", "artifact": "named"}, "blocked", ("artifact-bound/no-provenance",)),
        ({"changes": [GOOD], "environment": "bound", "artifact": "none"}, "blocked", ("artifact-bound/no-artifact",)),
        ({"changes": [GOOD | {"files": ["CODEOWNERS"]}], "environment": "guarded"}, "blocked", ("policy-owner-approved/not-approved",)),
        ({"changes": [GOOD | {"files": ["CODEOWNERS"], "approved-by": ["carol"]}], "environment": "guarded"}, "allowed", ()),
        ({"changes": [GOOD | {"files": ["app.py"]}], "environment": "guarded"}, "allowed", ()),
        ({"changes": [GOOD], "environment": "windowed", "at": "2026-01-05 18:00"}, "blocked", ("deploy-window/closed",)),
        ({"changes": [GOOD], "environment": "windowed", "calendars": {"ops/away.ics": AWAY}}, "blocked", ("deploy-window/frozen",)),
        ({"changes": [GOOD], "environment": "windowed", "calendars": {"ops/away.ics": "x"}}, "blocked", ("deploy-window/calendar-broken",)),
        (
            {"changes": [GOOD | {"files": ["a.py"]}], "environment": "owned", "code-owners": "*.py @carol", "teams": {"acme/payments": ["bob"]}},
            "blocked",
            ("peer-approved/owner-not-approved",),
        ),
        (
            {"changes": [GOOD | {"files": ["a.py"]}], "environment": "owned", "code-owners": "*.py @bob", "teams": {"acme/payments": ["bob"]}},
            "allowed",
            (),
        ),
    ],
)
def test_a_case_says_what_is_special_and_the_rest_is_good(case: dict[str, Any], verdict: str, reasons: tuple[str, ...]) -> None:
    ((_, found),) = read(case).cases
    decision = policy_cases.decide(found, policy.Policy.model_validate(RULES), no_facts)
    assert (decision.verdict.value, decision.reasons) == (verdict, reasons), [each.observed for each in decision.stopping]


def test_a_case_of_what_nobody_asks_about_is_a_mistake() -> None:
    with pytest.raises(InputError, match="names no ticket 'CHG0030043'"):
        read({"changes": [{"title": "CHG0030042: round up", "tracked": {"CHG0030043": {}}}]})
    ((_, found),) = read({"environment": "windowed", "changes": [GOOD], "calendars": {"ops/aways.ics": AWAY}}).cases
    with pytest.raises(InputError, match="has a calendar 'ops/aways") as refused:
        policy_cases.decide(found, policy.Policy.model_validate(RULES), no_facts)
    assert "ops/away.ics" in refused.value.remedy


def test_any_reasons_will_do_where_none_are_named() -> None:
    wrong = {"expect": "blocked", "changes": [GOOD | {"approved-by": []}]}
    good, other, less = (
        each for _, each in read(wrong, wrong | {"reasons": ["rollback-plan/no-plan"]}, wrong | {"reasons": ["peer-approved/not-approved"]}).cases
    )
    decision = policy_cases.decide(good, policy.Policy.model_validate(RULES), no_facts)
    assert [policy_cases.differs(each, decision) for each in (good, other, less)] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cases.yml:1"),
        ("[1]", "cases.yml:1"),
        ("cases: []", "cases: must be a list of at least 1"),
        ("cases:\n- name: it\n", "cases.yml:2: cases.0.expect: is missing"),
        ("cases:\n- name: it\n  expect: maybe\n", "cases.yml:3: cases.0.expect: must be 'allowed', 'blocked' or 'unknown'"),
        ("cases:\n- name: it\n  expect: allowed\n  change: {}\n", "cases.yml:4: cases.0.change: unknown key"),
        ("cases:\n- name: it\n  expect: allowed\n  changes: [{autor: bob}]\n", "cases.0.changes.0.autor: unknown key"),
        ("cases:\n- name: it\n  expect: allowed\n  changes: [{author: a b}]\n", "must be a login"),
        ("cases:\n- name: it\n  expect: blocked\n  reasons:\n  - peer-approved/unapproved\n", "no control gives the reason"),
        ("cases: {", "cases.yml:1"),
        ("cases: [\xff", "cases.yml:1"),
        ("#" * (policy_cases.MAX_BYTES + 1), "larger than"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        policy_cases.parse(text.encode("latin-1"), source="cases.yml", known=KNOWN)
