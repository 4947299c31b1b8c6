"""Workflows as text: what GitHub takes in several forms, and that nothing but our own error escapes."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from changegate.doctor import gate_step
from changegate.doctor.workflow_file import ALL_SECRETS, parse
from changegate.doctor.workflows import judge_workflows
from changegate.errors import FormatError
from changegate.settings import File

PATH = ".github/workflows/x.yml"


def read(text: str) -> object:
    return parse(PATH, text.encode())


@pytest.mark.parametrize(
    ("on", "triggers"),
    [("push", {"push"}), ("[push, pull_request]", {"push", "pull_request"}), ("{push: {}, schedule: []}", {"push", "schedule"}), ("", set())],
)
def test_triggers(on: str, triggers: set[str]) -> None:
    assert parse(PATH, f"on: {on}\njobs: {{}}".encode()).triggers == triggers


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("${{ secrets.KEY }}", {"KEY"}),
        ("${{ secrets['key'] }}", {"KEY"}),
        ("${{ toJSON(secrets) }}", {ALL_SECRETS}),
        ("${{ '}}' && secrets.KEY }}", {"KEY"}),
        ("secrets.KEY", set()),
        ("${{ x }} ${{ secrets . KEY", set()),
    ],
)
def test_secrets(text: str, secrets: set[str]) -> None:
    quoted = text.replace("'", "''")
    (job,) = parse(PATH, f"jobs:\n  a:\n    env:\n      K: '{quoted}'\n    steps: []".encode()).jobs
    assert job.secrets == secrets


def test_inherited_secrets_and_anchors() -> None:
    (one, two) = parse(PATH, b"jobs:\n  a: &a {uses: ./x.yml, secrets: inherit}\n  b: *a").jobs
    assert one.secrets == two.secrets == {ALL_SECRETS}


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "jobs: []", "jobs: {a: 1}", "jobs: {a: {steps: x}}", "jobs: {a: {steps: [1]}}", "a: [", "a: &a [*a]", "{" * 5000, "\x00"]
)
def test_what_is_no_workflow(text: str) -> None:
    with pytest.raises(FormatError):
        read(text)


def test_an_anchor_repeats_its_value() -> None:
    text = "x: &steps [{run: a}]\njobs: {a: {steps: *steps}, b: {steps: *steps}}"
    assert [job.steps[0].run for job in parse(PATH, text.encode()).jobs] == ["a", "a"]


def test_anchors_that_grow_are_refused_before_they_have() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    with pytest.raises(FormatError, match="too many values"):
        parse(PATH, "\n".join([*lines, "jobs: {}"]).encode())


@given(st.text(max_size=200) | st.from_regex(r"(jobs|on|steps|a|:|\{|\}|\[|\]|&a|\*a|<<|\n| |-|!!int|\? ){1,40}", fullmatch=True))
def test_only_our_error_escapes(text: str) -> None:
    with contextlib.suppress(FormatError):
        read(text)


@given(st.binary(max_size=200))
def test_bytes_are_judged_and_never_good(data: bytes) -> None:
    found = {check.id: check for check in judge_workflows((File(PATH, data),), "production", "")}
    assert found["gate-present"].state == "bad"


@pytest.mark.parametrize(
    ("step", "gate", "pinned", "how"),
    [
        ("uses: changegate/changegate@v1", True, False, ""),
        (f"uses: acme/changegate@{'a' * 40}", True, True, ""),
        ("uses: changegate/changegate/actions/verify@v1", False, True, ""),
        ("uses: acme/notchangegate@v1", False, True, ""),
        ("run: changegate gate --environment production", True, True, ""),
        ("run: ./bin/changegate gate", True, True, ""),
        ("run: changegate gate || true", True, True, "the script goes on where the gate fails"),
        ("run: changegate gate | tee log", True, True, "the script goes on where the gate fails"),
        ("run: changegate verify evidence", False, True, ""),
        ("{uses: changegate/changegate@v1, if: success()}", True, False, ""),
        ("{uses: changegate/changegate@v1, if: '${{ always() }}'}", True, False, ""),
        ("{uses: changegate/changegate@v1, if: inputs.gate}", True, False, "if: inputs.gate"),
        ("{uses: changegate/changegate@v1, continue-on-error: false}", True, False, ""),
        ("{uses: changegate/changegate@v1, continue-on-error: '${{ inputs.x }}'}", True, False, "continue-on-error: ${{ inputs.x }}"),
    ],
)
def test_the_gate_is_recognised(step: str, gate: bool, pinned: bool, how: str) -> None:
    (job,) = parse(PATH, f"jobs:\n  a:\n    steps:\n    - {step}\n".encode()).jobs
    (found,) = job.steps
    assert gate_step.is_gate(found) is gate
    assert gate_step.pinned(found) is pinned
    assert gate_step.skippable(job, found) == how
