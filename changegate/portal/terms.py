"""What a record is found by, and what a question asks for. Pure.

A term is a short text in a field. Both are written with the letters and digits of ASCII and `_` alone, so that no text from outside can be read as
a part of a query, and so that a term's beginning is the beginning of what it stands for.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from changegate import record
from changegate.errors import InputError
from changegate.evidence.card import Card
from changegate.evidence.statement import ATTESTATION

MAX_QUESTION: Final = 300
"""Characters of a question."""
MAX_WORDS: Final = 12
_WORD: Final = re.compile(r"[^\W_]+(?:[-'./@+][^\W_]+)*")
_HEX: Final = re.compile(r"[0-9a-f]{7,64}")


class Field(StrEnum):
    """Where a term stands; also how a question names it, as in `person:alice`."""

    TICKET = "ticket"
    COMMIT = "commit"
    PERSON = "person"
    CHANGE = "change"
    PLACE = "site"
    """Repository and environment."""
    WORD = "word"


_NAMES: Final = {each.value: each for each in Field} | {"environment": Field.PLACE, "repository": Field.PLACE, "title": Field.WORD}


@dataclass(frozen=True)
class Terms:
    """What one record is found by."""

    by_field: Mapping[Field, frozenset[str]]

    def text(self, name: Field) -> str:
        """The field's terms, as they are written into the index."""
        return " ".join(sorted(self.by_field.get(name, ())))


@dataclass(frozen=True)
class Asked:
    """One word of a question: every record that is shown has it."""

    term: str
    fields: tuple[Field, ...]
    begins: bool
    """Whether the term is only the beginning."""


@dataclass
class _Found:
    by_field: dict[Field, set[str]] = field(default_factory=dict)

    def add(self, name: Field, *texts: object) -> None:
        for text in texts:
            if isinstance(text, str) and text:
                self.by_field.setdefault(name, set()).add(encode(text))


def encode(text: str) -> str:
    """A text as a term: case doesn't count, and what isn't a letter or digit of ASCII is written as its code point."""
    return "".join(each if each.isascii() and each.isalnum() else f"_{ord(each):x}_" for each in text.strip().casefold()[:200])


def words(text: str) -> Iterator[str]:
    """The words of a title."""
    return (each.group() for each in _WORD.finditer(text[:2000]))


def terms_of(card: Card, predicate: Mapping[str, Any]) -> Terms:
    """What a record is found by, from its verified statement."""
    found = _Found()
    found.add(Field.COMMIT, card.commit, card.envelope)
    found.add(Field.PLACE, card.repository, card.environment, card.repository.rpartition("/")[2])
    if card.predicate_type == record.PREDICATE_TYPE:
        _add_decision(found, predicate)
    elif card.predicate_type == ATTESTATION:
        file = predicate.get("file")
        found.add(Field.PERSON, predicate.get("owner"))
        found.add(Field.WORD, card.decision, *(words(_text(file.get("name"))) if isinstance(file, dict) else ()))
    return Terms({name: frozenset(texts) for name, texts in found.by_field.items()})


def _add_decision(found: _Found, predicate: Mapping[str, Any]) -> None:
    deployment, span = predicate["deployment"], predicate["range"]
    found.add(Field.COMMIT, span["base"])
    _add_people(found, [deployment["deployer"]])
    for change in predicate["changes"]:
        found.add(Field.CHANGE, change["id"], change["id"].lstrip("#!"))
        found.add(Field.COMMIT, change["head"], *(change["landed"] or ()))
        found.add(Field.TICKET, *(ticket["key"] for ticket in change["tickets"] or ()))
        found.add(Field.WORD, *words(change["title"]))
        approvers = (approval["by"] for approval in change["approvals"] or ())
        _add_people(found, [change["author"], *(change["contributors"] or ()), *approvers])


def _add_people(found: _Found, people: Iterable[Any]) -> None:
    for person in people:
        if isinstance(person, dict):
            found.add(Field.PERSON, person["login"], person["key"])


def title_of(card: Card, predicate: Mapping[str, Any]) -> str:
    """What a record is about, on one line."""
    if card.predicate_type == record.PREDICATE_TYPE:
        changes = predicate["changes"]
        if not changes:
            return "no changes"
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        return f"{changes[0]['id']} {changes[0]['title']}{more}"
    return _text(predicate.get("reason")) or card.decision


def parse_question(text: str) -> tuple[Asked, ...]:
    """The words of a question: `SHOP-12`, `person:alice`, `ticket:SHOP-*`. Raises `InputError` for one that is too long."""
    parts = text.split()
    if len(text) > MAX_QUESTION or len(parts) > MAX_WORDS:
        raise InputError(f"the question has more than {MAX_QUESTION} characters or {MAX_WORDS} words", remedy="Ask for less at once.")
    return tuple(each for part in parts if (each := _parse_word(part)) is not None)


def _parse_word(part: str) -> Asked | None:
    name, colon, rest = part.partition(":")
    known = _NAMES.get(name.casefold()) if colon and rest else None
    if known is None and rest and name.isalpha() and not rest.startswith("//"):
        raise InputError(f"nothing is searched by {name[:40]!r}", remedy=f"Put one of these before the colon: {', '.join(_NAMES)}.")
    wanted = rest if known else part
    begins = wanted.endswith("*")
    term = encode(wanted.rstrip("*"))
    if not term:
        return None
    fields = (known,) if known else tuple(Field)
    return Asked(term, fields, begins or (Field.COMMIT in fields and _HEX.fullmatch(wanted.casefold()) is not None))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
