"""What is wrong with a policy file, in the words of whoever wrote it: every defect, with its line, its key and what may stand there. Pure."""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from changegate.yaml_text import Document


@dataclass(frozen=True)
class Defect:
    """One mistake. `path` is the key, in dots; `allowed` says what may stand there."""

    line: int
    path: str
    problem: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.line}: {self.path}: {self.problem}" if self.path else f"{self.line}: {self.problem}"


PROJECT: Final = r"^[A-Z][A-Z0-9_]{0,19}$"
REPOSITORY: Final = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}){1,19}$"
PROJECT_OR_REPOSITORY: Final = rf"{PROJECT}|{REPOSITORY}"
TEAM: Final = r"^[A-Za-z0-9._-]{1,100}(?:/[A-Za-z0-9._-]{1,100}){1,19}$"
INCIDENT: Final = r"^[A-Za-z0-9 ._/:?=&-]{0,150}[#*][A-Za-z0-9 ._/:?=&-]{0,50}$"
WITHIN: Final = r"^[1-9][0-9]{0,2} (hours?|days?)$"
PATH: Final = r"^/?[^\s/#!\[\]\\][^\s\[\]\\]{0,198}$"
WORDS_OF_A_PLAN: Final = r"^\S*\w.{0,199}$"
FILE: Final = r"^[^\s/*?!#\[\]\\][^*?\[\]\\\x00-\x1f]{0,198}$"
OWNER: Final = r"^[A-Za-z0-9._-]{1,100}(?:/[A-Za-z0-9._-]{1,100}){0,19}$"
LOGIN: Final = r"^[^\s:]{1,100}(:[0-9]{1,18})?$"
ISSUER: Final = r"^https://[^\s]{1,300}$"
PUBLIC_KEY: Final = r"^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]{1,1000}-----END PUBLIC KEY-----\n*$"
URL: Final = r"^(https://[A-Za-z0-9.-]{1,253}|http://(127\.0\.0\.1|localhost))(:[0-9]{1,5})?(/[A-Za-z0-9._~-]{1,100}){0,5}/?$"
FIELD: Final = r"^([A-Za-z][A-Za-z0-9_]{0,79})?$"
_PATTERNS: Final = {
    URL: "an https address, without a user, a query or a fragment",
    FIELD: "a field's name, such as backout_plan or customfield_10042",
    ISSUER: "the https address of an OIDC issuer",
    PUBLIC_KEY: "a public key as PEM, such as `openssl pkey -pubout` prints",
    LOGIN: "a login, such as alice or robot[bot]; a colon and the account's number may follow",
    OWNER: "a login, or an organization and a team, such as alice or acme/platform, without `@`",
    FILE: "a file's path from the repository's root, such as ops/freezes.ics",
    PATH: "a path or pattern as in CODEOWNERS, without blanks, brackets and backslashes, such as db/migrations/*.sql",
    WORDS_OF_A_PLAN: "a word or a few, such as restore from snapshot",
    INCIDENT: "a form of key with one `#` (digits) or one `*` (letters, digits, `-` and `_`), such as INC-#",
    WITHIN: "a time such as 12 hours or 2 days",
    PROJECT: "a tracker project's key in capitals, such as SHOP",
    PROJECT_OR_REPOSITORY: "a tracker project's key in capitals, such as SHOP, or a repository, such as acme/planning",
    TEAM: "an organization and a team, such as acme/payments",
}

# By pydantic's name of the error (https://docs.pydantic.dev/latest/errors/validation_errors/): what may stand there, from the error's own numbers.
WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "bool_type": lambda _: "true or false",
    "int_type": lambda _: "a whole number",
    "greater_than_equal": lambda about: f"{about['ge']} or more",
    "less_than_equal": lambda about: f"{about['le']} or less",
    "string_type": lambda _: "text; put quotes around what looks like a number",
    "string_too_short": lambda about: f"text of at least {about['min_length']} character{'' if about['min_length'] == 1 else 's'}",
    "string_too_long": lambda about: f"text of at most {about['max_length']} characters",
    "string_pattern_mismatch": lambda about: _PATTERNS[about["pattern"]],
    "literal_error": lambda about: about["expected"],
    "enum": lambda about: about["expected"],
    "tuple_type": lambda _: "a list, such as [one, two]",
    "too_short": lambda about: f"a list of at least {about['min_length']}",
    "too_long": lambda about: f"a list of at most {about['max_length']}",
    "model_type": lambda _: "a mapping: keys of their own, indented below",
    "time_zone": lambda _: "a time zone of the IANA database, such as Europe/Berlin",
    "hours": lambda _: "hours of a week, such as mon-fri 09:00-17:00, sat-sun, or fri 16:00 - mon 08:00",
    "local_time": lambda _: "a day and a time from 2000 to 2099, such as 2026-12-24 17:00",
    "recurrence": lambda about: f"a recurrence rule such as FREQ=YEARLY ({about['why']})",
    "left_out": lambda about: f"left out ({about['why']})",
    "projects": lambda about: about["that"],
    "trackers": lambda about: f"a list of trackers {about['that']}",
    "window": lambda about: f"a window {about['that']}",
    "dict_type": lambda _: "a mapping: keys of their own, indented below",
}


def explain(error: ValidationError, document: Document, model: type[BaseModel]) -> tuple[Defect, ...]:
    """Every defect, in the order of the file's lines."""
    errors = error.errors()
    found = [_explain(each, document, model) for each in errors if not (each["type"] == "too_short" and _has_defects_within(each, errors))]
    return tuple(sorted(found, key=lambda each: each.line))


def _has_defects_within(short: Any, errors: Sequence[Any]) -> bool:
    """Pydantic counts only what is good in a list, so that one with a defect in it may look too short, besides."""
    within = tuple(short["loc"])
    return any(len(each["loc"]) > len(within) and tuple(each["loc"])[: len(within)] == within for each in errors)


def _explain(error: Any, document: Document, model: type[BaseModel]) -> Defect:
    path = tuple(error["loc"])
    line, dotted = document.line(path), ".".join(map(str, path))
    if error["type"] == "extra_forbidden":
        names = _valid_names(path[:-1], model)
        near = difflib.get_close_matches(str(path[-1]), names, n=1, cutoff=0.5)
        return Defect(line, dotted, "unknown key", f"Did you mean '{near[0]}'?" if near else f"Valid here: {', '.join(names)}.")
    if error["type"] == "missing":
        return Defect(line, dotted, "is missing", "`changegate policy schema` lists every key and its values.")
    words = WORDS.get(error["type"])
    allowed = words(error.get("ctx", {})) if words else "another value"
    return Defect(line, dotted, f"must be {allowed}, not {_found(error['input'])}", "`changegate policy schema` lists every key and its values.")


def _found(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return re.sub("//[^/@]*@", "//…@", repr(value))[:80]  # a password in an address


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _valid_names(path: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    """The keys that the mapping at `path` may have."""
    for position, part in enumerate(path):
        if path[0] == "environments" and position == 1:
            continue  # an environment's name; its rules are those of the file's top, less what only that has
        field = next((each for each in model.model_fields.values() if each.alias == part), None)
        inner = next(filter(_is_model, (field.annotation, *get_args(field.annotation)) if field is not None else ()), None)
        if inner is not None:
            model = inner
        elif part == "environments":
            model = model.__bases__[0]
    return [field.alias or name for name, field in model.model_fields.items()]
