"""Every command in the documentation is run, in the order of its page, in a directory of its own.

A block is fenced as ```console; its lines with `$ ` are commands, and of the others those with a mark (✓, ✗) must be printed. A block that can't be
run here says why in its fence: ```console not-run: the reason.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "actions/README.md", *(ROOT / "docs").rglob("*.md")) if path.exists()]
FENCE = re.compile(r"^```(?P<language>console|sh|bash|shell)(?P<more>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
REASON = re.compile(r" not-run: \w.{5,}")


class Block(NamedTuple):
    more: str
    commands: list[str]
    printed: list[str]


def blocks(page: Path) -> list[Block]:
    found = []
    for match in FENCE.finditer(page.read_text(encoding="utf-8")):
        lines = match["text"].splitlines()
        commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        found.append(Block(match["more"], commands, [line for line in lines if line.startswith(("✓", "✗"))]))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_block_has_commands_and_is_run_or_says_why_not(page: Path) -> None:
    for block in blocks(page):
        assert block.commands or block.more
        assert not block.more or REASON.fullmatch(block.more), block.more


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(not block.more for block in blocks(page))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_the_commands_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    run = [block for block in blocks(page) if not block.more]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C.UTF-8",
        **{f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "Alice"), ("EMAIL", "alice@example.com"))},
    }
    script = "\n".join(["set -euo pipefail", *(command for block in run for command in block.commands)])
    ended = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [line for block in run for line in block.printed if line not in ended.stdout.splitlines()] == []


def test_the_readme_has_a_start_in_ten_commands() -> None:
    (start,) = (block for block in blocks(ROOT / "README.md") if not block.more)
    assert len(start.commands) <= 10
    for words in ("changegate keys generate", "changegate policy init", "changegate gate", "changegate verify"):
        assert any(command.startswith(words) for command in start.commands)
