"""The policy file `.changegate.yml`: its model, its schema, and the strict way to read it.

Without a file the defaults of this model hold. A file states what differs. Under `environments`, an environment states what differs there.
"""

import difflib
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from changegate.errors import PolicyError
from changegate.facts import Assurance

FILE_NAME: Final = ".changegate.yml"
MAX_BYTES: Final = 256 * 1024
SCHEMA_ID: Final = "https://changegate.dev/schema/policy.v1.json"

Name = Annotated[str, Field(min_length=1, max_length=200)]
CommitId = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
TeamName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}/[A-Za-z0-9._-]{1,100}$")]


class Rules(BaseModel):
    """Base of everything in a policy: frozen, kebab-case in YAML, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.replace("_", "-"),
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        strict=True,
    )


class PeerApproved(Rules):
    """Somebody who didn't write the change approved it, in time, as it landed."""

    enabled: bool = True
    approvals: Annotated[int, Field(ge=1, le=20)] = Field(1, description="How many people must have approved.")
    approved_before: Literal["merge", "deploy"] = Field(
        "merge", description="`deploy` also counts an approval of the final head given after the merge; the record calls it post-merge."
    )
    permission: Literal["write", "any"] = Field("write", description="Whose approval counts: those who may write to the repository, or anybody's.")
    newer_base: Literal["allow", "block"] = Field("allow", description="A change that was merged onto a newer base than the one it was reviewed on.")
    ignore_update_merges: bool = Field(
        default=False,
        description="Merging the base branch into the change, by the forge itself and without anything to resolve, leaves an approval fresh.",
    )
    required_teams: tuple[TeamName, ...] = Field(
        (), strict=False, max_length=20, description="Teams (`org/team`): a current member of each must have given one of the approvals that count."
    )
    code_owners: bool = Field(
        default=False, description="Every changed file that has owners in CODEOWNERS, as deployed, needs an approval that counts by one of them."
    )
    trailers: tuple[Name, ...] = Field(
        ("Reviewed-by", "Approved-by"),
        strict=False,
        description="Commit trailers that assert an approval, where the facts come from a bare git history.",
    )


class TicketLinked(Rules):
    """The change names a ticket."""

    enabled: bool = True
    projects: tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,19}$")], ...] = Field(
        (), strict=False, description="Tracker projects whose keys (`SHOP-12`) count wherever the change names them, and the only ones that count."
    )


class RollbackPlan(Rules):
    """The change says how to undo it."""

    enabled: bool = True
    headings: tuple[Name, ...] = Field(
        ("Rollback plan", "Rollback", "Roll-back plan", "Back-out plan", "Backout plan"),
        strict=False,
        min_length=1,
        description="Titles of the section that holds the plan, at any heading level, in any case.",
    )
    min_words: Annotated[int, Field(ge=1, le=200)] = Field(
        3, description="Fewer words than this are no plan, unless they name a version that was deployed before."
    )


class ChecksPassed(Rules):
    """The tests passed on what was reviewed and on what landed."""

    enabled: bool = True
    required: tuple[Name, ...] = Field(
        (), strict=False, description="Checks that must be there and have passed. All others that ran must have passed too."
    )
    ignore: tuple[Name, ...] = Field((), strict=False, description="Checks that are left out of the judgement.")


class Controls(Rules):
    """The controls, each under its permanent id."""

    peer_approved: PeerApproved = PeerApproved()
    ticket_linked: TicketLinked = TicketLinked()
    rollback_plan: RollbackPlan = RollbackPlan()
    checks_passed: ChecksPassed = ChecksPassed()


class Rewrite(Rules):
    """One rewriting of the deployed branch that is accepted: a recorded exception, good for this deploy alone."""

    was: CommitId = Field(alias="from", description="The commit that is deployed, and that the branch doesn't hold any more. Its full id.")
    to: CommitId = Field(description="A commit of the new branch, which is or lies before the one to deploy. Its full id.")
    reason: Annotated[str, Field(min_length=10, max_length=500)] = Field(description="Why, for the record.")


class EffectivePolicy(Rules):
    """What holds for one environment."""

    enforce: bool = Field(default=True, description="false: audit mode. Every deploy is judged and recorded, none is stopped.")
    assurance: Assurance = Field(
        Assurance.ASSERTED,
        strict=False,
        description="Who must vouch for the facts: `asserted` takes a commit's own trailers, `forge` only what the forge's API says.",
    )
    controls: Controls = Controls()
    rewrites: tuple[Rewrite, ...] = Field(
        (), strict=False, max_length=20, description="Rewritten history that is accepted, each named by its commits. All that it brings is judged."
    )


