"""Feeds answers of the real gitlab.com, recorded by ogr's own tests, to changegate's reading. Needs PyPI; CI runs it.

    PYTHONPATH=tests python tests/conformance/gitlab_recorded.py

Merge requests, their commits, notes, issues and statuses are there; approvals and diff versions are not.
Exits 0 where each is read, 1 with a line per failure.
"""

import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from changegate.errors import ChangegateError
from changegate.forges.gitlab.association import read_request
from changegate.forges.gitlab.client import Answer

PACKAGE: Final = "ogr==0.61.1"


def _commit(answer: Answer) -> None:
    for key in ("id", "title", "message", "author_name", "author_email", "committer_name", "committer_email"):
        answer.text(key)
    answer.items("parent_ids")


def _note(answer: Answer) -> None:
    answer.text("body"), answer.flag("system"), answer.at("author").number("id"), answer.time("created_at")


def _issue(answer: Answer) -> None:
    answer.text("title"), answer.text("state"), answer.text("web_url"), answer.time("created_at"), answer.at("references").text("full")


def _status(answer: Answer) -> None:
    answer.number("id"), answer.text("status"), answer.text("name"), answer.text("sha"), answer.flag("allow_failure")


def _user(answer: Answer) -> None:
    answer.number("id"), answer.text("username"), answer.text("state")


READERS: Final[Mapping[str, Callable[[Answer], object]]] = {
    r"/projects/[^/]+/merge_requests(/\d+)?": read_request,
    r"/projects/[^/]+/merge_requests/\d+/commits": _commit,
    r"/projects/[^/]+/merge_requests/\d+/notes(/\d+)?": _note,
    r"/projects/[^/]+/issues(/\d+)?": _issue,
    r"/projects/[^/]+/repository/commits/[^/]+": _commit,
    r"/projects/[^/]+/repository/commits/[^/]+/statuses": _status,
    r"/users?/?\d*": _user,
}


def recordings(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every successful answer of gitlab.com in ogr's source archive: the address without its query, and the body."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "-d", str(folder), PACKAGE]
    subprocess.run(command, check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        for member in archive.getmembers():
            if "/integration/gitlab/" in member.name and member.name.endswith((".yaml", ".yml")):
                file = archive.extractfile(member)
                recorded = yaml.safe_load(file) if file is not None else {}
                for url, replies in recorded.get("requests.sessions", {}).get("send", {}).get("GET", {}).items():
                    for reply in replies:
                        if reply["output"].get("status_code") == 200:
                            yield re.sub(r"^https://[^/]+/api/v4|\?.*$", "", url), reply["output"].get("_content")


def main() -> int:
    """Read every recording, and say how many of each kind were read."""
    read: dict[str, int] = {}
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for path, body in recordings(Path(folder)):
            reader = next((name for pattern, name in READERS.items() if re.fullmatch(pattern, path)), None)
            if reader is None:
                continue
            for item in body if isinstance(body, list) else [body]:
                try:
                    reader(Answer(item, path))
                    read[reader.__name__.strip("_")] = read.get(reader.__name__.strip("_"), 0) + 1
                except ChangegateError as error:
                    failed.append(f"{path}: {error.message}")
    print("\n".join(dict.fromkeys(failed)))
    print(f"read: {', '.join(f'{count} × {name}' for name, count in sorted(read.items()))}; failed: {len(failed)}")
    return 1 if failed or not read else 0


if __name__ == "__main__":
    sys.exit(main())
