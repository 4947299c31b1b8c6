"""The permissions that examples give a job are those of the one table in docs/github-permissions.md."""

import re
from pathlib import Path

import pytest

from changegate import yaml_text

ROOT = Path(__file__).parents[2]
YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def table() -> dict[str, dict[str, str]]:
    """By job: scope to access."""
    page = (ROOT / "docs/github-permissions.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")]
    first = next(index for index, row in enumerate(rows) if row[0] == "job")
    scopes = rows[first][1:]
    return {row[0]: {scope: access for scope, access in zip(scopes, row[1:], strict=True) if access} for row in rows[first + 1 : first + 5]}


def examples(page: str) -> dict[str, dict[str, str]]:
    """By the key of the job: the permissions that each example on a page gives."""
    found: dict[str, dict[str, str]] = {}
    for text in YAML.findall((ROOT / page).read_text(encoding="utf-8")):
        if "permissions:" not in text:
            continue
        value = yaml_text.read(text.encode()).value
        for name, job in (value.get("jobs") or {"preview": value}).items():
            found[name] = job["permissions"]
    return found


@pytest.mark.parametrize(
    ("page", "jobs"),
    [
        ("README.md", {"deploy": "gate"}),
        ("actions/README.md", {"deploy": "gate", "preview": "preview", "verify": "verify"}),
        ("docs/preview.md", {"preview": "preview"}),
    ],
)
def test_an_example_gives_what_the_table_says(page: str, jobs: dict[str, str]) -> None:
    assert examples(page) == {name: table()[job] for name, job in jobs.items()}


def test_only_where_the_evidence_is_written_may_a_job_write_contents() -> None:
    assert {job for job, scopes in table().items() if scopes["contents"] == "write"} == {"gate", "gate and outcome"}
