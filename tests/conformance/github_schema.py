"""Holds the GitHub double, and what changegate asks, to GitHub's published schemas. Needs npm and PyPI; CI runs it.

    PYTHONPATH=tests python tests/conformance/github_schema.py

1. The double's GraphQL schema is a part of the published one: same types, fields, arguments, defaults and nullability, so that a field which
   GitHub doesn't have can't be asked for.
2. Every document that changegate sends is valid against the published schema.
3. Every REST request, and every answer of the double, is valid against the published OpenAPI description.

Exits 0 where all hold, 1 with a line per violation.
"""

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from doubles.github.graphql import schema as doubles_schema
from doubles.github.scenario import deploy_everything
from doubles.github.well_set_up import show_settings
from doubles.serving import Asked
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    parse,
    validate,
)
from jsonschema import Draft4Validator

from changegate.trackers import github as issues

PACKAGES: Final = {
    "@octokit/graphql-schema@15.26.1": "package/schema.graphql",
    "@octokit/openapi@23.0.2": "package/generated/api.github.com.json",
}
_RESOURCES: Final = {
    "/repos/{owner}/{repo}/pulls/{pull_number}/files": r"/repos/[^/]+/[^/]+/pulls/\d+/files",
    "/repos/{owner}/{repo}/compare/{basehead}": r"/repos/[^/]+/[^/]+/compare/.+",
    "/repos/{owner}/{repo}/commits/{ref}/check-runs": r"/repos/[^/]+/[^/]+/commits/[^/]+/check-runs",
    "/repos/{owner}/{repo}/check-runs": r"/repos/[^/]+/[^/]+/check-runs",
    "/repos/{owner}/{repo}/check-runs/{check_run_id}": r"/repos/[^/]+/[^/]+/check-runs/\d+",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": r"/repos/[^/]+/[^/]+/issues/\d+/comments",
    "/repos/{owner}/{repo}/issues/{issue_number}/events": r"/repos/[^/]+/[^/]+/issues/\d+/events",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}": r"/repos/[^/]+/[^/]+/issues/comments/\d+",
    "/repos/{owner}/{repo}/collaborators/{username}/permission": r"/repos/[^/]+/[^/]+/collaborators/[^/]+/permission",
    "/repos/{owner}/{repo}/deployments": r"/repos/[^/]+/[^/]+/deployments",
    "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses": r"/repos/[^/]+/[^/]+/deployments/\d+/statuses",
}
_REPOSITORY: Final = "/repos/{owner}/{repo}"
SETTINGS: Final = (
    _REPOSITORY,
    *(
        f"{_REPOSITORY}/{path}"
        for path in (
            "commits",
            "deployments",
            "pulls",
            "issues",
            "environments",
            "commits/{ref}/check-runs",
            "commits/{ref}/status",
            "branches/{branch}/protection",
            "rules/branches/{branch}",
            "rulesets/{ruleset_id}",
            "environments/{environment_name}",
            "environments/{environment_name}/deployment-branch-policies",
            "git/trees/{tree_sha}",
            "git/blobs/{file_sha}",
            "collaborators",
            "teams",
            "keys",
        )
    ),
    "/orgs/{org}/installations",
)
"""What the doctor and access reviews ask for, as the description spells it."""
_BUILT_IN: Final = frozenset({"ID", "String", "Int", "Boolean", "Float"})


def published(folder: Path) -> tuple[GraphQLSchema, dict[str, Any]]:
    """GitHub's schema and description, out of the npm packages."""
    texts = []
    for package, member in PACKAGES.items():
        packed = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(folder / packed) as archive:
            content = archive.extractfile(member)
            assert content is not None, member
            texts.append(content.read().decode("utf-8"))
    return build_schema(texts[0], assume_valid=True, assume_valid_sdl=True), json.loads(texts[1])


def schema_gaps(ours: GraphQLSchema, theirs: GraphQLSchema) -> Iterator[str]:
    """What the double's schema has and the published one has not, or has otherwise."""
    for name, mine in ours.type_map.items():
        if name.startswith("__") or name in _BUILT_IN:
            continue
        other = theirs.type_map.get(name)
        if type(other) is not type(mine):
            yield f"{name}: not in GitHub's schema as a {type(mine).__name__}"
        else:
            yield from _type_gaps(name, mine, other)


