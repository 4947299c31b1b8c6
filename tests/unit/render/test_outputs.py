import json
import re

from actions_harness import read_file_commands
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.render.reports import CHECKPOINT, change, hostile, not_approved, report

from changegate.render import NotRecorded, RecordingFailed
from changegate.render.outputs import DOTENV_NAMES, NO_OUTCOME, NOTHING, render_dotenv, render_github, values


def test_the_outputs_of_a_denial() -> None:
    outputs = values(report((change(1),), not_approved("#1")))
    assert outputs == {
        "decision": "blocked",
        "record-id": "ab12ab12ab12ab12",
        "record-digest": "ab12" * 16,
        "log-index": "41",
        "log-origin": "log.example.com/acme/shop",
        "checkpoint": CHECKPOINT,
        "reasons": '["peer-approved/not-approved"]',
        "receipt": "changegate-receipt.txt",
    }
    assert read_file_commands(render_github(outputs)) == outputs


def test_what_there_is_none_of_is_empty() -> None:
    outputs = values(report((change(1),), where=NotRecorded("a preview")))
    assert outputs == {
        "decision": "allowed",
        "record-id": "",
        "record-digest": "",
        "log-index": "",
        "log-origin": "",
        "checkpoint": "",
        "reasons": "[]",
        "receipt": "",
    }


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z-]{1,10}", fullmatch=True), hostile | st.from_regex(r"(END_OF_VALUE_*\n?)*", fullmatch=True), max_size=4))
def test_any_value_arrives_whole(outputs: dict[str, str]) -> None:
    assert read_file_commands(render_github(outputs)) == outputs


def test_gitlabs_form() -> None:
    assert render_dotenv(values(report((change(1),), not_approved("#1")))) == (
        "CHANGEGATE_DECISION=blocked\n"
        "CHANGEGATE_RECORD_ID=ab12ab12ab12ab12\n"
        f"CHANGEGATE_RECORD_DIGEST={'ab12' * 16}\n"
        "CHANGEGATE_LOG_INDEX=41\n"
        "CHANGEGATE_LOG_ORIGIN=log.example.com/acme/shop\n"
        f"CHANGEGATE_CHECKPOINT={CHECKPOINT}\n"
        'CHANGEGATE_REASONS=["peer-approved/not-approved"]\n'
        "CHANGEGATE_RECEIPT_FILE=changegate-receipt.txt\n"
    )


def test_gitlabs_form_of_an_outcome() -> None:
    """A gate's outputs may come to the same job: no name is given twice."""
    gate, outcome = ({line.partition("=")[0] for line in render_dotenv(each).splitlines()} for each in (NOTHING, NO_OUTCOME))
    assert gate | outcome == DOTENV_NAMES
    assert not gate & outcome


def test_what_was_not_recorded_is_not_allowed() -> None:
    outputs = values(report((change(1),), where=RecordingFailed("the disk is full", "Free some.")))
    assert (outputs["decision"], outputs["record-id"], outputs["receipt"]) == ("not-recorded", "", "")


@settings(deadline=None)
@given(hostile)
def test_a_dotenv_value_stays_on_its_line(text: str) -> None:
    lines = render_dotenv({"receipt": text, "log-index": "1"}).splitlines()
    assert len(lines) == 2
    assert all(re.match(r"CHANGEGATE_[A-Z_]+=", line) for line in lines)


def test_reasons_are_json() -> None:
    assert json.loads(values(report((change(1),), not_approved("#1")))["reasons"]) == ["peer-approved/not-approved"]
