"""Holds what changegate asks of Linear, and its double, to Linear's own types: they are in the published SDK, generated from the schema."""

import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from doubles.trackers import LINEAR
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type, is_list_type, is_non_null_type, parse, validate

from changegate.trackers.linear import DOCUMENTS

PACKAGE: Final = "@linear/sdk@98.0.0"
_BLOCK: Final = re.compile(r"^type (\w+) = (?:Node & )?\{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
_FIELD: Final = re.compile(r"^  (\w+)\??: (.+);$", re.MULTILINE)
_BUILT_IN: Final = frozenset({"Boolean", "DateTime", "Float", "Int", "String"})


def published(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """By type and field: its type, as TypeScript has it."""
    packed = subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]
    with tarfile.open(folder / packed) as archive:
        (name,) = (each for each in archive.getnames() if re.fullmatch(r"package/dist/index-[\w-]+\.d\.mts", each))
        content = archive.extractfile(name)
        assert content is not None, name
        text = content.read().decode("utf-8")
    return {match[1]: dict(_FIELD.findall(match[2])) for match in _BLOCK.finditer(text)}


def gaps(theirs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """What the double's schema has and Linear's has not, or has otherwise; and what of the documents the schema doesn't know."""
    for document in DOCUMENTS:
        yield from (f"document refused: {error.message}" for error in validate(LINEAR, parse(document)))
    for name, mine in LINEAR.type_map.items():
        if name.startswith("__") or not isinstance(mine, GraphQLObjectType | GraphQLInputObjectType):
            continue
        fields: Mapping[str, Any] = mine.fields
        for field, value in fields.items():
            yield from _differs(f"{name}.{field}", value.type, theirs.get(name, {}).get(field))
            for argument, asked in getattr(value, "args", {}).items():
                holder = f"{name}{field[0].upper()}{field[1:]}Args"
                yield from _differs(f"{name}.{field}({argument}:)", asked.type, theirs.get(holder, {}).get(argument))


def _differs(place: str, mine: Any, there: str | None) -> Iterator[str]:
    wanted = str(get_named_type(mine))
    wanted = f'Scalars["{wanted}"]' if wanted in _BUILT_IN else wanted
    inner = mine.of_type if is_non_null_type(mine) else mine
    if there is None or not re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", there) or is_list_type(inner) != ("Array<" in there):
        yield f"{place}: {mine}, and Linear has {there or 'no such field'}"


def main() -> int:
    """Check everything; print what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        theirs = published(Path(folder))
    found = list(gaps(theirs))
    for gap in found:
        print(gap)
    print(f"Linear: {len(DOCUMENTS)} documents against {len(theirs)} published types, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
