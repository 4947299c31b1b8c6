"""A job of GitLab CI whose project the double serves, with a clone of it, a key and a store in the current directory."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from doubles.gitlab import READER_TOKEN, TOKEN, GitLabServer, Hub, Project, Request, User, job_token

from changegate.cli import run
from changegate.forges.gitlab import GitLab

PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."
JOB = 5_000_000_000


class Said(NamedTuple):
    """How a command ended, and what it printed; `report` where that is JSON."""

    code: int
    report: Any
    out: str
    err: str


class Job:
    """The shop's project with a deployed release, and the job that runs commands for it."""

    def __init__(self, path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.hub = Hub()
        self.alice, self.bob, self.carol = (self.hub.user(name) for name in ("alice", "bob", "carol"))
        self.project: Project = self.hub.project(path, files={"README.md": "shop\n"}, developers=(self.alice, self.bob, self.carol))
        self.project.deploy()
        self.server = GitLabServer(self.hub)

    def change(self, author: User | None = None, *, title: str = "Round prices up", body: str = PLAN, **more: Any) -> Request:
        """A merge request with all that it needs but an approval."""
        text = body.replace("{issue}", str(self.project.issue().iid)) if "{issue}" in body else body
        return self.project.request(author=author or self.alice, title=title, description=text, **more).status("tests")

    def set(self, **variables: str) -> None:
        """Variables of the job."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def run(self, *words: str, format_: str = "json", write: bool = True) -> Said:
        """A command, as the job's script has it, in a fresh clone unless `write` says that it stays as it is."""
        if write:
            self.project.write(Path("clone.git"))
        self.capsys.readouterr()
        code = run([*words, *(("--format", format_) if format_ else ())])
        printed = self.capsys.readouterr()
        return Said(code, json.loads(printed.out) if printed.out.startswith("{") else None, printed.out, printed.err)

    def gate(self, *words: str, format_: str = "json") -> Said:
        """The gate, of the tip of main."""
        return self.run("gate", "--workspace", "clone.git", "--head", self.project.head, *words, format_=format_)


@contextmanager
def gitlab_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: str = "acme/shop") -> Iterator[Job]:
    """The job, with a key of its own and without anything else in the environment. No wait is a real one."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name == "CI" or name.startswith(("CHANGEGATE_", "GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    assert run(["keys", "generate"]) == 0
    job = Job(path, monkeypatch, capsys)
    clock = {"sleep": job.server.sleep, "now": lambda: sum(job.server.slept)}
    monkeypatch.setattr(GitLab.__init__, "__kwdefaults__", {**(GitLab.__init__.__kwdefaults__ or {}), **clock})
    with job.server as server:
        job.set(
            GITLAB_CI="true",
            CI="true",
            CI_PROJECT_PATH=path,
            CI_PROJECT_ID=str(job.project.id),
            CI_SERVER_URL=server.url,
            CI_API_V4_URL=server.api_url,
            CI_COMMIT_BRANCH="main",
            CI_JOB_ID=str(JOB),
            CI_JOB_NAME="gate",
            CI_JOB_URL=f"{server.url}/{path}/-/jobs/{JOB}",
            CI_JOB_TOKEN=job_token(JOB),
            CI_PIPELINE_SOURCE="push",
            GITLAB_USER_ID=str(job.alice.id),
            GITLAB_USER_LOGIN="alice",
            CHANGEGATE_TOKEN=READER_TOKEN,
            CHANGEGATE_SIGNING_KEY="changegate-key.pem",
            CHANGEGATE_STORE="file:evidence",
        )
        yield job


__all__ = ["JOB", "PLAN", "READER_TOKEN", "TOKEN", "Job", "Said", "gitlab_job"]
