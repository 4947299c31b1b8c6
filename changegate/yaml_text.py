"""YAML from outside, read within bounds. Pure.

The policy and the trust file are YAML because people write them; workflow files are YAML that anybody can write. So no more of the language is
read than these need (https://yaml.org/spec/1.2.2/#103-core-schema, less its floats, which nothing here has a use for):

- a plain scalar is null, true, false or a whole number where the core schema says so, and text else. `no`, `1:30` and `2026-01-01` are text;
- keys are text, whatever they look like, and stand once;
- tags are refused but for `!!str`; so are aliases, unless the caller wants them, and then each counts as much as what it repeats;
- depth and the number of values are bounded while reading, so that no input takes long.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 20_000
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {**dict.fromkeys(("true", "True", "TRUE"), True), **dict.fromkeys(("false", "False", "FALSE"), False)}
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)

Path = tuple[str | int, ...]


class YamlError(Exception):
    """What is wrong with a text, where (line and column, counted from 1), and what to do. Whoever reads the text knows which error of ours it is."""

    def __init__(self, problem: str, line: int, column: int, *, remedy: str = "Mend the YAML at that line.") -> None:
        super().__init__(f"{line}:{column}: {problem}")
        self.problem = problem
        self.line = line
        self.column = column
        self.remedy = remedy


@dataclass(frozen=True)
class Document:
    """The plain value of a text (None where it is empty), and where each part of it stands."""

    value: Any
    lines: Mapping[Path, int]
    """The line of each key and list entry, by its path from the top."""

    def line(self, path: Path) -> int:
        """The line of the deepest part of `path` that the text has."""
        return next((self.lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in self.lines), 1)


def read(data: bytes, *, aliases: bool = False, text_only: bool = False) -> Document:
    """Read one document. `aliases`: whether `*name` may be used. `text_only`: every scalar is text. Raises `YamlError`."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        raise YamlError("not UTF-8 text", before.count(b"\n") + 1, error.start - before.rfind(b"\n"), remedy="Save the file as UTF-8.") from error
    try:
        return _Reader(_events(text), aliases=aliases, text_only=text_only).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise YamlError(str(problem), mark.line + 1 if mark else 1, mark.column + 1 if mark else 1) from error


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=yaml.SafeLoader)
    except (ValueError, OverflowError) as error:  # PyYAML lets these out of an escape (\U00110000) or a version that is no number
        raise YamlError("an escape or a directive that is none", 1, 1) from error


@dataclass
class _Reader:
    """Builds values from events, one after the other, without recursion into what the text nests."""

    events: Iterator[Any]
    aliases: bool
    text_only: bool
    lines: dict[Path, int] = field(default_factory=dict)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    values: int = 0

    def document(self) -> Document:
        event = next(self.events)
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = next(self.events)
        if isinstance(event, yaml.StreamEndEvent):
            return Document(None, {})
        self.lines[()] = event.start_mark.line + 1
        value = self._value(event, (), 0)
        next(self.events)  # the document's end
        after: Any = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise _error("a second document begins", after, remedy="Keep one document in the file: take away the line `---`.")
        return Document(value, self.lines)

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._count(1, event)
        if depth >= MAX_DEPTH:
            raise _error("nested too deeply", event, remedy=f"{MAX_DEPTH} levels are read at most.")
        if event.tag is not None and not (isinstance(event, yaml.ScalarEvent) and event.tag in _TEXT_TAGS):
            raise _error(f"the tag {event.tag[:60]!r} is not used here", event, remedy="Write a plain value.")
        before = self.values - 1
        if isinstance(event, yaml.ScalarEvent):
            text = _text(event)
            value: Any = text if self.text_only or not event.implicit[0] else _resolve(text)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path, depth)
        else:
            value = self._mapping(path, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, self.values - before)
        return value

    def _alias(self, event: Any) -> Any:
        if not self.aliases:
            raise _error("YAML aliases (*name) are not used here", event, remedy="Write the value out.")
        if event.anchor not in self.anchors:
            raise _error(f"no value before this is named &{event.anchor[:60]}", event)
        value, size = self.anchors[event.anchor]
        self._count(size, event)
        return value

    def _list(self, path: Path, depth: int) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            at = (*path, len(found))
            self.lines[at] = event.start_mark.line + 1
            found.append(self._value(event, at, depth + 1))
        return found

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            self._count(1, event)
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or (event.tag is not None and event.tag not in _TEXT_TAGS):
                raise _error("a key that is no plain text", event, remedy="Put the key in quotes.")
            key = _text(event)
            if key in found:
                raise _error(f"the key {key[:100]!r} stands twice", event, remedy="Keep one of them.")
            if event.anchor is not None:
                self.anchors[event.anchor] = (key, 1)
            at = (*path, key)
            self.lines[at] = line
            found[key] = self._value(next(self.events), at, depth + 1)
        return found

    def _count(self, number: int, event: Any) -> None:
        self.values += number
        if self.values > MAX_VALUES:
            raise _error("too many values", event, remedy=f"{MAX_VALUES} are read at most; check that this is the file you mean.")


def _text(event: Any) -> str:
    """A scalar's text. Two escapes may be the halves of one character, as in JSON; half a character is none."""
    value: str = event.value
    if value.isascii():
        return value
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise _error("an escape that is half a character", event) from error


def _resolve(plain: str) -> str | int | bool | None:
    if plain in _NULL:
        return None
    return _BOOLEANS[plain] if plain in _BOOLEANS else int(plain) if _WHOLE.fullmatch(plain) else plain


def _error(problem: str, event: Any, *, remedy: str = "Mend the YAML at that line.") -> YamlError:
    return YamlError(problem, event.start_mark.line + 1, event.start_mark.column + 1, remedy=remedy)
