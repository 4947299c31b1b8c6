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

from changegate import policy, record
from changegate.cli.policy import START
from changegate.errors import ExitCode, PolicyError
from changegate.facts import Assurance

ROOT = Path(__file__).parents[2]


def parse(text: str) -> policy.Policy:
    return policy.parse(text.encode(), source="p.yml")


def test_an_empty_file_is_the_defaults() -> None:
    for text in ("", "# nothing\n", "version: 1\n"):
        assert parse(text).for_environment("production") == policy.EffectivePolicy()


def test_the_file_that_init_writes_is_the_defaults() -> None:
    assert parse(START).for_environment("production") == policy.EffectivePolicy()
    named = set(yaml.safe_load(START)["controls"]["peer-approved"])
    assert named == {field.alias for field in policy.PeerApproved.model_fields.values()} - {"trailers"}


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
        ("zzz: 1\n", "p.yml:1: zzz: unknown key", "Valid here: enforce, assurance, controls, rewrites, version, environments."),
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
        ("just text\n", "p.yml:1: the file must be a mapping of keys, not a str", "policy init"),
        ("version: 1\nversion: 1\n", "p.yml:2: the key 'version' stands twice", "Keep one"),
        ("a: &x {b: 1}\nc: *x\n", "YAML aliases", "Write the value out"),
        ("1: a\n", "p.yml:1: the key '1' is not text", "quotes"),
        ("a: !!python/object:os.system x\n", "p.yml:1: can't read 'x'", "plain value"),
        ("a: 2026-99-01\n", "p.yml:1: can't read '2026-99-01'", "plain value"),
        ("[" * 30 + "]" * 30, "p.yml:1: nested too deeply", "five levels"),
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