class Policy(EffectivePolicy):
    """A whole policy file."""

    version: Literal[1] = 1
    environments: dict[str, EffectivePolicy] = Field(default_factory=dict, description="What differs in an environment, by its exact name.")

    def for_environment(self, name: str) -> EffectivePolicy:
        """The rules for one environment: the file's own, with that environment's on top, key by key.

        Raises `PolicyError` for a name that differs from one of the file's by case alone: it would silently get other rules.
        """
        twin = next((each for each in self.environments if each != name and each.casefold() == name.casefold()), None)
        if twin is not None:
            raise PolicyError(
                f"the policy has rules for the environment '{twin}', and this deploy goes to '{name}': to a forge they may be one",
                remedy=f"Write the same name in both places: --environment '{twin}', or rename it in the policy.",
            )
        base = self.model_dump(mode="json", exclude_unset=True, exclude={"version", "environments"})
        own = self.environments.get(name)
        if own is not None:
            base = _merge(base, own.model_dump(mode="json", exclude_unset=True))
        return EffectivePolicy.model_validate(base)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merge(under, value) if isinstance(under, Mapping) and isinstance(value, Mapping) else value
    return merged


def digest(data: bytes) -> str:
    """SHA-256 of a policy file's exact bytes, lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the policy file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **Policy.model_json_schema(by_alias=True),
        "title": "changegate policy",
    }


def parse(data: bytes, *, source: str) -> Policy:
    """Read a policy file's bytes. `source` (a path, or `ref:path`) stands before the line number in errors.

    Raises `PolicyError`, whose message names the line and key of the first defect.
    """
    if len(data) > MAX_BYTES:
        raise PolicyError(f"{source}: larger than {MAX_BYTES // 1024} KiB", remedy="A policy is a short file; check that this is the one you mean.")
    root = _compose(data, source)
    if root is None:
        return Policy()
    value = _construct(root, source)
    if not isinstance(value, dict):
        raise PolicyError(f"{source}:1: the file must be a mapping of keys, not a {_kind(value)}", remedy="Start from `changegate policy init`.")
    try:
        return Policy.model_validate(value)
    except ValidationError as error:
        raise _explain(error, root, source) from error


def _compose(data: bytes, source: str) -> yaml.Node | None:
    try:
        return yaml.compose(data.decode("utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise PolicyError(f"{source}: not UTF-8 text", remedy="Save the file as UTF-8.") from error
    except RecursionError as error:
        raise PolicyError(f"{source}: nested too deeply", remedy="A policy has five levels at most.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise PolicyError(f"{source}{where}: {problem}", remedy="Mend the YAML at that line; `changegate policy check FILE` looks again.") from error


def _construct(node: yaml.Node, source: str, depth: int = 0, seen: set[int] | None = None) -> Any:
    """The plain value of a node. Aliases (which can grow without bound) and doubled keys are refused."""
    seen = set() if seen is None else seen
    at = f"{source}:{node.start_mark.line + 1}"
    if depth > 20:
        raise PolicyError(f"{at}: nested too deeply", remedy="A policy has five levels at most.")
    if isinstance(node, yaml.ScalarNode):
        try:
            return _SCALARS.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            raise PolicyError(f"{at}: can't read {node.value!r} ({node.tag})", remedy="Write a plain value.") from error
    if id(node) in seen:
        raise PolicyError(f"{at}: YAML aliases (*name) are not used here", remedy="Write the value out.")
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, source, depth + 1, seen) for item in node.value]
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _construct(key_node, source, depth + 1, seen)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise PolicyError(f"{source}:{line}: the key {key_node.value!r} is not text", remedy="Put the key in quotes.")
        if key in found:
            raise PolicyError(f"{source}:{line}: the key {key!r} stands twice", remedy="Keep one of them.")
        found[key] = _construct(value_node, source, depth + 1, seen)
    return found


_SCALARS: Final = yaml.SafeLoader("")


def _explain(error: ValidationError, root: yaml.Node, source: str) -> PolicyError:
    """The first defect, as file, line, key, what is wrong and the nearest valid name."""
    first = error.errors()[0]
    path = list(first["loc"])
    line = _line(root, path)
    where = f"{source}:{line}: {'.'.join(map(str, path))}"
    if first["type"] == "extra_forbidden":
        names = _valid_names(path[:-1])
        near = difflib.get_close_matches(str(path[-1]), names, n=1, cutoff=0.5)
        hint = f"Did you mean '{near[0]}'?" if near else f"Valid here: {', '.join(names)}."
        return PolicyError(f"{where}: unknown key", remedy=hint)
    return PolicyError(
        f"{where}: {first['msg'].lower()} (found {first['input']!r})", remedy="`changegate policy schema` lists every key and its values."
    )


def _valid_names(path: list[str | int]) -> list[str]:
    model: type[BaseModel] = Policy
    for part in path:
        if model is Policy and part == "environments":
            model = EffectivePolicy
            continue
        for field in model.model_fields.values():
            if field.alias == part and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                model = field.annotation
    return [field.alias or name for name, field in model.model_fields.items()]


def _line(node: yaml.Node, path: list[str | int]) -> int:
    """The line of the deepest part of `path` that the file has, counted from 1."""
    line = node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == part), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else type(value).__name__
