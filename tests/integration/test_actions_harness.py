"""The harness itself: what it says of the actions is only worth something if it does what the runner does."""

from pathlib import Path

import pytest
from actions_harness import Runner, read_file_commands

SCRIPT = """
name: example
description: d
inputs:
  name: {description: d, default: "${{ github.repository }}"}
  loud: {description: d, default: "false"}
outputs:
  greeting: {description: d, value: "${{ steps.greet.outputs.greeting }}"}
  none: {description: d, value: "${{ steps.nobody.outputs.x }}"}
runs:
  using: composite
  steps:
    - id: greet
      shell: bash
      env: {NAME: "${{ inputs.name }}"}
      run: |
        echo "greeting=hello $NAME" >>"$GITHUB_OUTPUT"
        printf 'MORE<<E\\na\\nb\\nE\\n' >>"$GITHUB_ENV"
        mkdir -p "$RUNNER_TEMP/bin"; printf '#!/bin/sh\\necho from the path\\n' >"$RUNNER_TEMP/bin/own"; chmod +x "$RUNNER_TEMP/bin/own"
        echo "$RUNNER_TEMP/bin" >>"$GITHUB_PATH"
        echo "# hi" >>"$GITHUB_STEP_SUMMARY"
    - if: inputs.loud == 'true'
      id: loud
      shell: bash
      run: 'echo "::warning title=t::loud"; false | true; echo not reached'
    - id: after
      shell: bash
      run: 'echo "more: $MORE"; own'
    - id: mend
      if: ${{ failure() && steps.loud.outcome == 'failure' }}
      shell: bash
      run: echo mended
    - id: always
      if: always()
      shell: bash
      run: 'echo "in $GITHUB_ACTION_PATH"'
"""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    for name in ("work space", "temp", "action"):
        (tmp_path / name).mkdir()
    (tmp_path / "action" / "action.yml").write_text(SCRIPT, encoding="utf-8")
    return Runner(tmp_path / "work space", tmp_path / "temp", github={"repository": "acme/shop"})


def test_what_steps_hand_to_each_other(runner: Runner, tmp_path: Path) -> None:
    ran = runner.run_action(tmp_path / "action")
    assert ran.outcome == "success"
    assert ran.outputs == {"greeting": "hello acme/shop", "none": ""}
    assert ran.summary == "# hi\n"
    assert "more: a\nb\nfrom the path\n" in ran.log
    assert f"in {tmp_path / 'action'}\n" in ran.log
    assert {name: step.outcome for name, step in ran.steps.items()} == {
        "greet": "success",
        "loud": "skipped",
        "after": "success",
        "mend": "skipped",
        "always": "success",
    }


def test_a_failure_stops_what_does_not_ask_for_it(runner: Runner, tmp_path: Path) -> None:
    ran = runner.run_action(tmp_path / "action", name='it\'s "bob" $(x)', loud="true")
    assert ran.outcome == "failure"
    assert ran.outputs["greeting"] == 'hello it\'s "bob" $(x)'
    assert "not reached" not in ran.log
    assert ran.commands == [("warning", "title=t", "loud")]
    assert {name: step.outcome for name, step in ran.steps.items()} == {
        "greet": "success",
        "loud": "failure",
        "after": "skipped",
        "mend": "success",
        "always": "success",
    }


def test_an_expression_inside_a_script_is_refused(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "action" / "action.yml").write_text(SCRIPT.replace("echo mended", "echo ${{ inputs.name }}"), encoding="utf-8")
    with pytest.raises(AssertionError, match="injection"):
        runner.run_action(tmp_path / "action", loud="true")


def test_an_unknown_input_is_refused(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no such input"):
        runner.run_action(tmp_path / "action", nme="x")


@pytest.mark.parametrize("text", ["name<<E\nvalue\n", "justaname\n", "=x\n"])
def test_a_broken_file_is_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        read_file_commands(text)