def _type_gaps(name: str, mine: GraphQLNamedType, other: Any) -> Iterator[str]:
    if isinstance(mine, GraphQLEnumType):
        yield from (f"{name}.{value}: not in GitHub's enum" for value in mine.values if value not in other.values)
    elif isinstance(mine, GraphQLUnionType):
        theirs = {member.name for member in other.types}
        yield from (f"{name}: {member.name} is no member" for member in mine.types if member.name not in theirs)
    elif isinstance(mine, GraphQLObjectType | GraphQLInterfaceType):
        interfaces = {interface.name for interface in other.interfaces}
        yield from (f"{name}: is no {interface.name}" for interface in mine.interfaces if interface.name not in interfaces)
        for field, asked in mine.fields.items():
            yield from _field_gaps(f"{name}.{field}", asked, other.fields.get(field))
    elif isinstance(mine, GraphQLInputObjectType):
        for field, wanted in mine.fields.items():
            have = other.fields.get(field)
            if have is None or str(have.type) != str(wanted.type):
                yield f"{name}.{field}: {wanted.type}, and GitHub has {have.type if have else 'no such field'}"


def _field_gaps(name: str, asked: GraphQLField, there: GraphQLField | None) -> Iterator[str]:
    if there is None or str(there.type) != str(asked.type):
        yield f"{name}: {asked.type}, and GitHub has {there.type if there else 'no such field'}"
        return
    for argument, value in asked.args.items():
        given = there.args.get(argument)
        if given is None or str(given.type) != str(value.type) or given.default_value != value.default_value:
            yield f"{name}({argument}:): differs from GitHub's"


def document_gaps(documents: list[str], theirs: GraphQLSchema) -> Iterator[str]:
    """Documents that GitHub would not take."""
    for document in documents:
        yield from (f"document refused: {error.message}" for error in validate(theirs, parse(document)))


def rest_gaps(answers: list[tuple[Asked, Any]], description: dict[str, Any]) -> Iterator[str]:
    """Requests and answers that GitHub's description forbids. Its `nullable` is OpenAPI 3.0's; JSON Schema says it as a type."""
    components = _nullable(description["components"])
    for asked, answer in answers:
        place = next(place for place, pattern in _RESOURCES.items() if re.fullmatch(pattern, urlsplit(asked.path).path))
        operation = description["paths"][place][asked.method.lower()]
        status = next(status for status in operation["responses"] if status.startswith("2"))
        contents = [(operation["responses"][status], answer), (operation.get("requestBody", {}), asked.body)]
        for content, value in contents:
            schema = content.get("content", {}).get("application/json", {}).get("schema")
            if schema is None:  # DELETE: neither a body nor an answer
                yield from () if not value else (f"{asked.method} {place}: has a body",)
                continue
            validator = Draft4Validator({**_nullable(schema), "components": components})
            for error in validator.iter_errors(value):
                yield f"{asked.method} {place}: {'/'.join(map(str, error.path))}: {error.message[:200]}"


def settings_gaps(answers: list[tuple[str, Any]], description: dict[str, Any]) -> Iterator[str]:
    """The doctor's answers, each against the description of its path."""
    components = _nullable(description["components"])
    for path, answer in answers:
        template = next(each for each in SETTINGS if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", each), path))
        schema = description["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        validator = Draft4Validator({**_nullable(schema), "components": components})
        yield from (f"{template}: {'/'.join(map(str, error.path))}: {error.message[:200]}" for error in validator.iter_errors(answer))


def _nullable(value: Any) -> Any:
    if isinstance(value, list):
        return [_nullable(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {
        key: _nullable(item)
        for key, item in value.items()
        if key not in {"nullable", "example", "examples"} or not isinstance(value.get("nullable"), bool)
    }
    return {"anyOf": [plain, {"type": "null"}]} if value.get("nullable") is True else plain


def main() -> int:
    """Check everything; print what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        theirs, description = published(Path(folder))
    exchanged = deploy_everything()
    settings = show_settings()
    gaps = [
        *schema_gaps(doubles_schema(), theirs),
        *document_gaps([*exchanged.documents, issues.document((7, 8))], theirs),
        *rest_gaps(exchanged.answers, description),
        *settings_gaps(settings, description),
    ]
    for gap in gaps:
        print(gap)
    print(f"{len(exchanged.documents)} documents, {len(exchanged.answers) + len(settings)} REST answers, {len(gaps)} violations")
    return 1 if gaps or not exchanged.documents or not exchanged.answers or not settings else 0


if __name__ == "__main__":
    sys.exit(main())
