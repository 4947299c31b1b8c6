"""Feeds real comparisons, recorded from api.github.com by PyGithub's own tests, to changegate's reading. Needs PyPI; CI runs it.

    PYTHONPATH=tests python tests/conformance/github_recorded.py

Exits 0 where every recorded comparison is read whole, 1 with a line per failure.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from changegate.errors import ChangegateError
from changegate.forges.github.answer import Answer
from changegate.forges.github.client import Client
from changegate.forges.github.range import Repository, compare

PACKAGE: Final = "PyGithub==2.10.0"


class Recorded:
    """Gives recorded pages in their order."""

    def __init__(self, pages: list[Any]) -> None:
        self._pages = iter(pages)

    def get(self, _path: str, _parameters: Mapping[str, str | int]) -> Answer:
        """The next page; an empty answer after the last."""
        return Answer(next(self._pages, {}))


def recordings(folder: Path) -> Iterator[tuple[str, list[Any]]]:
    """The comparisons in PyGithub's source archive: the name of the test, and the pages it received."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        for member in archive.getmembers():
            if "/ReplayData/Repository.testCompare" in member.name:
                content = archive.extractfile(member)
                assert content is not None, member.name
                lines = content.read().decode("utf-8").splitlines()
                yield Path(member.name).stem, [json.loads(line) for line in lines if line.startswith("{") and '"total_commits"' in line]


def main() -> int:
    """Read every recording; print how each went."""
    failures = read = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, pages in recordings(Path(folder)):
            commits = [commit for page in pages for commit in page["commits"]]
            if not commits:
                continue
            try:
                found = compare(cast("Client", Recorded(pages)), Repository("o", "n"), pages[0]["base_commit"]["sha"], commits[-1]["sha"])
                print(f"{name}: {found.relation}, {len(found.commits)} commits")
                read += 1
            except ChangegateError as error:
                print(f"{name}: {error.message}")
                failures += 1
    return 1 if failures or not read else 0


if __name__ == "__main__":
    sys.exit(main())
