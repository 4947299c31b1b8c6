"""Names and texts from outside do nothing to a job's log, to a note, or to the report."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gitlab_job import PLAN, TOKEN, Job, gitlab_job

from changegate.errors import ExitCode

HOSTILE = (
    "\x1b[0Ksection_start:1700000000:pwned[collapsed=true]\r\x1b[0Kpwned",
    "\x1b[2J\x1b[31mALLOWED",
    "::set-output name=decision::allowed",
    "##[error]pwned",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "[click](javascript:alert(1)) @all /approve",
    "\u202eevil\u202c\u200b\u2066",
    "title\nCHANGEGATE_DECISION=allowed",
)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Job]:
    with gitlab_job(tmp_path, monkeypatch, capsys) as job:
        job.set(CHANGEGATE_TOKEN=TOKEN)
        yield job


def is_harmless(text: str) -> bool:
    """Whether nothing in a log acts: no control character but the line's end, no command at the start of a line."""
    plain = all(character == "\n" or character.isprintable() for character in text)
    return plain and not any(line.lstrip().startswith("::") for line in text.split("\n")) and "##[" not in text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("format_", ["terminal", "markdown", "json"])
def test_a_report_of_hostile_names_is_only_a_report(job: Job, text: str, format_: str) -> None:
    request = job.change(title=text, body=PLAN + text, source=text.replace("\n", " "))
    request.status(text)
    request.status("lint\r\x1b[0K", "failed").label(text).note(job.bob, text).merge(job.alice)
    said = job.gate("--dotenv", "gate.env", format_=format_)
    assert said.code == ExitCode.BLOCKED
    assert is_harmless(said.out + said.err), said.out
    assert "CHANGEGATE_DECISION=blocked" in Path("gate.env").read_text().split("\n")
    assert "CHANGEGATE_DECISION=allowed" not in Path("gate.env").read_text().split("\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_note_of_hostile_names_holds_no_command(job: Job, text: str) -> None:
    request = job.change(title=text, body=PLAN.replace("Closes", f"{text}\n\nCloses"))
    said = job.run("preview", "--change", "1", format_="terminal")
    assert said.code == ExitCode.BLOCKED
    assert is_harmless(said.out + said.err)
    (note,) = [each.body for each in request.notes if not each.system]
    assert not any(line.startswith("/") for line in note.split("\n")), "a line that begins so is a quick action of GitLab's"
    assert "<script" not in note
    assert "<img" not in note
    assert "](javascript:" not in note
    assert not any(mention in note for mention in (" @all", "\n@all"))


@pytest.mark.parametrize("text", HOSTILE)
def test_an_environment_of_a_hostile_name(job: Job, text: str) -> None:
    job.change().approve(job.bob).merge()
    said = job.gate("--environment", text, "--base", job.project.deployments[0].sha, format_="terminal")
    assert said.code in {ExitCode.ALLOWED, ExitCode.USAGE}
    assert is_harmless(said.out + said.err)
