"""The policy file: defaults, environments, and what is said of one that can't be used."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from changegate import policy, policy_defects, record, yaml_text
from changegate.cli.policy import START
from changegate.errors import ExitCode, PolicyError
from changegate.facts import Assurance

ROOT = Path(__file__).parents[2]


def parse(text: str) -> policy.Policy:
    return policy.parse(text.encode(), source="p.yml")


def test_an_empty_file_is_the_defaults() -> None:
    for text in ("", "# nothing\n", "version: 1\n"):
        assert parse(text).for_environment("production") == policy.EffectivePolicy()


def keys_of(model: type[BaseModel], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        found.add(here)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys_of(field.annotation, here)
    return found


def test_the_file_that_init_writes_is_the_defaults_and_names_every_key() -> None:
    assert parse(START).for_environment("production") == policy.EffectivePolicy()
    assert {path for path in yaml_text.read(START.encode()).lines if path} >= keys_of(policy.Policy)


WINDOWS = "controls: {deploy-window:"
SAME = "kind: freeze, name: year end, reason: the books are closed"
CLOSED = "from: 2026-12-18 17:00, to: 2027-01-04 08:00"
LINEAR = "kind: linear, url: https://api.linear.app, projects: [SHOP]"
JIRA = "kind: jira-cloud, url: https://acme.atlassian.net, projects: [OPS]"
DEFECTS = {
    "bool_type": ("enforce: 1", "enforce: must be true or false, not 1"),
    "int_type": ("controls: {peer-approved: {approvals: 2.5}}", "must be a whole number, not '2.5'"),
    "greater_than_equal": ("controls: {peer-approved: {approvals: 0}}", "must be 1 or more, not 0"),
    "less_than_equal": ("controls: {peer-approved: {approvals: 21}}", "must be 20 or less, not 21"),
    "string_type": ("controls: {checks-passed: {ignore: [7]}}", "must be text; put quotes around what looks like a number, not 7"),
    "string_too_short": ("controls: {checks-passed: {ignore: ['']}}", "must be text of at least 1 character, not ''"),
    "string_too_long": (f"controls: {{checks-passed: {{ignore: [{'x' * 201}]}}}}", "must be text of at most 200 characters, not 'xxx"),
    "string_pattern_mismatch": (
        "controls: {ticket-linked: {projects: [shop]}}",
        "must be a tracker project's key in capitals, such as SHOP, not 'shop'",
    ),
    "literal_error": ("controls: {peer-approved: {permission: read}}", "must be 'write' or 'any', not 'read'"),
    "enum": ("assurance: full", "must be 'asserted' or 'forge', not 'full'"),
    "tuple_type": ("controls: {checks-passed: {ignore: lint}}", "must be a list, such as [one, two], not 'lint'"),
    "too_short": ("controls: {rollback-plan: {headings: []}}", "must be a list of at least 1, not a list of 0"),
    "too_long": (f"controls: {{peer-approved: {{required-teams: [{', '.join(['a/b'] * 21)}]}}}}", "must be a list of at most 20, not a list of 21"),
    "model_type": ("controls: {peer-approved: true}", "must be a mapping: keys of their own, indented below, not true"),
    "time_zone": (f"{WINDOWS} {{time-zone: Berlin}}}}", "must be a time zone of the IANA database, such as Europe/Berlin, not 'Berlin'"),
    "hours": (f"{WINDOWS} {{weekly: [{{{SAME}, hours: [9-17]}}]}}}}", "must be hours of a week, such as mon-fri 09:00-17:00, sat-sun, or fri 16:00"),
    "local_time": (f"{WINDOWS} {{dates: [{{{SAME}, from: 2026-12-18, to: x}}]}}}}", "must be a day and a time from 2000 to 2099, such as 2026-12-24"),
    "recurrence": (
        f"{WINDOWS} {{dates: [{{{SAME}, {CLOSED}, repeats: FREQ=HOURLY}}]}}}}",
        "must be a recurrence rule such as FREQ=YEARLY (the recurrence rule: FREQ must be one of DAILY, WEEKLY, MONTHLY, YEARLY), not 'FREQ=HOURLY'",
    ),
    "left_out": (f"trackers: [{{{LINEAR}, types: [Bug]}}]", "trackers.0.types: must be left out (issues of Linear have no types), not a list of 1"),
    "projects": (
        "trackers: [{kind: github-issues, url: https://api.github.com, projects: [SHOP]}]",
        "trackers.0.projects: must be repositories, such as [acme/planning], not a list of 1",
    ),
    "trackers": (f"trackers: [{{{LINEAR}}}, {{{LINEAR}}}]", "must be a list of trackers of which one alone has the project SHOP, not a list of 2"),
    "window": (
        f"{WINDOWS} {{dates: [{{{SAME}, from: 2026-12-18 17:00, to: 2026-12-18 17:00}}]}}}}",
        "must be a window that ends after it begins, and at most 366 days later, not a mapping",
    ),
    "dict_type": ("environments: []", "must be a mapping: keys of their own, indented below, not a list of 0"),
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"version: 1\nrewrites:\n  - from: '{'a' * 40}'\n    reason: it had to be\n", "3: rewrites.0.to: is missing"),
        (
            "version: 1\ncontrols:\n  rollback-plan:\n    by-path:\n      - names: [restore]\n",
            "5: controls.rollback-plan.by-path.0.paths: is missing",
        ),
        ("version: 1\ncontrols:\n  rollback-plan:\n    headings:\n    - 7\n", "5: controls.rollback-plan.headings.0: must be text"),
        ("controls: {rollback-plan: {by-path: [{paths: [a b]}]}}", "must be a path or pattern as in CODEOWNERS"),
        ("controls: {rollback-plan: {by-path: [{paths: [a], brings: ['!b']}]}}", "must be a path or pattern as in CODEOWNERS"),
        ("controls: {rollback-plan: {by-path: [{paths: [a], names: ['--']}]}}", "must be a word or a few"),
        ("controls: {policy-owner-approved: {owners: ['@alice']}}", "must be a login, or an organization and a team, such as alice or acme/platform"),
        (f"{WINDOWS} {{calendars: [{{{SAME}, path: '*.ics'}}]}}}}", "must be a file's path from the repository's root"),
        (f"{WINDOWS} {{calendars: [{{{SAME}, path: /etc/x.ics}}]}}}}", "must be a file's path from the repository's root"),
        (f"{WINDOWS} {{dates: [{{{SAME}, {CLOSED}, repeats: FREQ=WEEKLY;BYDAY=SU}}]}}}}", "whose first day is one of those that `repeats` gives"),
        (f"{WINDOWS} {{dates: [{{{SAME}, from: 2026-01-01 00:00, to: 2027-06-01 00:00}}]}}}}", "at most 366 days later"),
        (f"trackers: [{{{LINEAR}, plan-field: plan}}]", "plan-field: must be left out (its issues have no such fields)"),
        (
            "trackers: [{kind: github-issues, url: https://api.github.com, projects: [a/b], types: [Bug]}]",
            "types: must be left out (GitHub's published schema has no types of issues)",
        ),
        ("trackers: [{kind: linear, url: https://api.linear.app, projects: [acme/planning]}]", "projects: must be keys in capitals, such as [SHOP]"),
        ("trackers: [{kind: linear, url: https://api.linear.app, projects: ['acme/']}]", "or a repository, such as acme/planning, not 'acme/'"),
        (f"trackers: [{{{JIRA}, approvals: [approved]}}]", "approvals: must be left out (only change requests of ServiceNow have an approval)"),
        (f"trackers: [{{{JIRA}, within-window: true}}]", "within-window: must be left out (only change requests"),
        (
            f"trackers: [{{{JIRA}}}, {{kind: jira-data-center, url: https://jira.example.com, projects: [OLD]}}]",
            "with one address for CHANGEGATE_JIRA_TOKEN: a token must not be sent to another's server",
        ),
        (f"{WINDOWS} {{weekly: [{{{SAME}, hours: []}}]}}}}", "must be a list of at least 1"),
        (f"{WINDOWS} {{weekly: [{{kind: allow, name: x, hours: [mon]}}]}}}}", "weekly.0.reason: is missing"),
    ],
)
def test_what_is_left_out_or_of_no_use_is_named(text: str, message: str) -> None:
    _, (first, *_) = policy.examine(text.encode(), source="p.yml")
    assert message in str(first)


@pytest.mark.parametrize("kind", policy_defects.WORDS)
def test_every_kind_of_mistake_is_said_in_plain_words(kind: str) -> None:
    text, message = DEFECTS[kind]
    _, (first, *_) = policy.examine(text.encode(), source="p.yml")
    assert message in str(first)


def test_a_team_may_be_a_subgroup() -> None:
    policy = parse("controls: {peer-approved: {required-teams: [acme/web/payments]}}")
    assert policy.controls.peer_approved.required_teams == ("acme/web/payments",)


def test_a_team_is_named_with_its_organization() -> None:
    with pytest.raises(PolicyError, match="must be an organization and a team, such as acme/payments, not 'payments'"):
        parse("controls: {peer-approved: {required-teams: [payments]}}")


def test_every_mistake_is_named_with_its_line() -> None:
    text = "enforce: 1\ncontrols:\n  peer-approved:\n    approvals: 0\n    newer-bse: allow\nenvironments:\n  staging:\n    version: 1\n"
    _, defects = policy.examine(text.encode(), source="p.yml")
    assert [(each.line, each.path) for each in defects] == [
        (1, "enforce"),
        (4, "controls.peer-approved.approvals"),
        (5, "controls.peer-approved.newer-bse"),
        (8, "environments.staging.version"),
    ]
    assert defects[2].allowed == "Did you mean 'newer-base'?"
    assert defects[3].allowed.startswith("Valid here: enforce, assurance, controls, standard-changes, trackers, emergency, privacy, rewrites.")


def test_an_environment_overrides_key_by_key() -> None:
    found = parse(
        "assurance: forge\n"
        "controls: {peer-approved: {approvals: 2, permission: any}}\n"
        "environments: {staging: {enforce: false, controls: {peer-approved: {approvals: 1}}}}\n"
    )
    staging, production = found.for_environment("staging"), found.for_environment("production")
    assert (staging.enforce, staging.assurance) == (False, Assurance.FORGE)
    assert (staging.controls.peer_approved.approvals, staging.controls.peer_approved.permission) == (1, "any")
    assert (production.enforce, production.controls.peer_approved.approvals) == (True, 2)


def test_a_name_that_differs_by_case_alone_is_refused() -> None:
    found = parse("environments: {production: {enforce: false}}\n")
    with pytest.raises(PolicyError, match="'production', and this deploy goes to 'Production'"):
        found.for_environment("Production")


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        ("controls:\n  peer-aproved: {}\n", "p.yml:2: controls.peer-aproved: unknown key", "Did you mean 'peer-approved'?"),
        ("controls:\n  rollback-plan:\n    min-word: 3\n", "p.yml:3: controls.rollback-plan.min-word: unknown key", "Did you mean 'min-words'?"),
        ("environments:\n  staging:\n    enforced: true\n", "p.yml:3: environments.staging.enforced: unknown key", "Did you mean 'enforce'?"),
        (
            "environments:\n  s:\n    controls:\n      ticket-linked: {project: [A]}\n",
            "p.yml:4: environments.s.controls.ticket-linked.project: unknown key",
            "Did you mean 'projects'?",
        ),
        (
            "zzz: 1\n",
            "p.yml:1: zzz: unknown key",
            "Valid here: enforce, assurance, controls, standard-changes, trackers, emergency, privacy, rewrites, version, environments.",
        ),
        ("version: 2\n", "p.yml:1: version: ", "policy schema"),
        ("controls:\n  peer-approved:\n    approvals: '2'\n", "p.yml:3: controls.peer-approved.approvals: ", "policy schema"),
        ("controls:\n  peer-approved:\n    approvals: 0\n", "p.yml:3: controls.peer-approved.approvals: ", "policy schema"),
        ("controls:\n  ticket-linked:\n    projects:\n      - SHOP\n      - shop\n", "p.yml:5: controls.ticket-linked.projects.1: ", "policy schema"),
        ("controls:\n  rollback-plan: {headings: []}\n", "p.yml:2: controls.rollback-plan.headings: ", "policy schema"),
        ("enforce: maybe\n", "p.yml:1: enforce: ", "policy schema"),
        ("controls:\n", "p.yml:1: controls: ", "policy schema"),
        ("assurance: forg\n", "p.yml:1: assurance: ", "policy schema"),
        ("a: [1\n", "p.yml:2:1: expected ',' or ']'", "Mend the YAML"),
        ("a: 1\n\tb: 2\n", "p.yml:2:1: found character '\\t'", "Mend the YAML"),
        ("- a\n", "p.yml:1: the file must be a mapping of keys, not a list", "policy init"),
        ("just text\n", "p.yml:1: the file must be a mapping of keys, not a single value", "policy init"),
        ("version: 1\nversion: 1\n", "p.yml:2:1: the key 'version' stands twice", "Keep one"),
        ("a: &x {b: 1}\nc: *x\n", "YAML aliases", "Write the value out"),
        ("? [1]\n: a\n", "p.yml:1:3: a key that is no plain text", "quotes"),
        ("a: !!python/object:os.system x\n", "p.yml:1:4: the tag 'tag:yaml.org,2002:python/object:os.system'", "plain value"),
        ("enforce: 2026-99-01\n", "p.yml:1: enforce: must be true or false, not '2026-99-01'", "policy schema"),
        ("enforce: no\n", "p.yml:1: enforce: must be true or false, not 'no'", "policy schema"),
        ("[" * 300, "p.yml:1:65: nested too deeply", "64 levels"),
        ("enforce: x\nversion: 2\na: 1\n", "p.yml:1: enforce: must be true or false, not 'x' (and 2 more: ", "policy schema"),
        ("a: 1\n---\nb: 2\n", "p.yml:", ""),
    ],
)
def test_a_defect_is_named_by_line_and_key(text: str, message: str, remedy: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text)
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(("data", "message"), [(b"\xff\xfe", "not UTF-8"), (b"#" * (policy.MAX_BYTES + 1), "larger than 256 KiB")])
def test_bytes_that_are_no_policy(data: bytes, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy.parse(data, source="p.yml")


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="{}[]:,-&*!|>#'\" \n\tabc1", max_size=100).map(str.encode)))
def test_whatever_the_bytes_only_our_error_escapes(data: bytes) -> None:
    with contextlib.suppress(PolicyError):
        policy.parse(data, source="p.yml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner)
    )
)
def test_whatever_the_values_only_our_error_escapes(value: Any) -> None:
    with contextlib.suppress(PolicyError):
        policy.parse(json.dumps({"controls": value, "environments": {"x": value}}).encode(), source="p.yml")


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (yaml.safe_load(START), True),
        ({"controls": {"peer-approved": {"approvals": 2}}}, True),
        ({"environments": {"staging": {"enforce": False}}}, True),
        ({"controls": {"peer-aproved": {}}}, False),
        ({"controls": {"peer-approved": {"approvals": 0}}}, False),
        ({"environments": {"staging": {"version": 1}}}, False),
    ],
)
def test_the_schema_says_what_the_model_says(value: dict[str, Any], *, good: bool) -> None:
    assert Draft202012Validator(policy.schema()).is_valid(value) is good


@pytest.mark.parametrize("name", ["policy", "gate-decision"])
def test_the_published_schemas_are_the_generated_ones(name: str) -> None:
    made = policy.schema() if name == "policy" else record.schema()
    Draft202012Validator.check_schema(made)
    assert json.loads((ROOT / "schema" / f"{name}.v1.json").read_text()) == made, "run `make schema`"
