"""The documentation names every difference between the forges that the scenario table has, and no other number of them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_table_of_differences_is_as_long_as_the_tests() -> None:
    page = (ROOT / "docs/forge-gitlab.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!what happens|---)", page.split("## Differences from GitHub")[1].split("\n## ")[0], re.MULTILINE)
    listed = re.findall(r"^    \w+\.\w+: Other\(", (ROOT / "tests/integration/test_parity.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(listed) == 10
