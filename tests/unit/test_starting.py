"""What is proposed to whoever begins: by what the repository shows, and nothing that isn't known to be right."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from changegate import policy
from changegate.cli.policy import START
from changegate.starting import File, Proposal, Repository, find_forge, find_projects, is_wanted, propose

DEPLOY = b"on: push\njobs:\n  deploy:\n    runs-on: x\n    environment: {name: live}\n    steps: [{run: ./deploy}]\n"
PIPELINE = b"deploy:\n  environment: live\n  script: [./deploy]\nstop:\n  environment: {name: live, action: stop}\n  script: [./stop]\n"


def repository(origin: str = "", *, subjects: tuple[str, ...] = (), **files: Any) -> Repository:
    named = {name: text if isinstance(text, bytes) else text.encode() for name, text in files.get("files", {}).items()}
    return Repository(origin, frozenset(named), {path: data for path, data in named.items() if is_wanted(path)}, subjects)


def ask(found: Repository) -> Proposal:
    return propose(found, START, version="1.2.3")


def written(found: Repository) -> dict[str, File]:
    return {each.path: each for each in ask(found).files}


@pytest.mark.parametrize(
    ("origin", "files", "forge"),
    [
        ("git@github.com:acme/shop.git", {}, "github"),
        ("https://alice@github.acme.example/acme/shop", {}, "github"),
        ("ssh://git@gitlab.com/acme/shop.git", {}, "gitlab"),
        ("https://git.acme.example/shop.git", {".gitlab-ci.yml": PIPELINE}, "gitlab"),
        ("https://git.acme.example/shop.git", {".github/workflows/x.yml": DEPLOY}, "github"),
        ("https://notgithub.example/shop.git", {}, "git"),
        ("../shop", {}, "git"),
        ("https://[", {}, "git"),
        ("", {}, "git"),
    ],
)
def test_the_forge_is_told_by_remote_and_files(origin: str, files: dict[str, bytes], forge: str) -> None:
    assert find_forge(repository(origin, files=files)) == forge


def test_projects_are_those_that_stand_in_several_commits() -> None:
    subjects = ("SHOP-1 a", "SHOP-2 b", "fix SHOP-2 c", "OPS-1", "OPS-2", "UTF-8 a", "UTF-8 b", "UTF-8 c", "SHA-256", "acme/shop#7")
    assert find_projects(subjects) == ("SHOP",)


@pytest.mark.parametrize(("origin", "files"), [("git@github.com:a/b", {}), ("git@gitlab.com:a/b", {}), ("", {})])
@pytest.mark.parametrize("subjects", [(), ("SHOP-1", "SHOP-2", "SHOP-3")])
def test_the_policy_is_one_that_the_gate_takes(origin: str, files: dict[str, bytes], subjects: tuple[str, ...]) -> None:
    made = written(repository(origin, files=files, subjects=subjects))[".changegate.yml"]
    found, defects = policy.examine(made.after.encode(), source="x")
    assert not defects
    rules = found.for_environment("production")
    assert rules.controls.ticket_linked.projects == (("SHOP",) if subjects else ())
    assert rules.assurance.value == ("forge" if origin and not subjects else "asserted")


def test_what_is_there_stays() -> None:
    files = {
        ".changegate.yml": "version: 1\n",
        ".github/workflows/changegate-preview.yml": "x",
        ".github/PULL_REQUEST_TEMPLATE.md": "# Rollback plan\n",
    }
    assert ask(repository("git@github.com:a/b", files=files)).files == ()


@pytest.mark.parametrize(
    ("origin", "path"),
    [("git@github.com:a/b", "docs/pull_request_template.md"), ("git@gitlab.com:a/b", ".gitlab/merge_request_templates/Default.md")],
)
def test_a_template_gets_a_section_behind_its_own(origin: str, path: str) -> None:
    made = written(repository(origin, files={path: "# What\n\nand why\n\n"}))[path]
    assert made.before == "# What\n\nand why\n\n"
    assert made.after.startswith("# What\n\nand why\n\n## Rollback plan\n")


@pytest.mark.parametrize(("origin", "file", "data"), [("git@github.com:a/b", ".github/workflows/x.yml", DEPLOY), ("", ".gitlab-ci.yml", PIPELINE)])
def test_jobs_that_deploy_are_found_and_the_steps_name_them(origin: str, file: str, data: bytes) -> None:
    made = ask(repository(origin, files={file: data}))
    assert [each for each in made.found if each.startswith("a job that deploys")] == [f"a job that deploys: deploy in {file}, environment live"]
    assert any(file in step and "environment: 'live'" in step for step in made.steps)
    assert made.steps[-1].endswith("changegate doctor --environment live")


def test_a_file_that_cannot_be_read_is_said() -> None:
    made = ask(repository("git@github.com:a/b", files={".github/workflows/x.yml": "jobs: [\n"}))
    assert any(each.startswith("not read: ") for each in made.found)


def test_the_workflow_is_one_that_github_takes(tmp_path: Path) -> None:
    hostile = DEPLOY.replace(b"{name: live}", json.dumps("it's: [live] # ${{ x }}").encode())
    made = written(repository("git@github.com:a/b", files={".github/workflows/x.yml": hostile}))[".github/workflows/changegate-preview.yml"]
    file = tmp_path / "preview.yml"
    file.write_text(made.after)
    assert yaml.safe_load(made.after)["jobs"]["preview"]["steps"][0]["with"]["environment"] == "it's: [live] # ${{ x }}"
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    assert subprocess.run(check, check=False, capture_output=True, text=True, timeout=60).returncode == 0


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=5), st.binary(max_size=200))
def test_whatever_stands_there_something_is_proposed(origin: str, subjects: list[str], data: bytes) -> None:
    files = {".github/workflows/x.yml": data, ".gitlab-ci.yml": data, ".github/pull_request_template.md": data}
    assert ask(Repository(origin, frozenset(files), files, tuple(subjects))).steps
