"""Holds the GitLab double's answers against GitLab's published JSON schemas of its public API (spec/fixtures/api/schemas/public_api/v4).

    PYTHONPATH=tests python tests/conformance/gitlab_schema.py FOLDER

FOLDER holds schemas under their published names (`deployment.json`, `commit/basic.json`…); it is brought by hand, nothing of it is kept here.
The double gives fewer fields than GitLab does, so `required` is left out; every field that it gives must be of the published type. What has no schema
is named.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from doubles.gitlab import GitLabServer
from doubles.gitlab.scenario import deployment, forge, gather, small_world
from jsonschema import Draft202012Validator

SCHEMAS: Final = (  # the first whose end fits the path
    ("/deployments", "deployment.json"),
    ("/notes", "notes.json"),
    ("/members/all", "members.json"),
    ("/merge_requests/1/commits", "commit/basic.json"),
    ("/merge_requests/1/versions", "merge_request_diff.json"),
    ("/closes_issues", "issue.json"),
    ("/issues/2", "issue.json"),
    ("/merge_requests/1", "merge_request.json"),
    ("/merge_requests", "merge_request.json"),
    ("/repository/branches/main", "branch.json"),
)


def load(folder: Path, name: str, missing: set[str]) -> Any:
    """A schema with those that it refers to put in their places, nothing required."""
    path = folder / name
    if not path.is_file():
        missing.add(name)
        return {}
    return _resolved(json.loads(path.read_text(encoding="utf-8")), path.parent, folder, missing)


def _resolved(value: Any, here: Path, folder: Path, missing: set[str]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, here, folder, missing) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        # GitLab's own tests take null where an association may be empty.
        return {"anyOf": [{"type": "null"}, load(folder, str((here / reference).resolve().relative_to(folder.resolve())), missing)]}
    return {key: _resolved(each, here, folder, missing) for key, each in value.items() if key != "required"}


def answers() -> list[tuple[str, Any]]:
    """What the double is asked for a deploy and for a preview's note, and what it says."""
    it = small_world()
    with GitLabServer(it.hub) as server, TemporaryDirectory() as clone:
        it.hub.approval_times = False
        gather(forge(server, it.project.write(Path(clone))), deployment(it.project))
        opened = it.project.request(author=it.alice)
        forge(server, None).find_target(opened.iid)
        return [(asked.path.partition("?")[0], body) for asked, body in zip(server.requests, server.answers, strict=True)]


def main(folder: Path) -> int:
    """Print what was checked; 1 where a field is of another type than published."""
    missing: set[str] = set()
    checked: dict[str, int] = {}
    wrong: list[str] = []
    unchecked: set[str] = set()
    for path, body in answers():
        name = next((name for end, name in SCHEMAS if path.endswith(end)), "")
        schema = load(folder, name, missing) if name else {}
        if not schema:
            unchecked.add(path)
            continue
        items = body if isinstance(body, list) and schema.get("type") != "array" else [body]
        for item in items:
            checked[name] = checked.get(name, 0) + 1
            wrong += [f"{path}: {'.'.join(map(str, error.path))}: {error.message[:200]}" for error in Draft202012Validator(schema).iter_errors(item)]
    for name, count in sorted(checked.items()):
        print(f"{name}: {count} answers checked")
    print("no schema given:", ", ".join(sorted(missing)) or "none missing")
    print("not checked:", len(unchecked), "addresses:", ", ".join(sorted(unchecked)))
    print("\n".join(dict.fromkeys(wrong)) or "every field that was checked is of the published type")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
