"""Facts without people: every name has a token in its place, every text that people wrote is sealed, and the controls still judge alike. Pure.

What becomes of each text is written down in `TEXTS`. A field that isn't there can't be recorded (a test goes through the models), so that no new fact
brings names along. The same value has the same token within one record, and another one in every other record.
"""

import re
from collections.abc import Callable, Iterable
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, quote_plus, unquote

from pydantic import BaseModel

from changegate.controls.rollback_plan import find_plan
from changegate.controls.ticket_linked import find_keys, find_keys_of_branch, words_of_commit
from changegate.facts import NOT_ASKED, Change, CodeOwnersFile, Fact, Facts, Identity, IdentityKind, Team, Ticket, Waiver
from changegate.openings import Kind, Opening, commit
from changegate.owner_rules import PolicyOwnerApproved
from changegate.plan import Plan, Verdict, named_in
from changegate.policy import EffectivePolicy, EmergencyRules, PathPlan, StandardChange
from changegate.tickets import Reference, project_of
from changegate.tracker_rules import TrackerRules
from changegate.window_rules import DeployWindow, Window

WITHHELD: Final = "withheld"
_MAX_WORDS: Final = 200
"""More than a policy can ask of a plan."""
_ADDRESS: Final = re.compile(
    r"""(?:(?<![\w.+%'-])[\w.+%'-]+|"[^"\s@]{1,64}")(?:@|%40)[\w-]+(?:\.[\w-]+)*\.(?:xn--[a-z0-9-]+|[^\W\d_]{2,})""", re.IGNORECASE
)
"""As people write it, or percent-encoded (RFC 3986, section 2.1) as part of a web address."""
_BEFORE: Final = r"(?:(?<![^\W_])|(?<=%[0-9a-f][0-9a-f])|(?<=%25[0-9a-f][0-9a-f]))"
"""A name begins behind anything but a letter or a digit: an underline is none, and what is encoded isn't the letters of its code."""
_NO_ADDRESS: Final = "withheld.invalid"
"""The domain of what stands for an address where only an address can stand (RFC 2606, section 2)."""
_OWNER: Final = re.compile(r"(?<!\S)@(?P<name>[\w.-]+)(?!\S)")

F = TypeVar("F", bound=Fact)


class Treatment(StrEnum):
    """What becomes of a text."""

    KEEP = "keep"
    """It can't name anybody: a digest, a number, a word of a closed list. Or it is what the log is sorted by."""
    CLEAR = "clear"
    """Written for machines (a path, a check, a web address): kept, with a token for every name that the facts know and every e-mail address."""
    SEAL = "seal"
    """Written by people or for them: a token for the whole."""


_KEPT: Final = """
Missing.fact Unavailable.fact Commit.sha Commit.tree Commit.parents UpdateMerge.commit CodeOwnersFile.commit Review.commit
Check.commit Change.id Change.landed Change.head Change.head_tree RangeCommit.sha RangeCommit.tree RangeCommit.parents
RangeCommit.restored_at DeployRange.base DeployRange.head DeployRange.base_tree DeployRange.deployed Version.commit Run.id Artifact.sha256
Provenance.sha256 Provenance.subjects Provenance.commit
TestReport.sha256 TestReport.commit CoverageReport.sha256 CoverageReport.commit
Declaration.label Declaration.change Waiver.envelope Waiver.control Waiver.change Waiver.head Waiver.environment DueReview.envelope
Calendar.commit Calendar.sha256 Calendar.time_zone Calendar.kind
Deployment.forge Deployment.repository Deployment.repository_id Deployment.server_url Deployment.environment Deployment.head
"""
_CLEARED: Final = """
PlanFile.path Trailer.key ChangedFile.path ChangedFile.was Team.name CodeOwnersFile.path CodeOwnersFile.text Review.via Review.url
Ticket.key Ticket.source Ticket.url Ticket.state Ticket.type Ticket.approval Ticket.moved Check.name Check.url Change.url
DeployRange.base_url Version.names Run.url Run.workflow Run.workflow_ref Run.workflow_sha Run.trigger Artifact.name Deployment.ref
Declaration.incident DueReview.incident Waiver.requested_by Waiver.approved_by Facts.policy_defect Facts.policy_path Provenance.builder
Provenance.signer Provenance.source Provenance.defect TestReport.name TestReport.names TestReport.defect CoverageReport.name
CoverageReport.defect Calendar.path Calendar.defect
"""
_SEALED: Final = """
PlanFile.text Review.id Missing.why Unavailable.why Unavailable.remedy Trailer.value Commit.subject Retarget.before Retarget.after
Ticket.title Change.title Ticket.why Ticket.plan Change.unknown Change.description Change.labels Change.base_ref Change.head_ref
RangeCommit.subject Facts.templates Declaration.reason Waiver.reason Waiver.defect CalendarTime.title
"""
TEXTS: Final = (
    dict.fromkeys(_KEPT.split(), Treatment.KEEP) | dict.fromkeys(_CLEARED.split(), Treatment.CLEAR) | dict.fromkeys(_SEALED.split(), Treatment.SEAL)
)
"""By model and field. People (`Identity`) have a rule of their own."""


class Hidden(NamedTuple):
    """What is recorded, and what opens it again."""

    facts: Facts
    policy: EffectivePolicy
    path: str
    """Where the policy was read."""
    openings: tuple[Opening, ...]


def hide(facts: Facts, policy: EffectivePolicy, path: str, salt: Callable[[], bytes]) -> Hidden:
    """The facts and the rules without names. `salt` gives 32 new random bytes at each call."""
    tokens = _Tokens(facts, policy, salt)
    hidden = tokens.hide(facts)
    controls = policy.controls
    teams = tuple(tokens.clear(each) for each in controls.peer_approved.required_teams)
    checks = controls.checks_passed
    checks = checks.model_copy(update={"required": tuple(map(tokens.clear, checks.required)), "ignore": tuple(map(tokens.clear, checks.ignore))})
    plan = controls.rollback_plan.model_copy(update={"by_path": tuple(map(tokens.paths_without_names, controls.rollback_plan.by_path))})
    builders = tuple(each.model_copy(update={"identity": tokens.clear(each.identity)}) for each in controls.artifact_bound.builders)
    bound = controls.artifact_bound.model_copy(update={"builders": builders})
    approved = controls.peer_approved.model_copy(update={"required_teams": teams})
    windows = tokens.windows_without_names(controls.deploy_window)
    rules = policy.model_copy(
        update={
            "controls": controls.model_copy(
                update={
                    "checks_passed": checks,
                    "peer_approved": approved,
                    "rollback_plan": plan,
                    "artifact_bound": bound,
                    "deploy_window": windows,
                    "policy_owner_approved": tokens.owners_without_names(controls.policy_owner_approved),
                }
            ),
            "trackers": tuple(map(tokens.tracker_without_names, policy.trackers)),
            "standard_changes": tuple(map(tokens.kind_without_names, policy.standard_changes)),
            "emergency": tokens.rules_without_names(policy.emergency),
            "rewrites": tuple(each.model_copy(update={"reason": tokens.seal(each.reason)}) for each in policy.rewrites),
        }
    )
    path = tokens.clear(path)
    return Hidden(hidden, rules, path, tokens.openings)


def find_people(value: Any) -> tuple[Identity, ...]:
    """Everybody that the facts know."""
    if isinstance(value, Identity):
        return (value,)
    if isinstance(value, BaseModel):
        return tuple(person for name in type(value).model_fields for person in find_people(getattr(value, name)))
    return tuple(person for each in value for person in find_people(each)) if isinstance(value, tuple) else ()


def is_account(person: Identity) -> bool:
    """Whether this is no person, by the word of a forge: a bot, or the forge itself. What only calls itself a bot may be anybody."""
    return person.kind is not IdentityKind.HUMAN and all(re.fullmatch(r"(?:github|gitlab):[0-9]+", key) for key in person.keys)


class _Tokens:
    """The tokens of one record."""

    def __init__(self, facts: Facts, policy: EffectivePolicy, salt: Callable[[], bytes]) -> None:
        self._salt, self._facts, self._policy = salt, facts, policy
        self._made: dict[tuple[Kind, str], Opening] = {}
        people = [each for each in find_people(facts) if not is_account(each)]
        said = {text for each in people for text in (each.login, *(key.rpartition(":")[2] for key in each.keys)) if text and not text.isdecimal()}
        self._written = {form.casefold(): each for each in said for form in (each, quote(each, safe=""), quote_plus(each))}
        known = "|".join(re.escape(each) for each in sorted(self._written, key=lambda each: (-len(each), each)))
        self._known = re.compile(rf"{_ADDRESS.pattern}" + (rf"|{_BEFORE}(?:{known})(?![^\W_])" if known else ""), re.IGNORECASE)

    @property
    def openings(self) -> tuple[Opening, ...]:
        return tuple(sorted(self._made.values()))

    def _token(self, kind: Kind, value: str) -> str:
        # Logins are the same in any case, and so are addresses.
        key = kind, value.casefold() if kind is Kind.NAME else value
        if key not in self._made:
            self._made[key] = commit(kind, value, self._salt())
        return self._made[key].token

    def seal(self, text: str) -> str:
        return self._token(Kind.TEXT, text) if text else text

    def clear(self, text: str) -> str:
        return self._known.sub(lambda match: self._token(Kind.NAME, self._written.get(match[0].casefold()) or unquote(match[0])), text)

    def name(self, text: str) -> str:
        """A text that is somebody's name or key, whether the facts know them or not."""
        return self._token(Kind.KEY if ":" in text else Kind.NAME, text) if text else text

    def paths_without_names(self, rules: PathPlan) -> PathPlan:
        """The same rules for the same paths and procedures."""
        return rules.model_copy(update={name: tuple(map(self.clear, getattr(rules, name))) for name in ("paths", "brings", "names")})

    def owners_without_names(self, rules: PolicyOwnerApproved) -> PolicyOwnerApproved:
        """The same owners of the same paths."""
        owners = tuple(self.clear(each) if "/" in each else self.name(each) for each in rules.owners)
        return rules.model_copy(update={"owners": owners, "paths": tuple(map(self.clear, rules.paths))})

    def windows_without_names(self, rules: DeployWindow) -> DeployWindow:
        """The same windows at the same times, in the same places."""
        return rules.model_copy(
            update={
                "weekly": tuple(each.model_copy(update=self._window(each)) for each in rules.weekly),
                "dates": tuple(each.model_copy(update=self._window(each)) for each in rules.dates),
                "calendars": tuple(each.model_copy(update=self._window(each) | {"path": self.clear(each.path)}) for each in rules.calendars),
            }
        )

    def _window(self, window: Window) -> dict[str, str]:
        return {"name": self.clear(window.name), "reason": self.seal(window.reason)}

    def tracker_without_names(self, tracker: TrackerRules) -> TrackerRules:
        """The same tracker, of the same repositories."""
        return tracker.model_copy(update={"projects": tuple(self.clear(each) if "/" in each else each for each in tracker.projects)})

    def kind_without_names(self, kind: StandardChange) -> StandardChange:
        """The same kind of change, by the same paths."""
        return kind.model_copy(update={"paths": tuple(map(self.clear, kind.paths))})

    def rules_without_names(self, rules: EmergencyRules | None) -> EmergencyRules | None:
        """The same rules for the same people."""
        return None if rules is None else rules.model_copy(update={"declared_by": tuple(map(self.name, rules.declared_by))})

    def hide(self, value: F) -> F:
        """A fact with all that is in it."""
        if isinstance(value, Identity):
            return value if is_account(value) else value.model_copy(update=self._person(value))
        if value == NOT_ASKED:
            return value
        special: dict[str, Any] = {}
        if isinstance(value, Change):
            special = self._texts_of(value)
        elif isinstance(value, CodeOwnersFile):
            special = {"text": self._owners(value.text)}
        elif isinstance(value, Ticket):
            special = {"key": self._ticket_key(value.key), "moved": self._ticket_key(value.moved)}
            special |= {"plan": ""} if isinstance(value.plan, str) else {}  # what it is worth is in the description by then
        elif isinstance(value, Waiver):
            special = {name: self.name(getattr(value, name)) for name in ("requested_by", "approved_by")}
        elif isinstance(value, Team) and "/" not in value.name:
            special = {"name": self._token(Kind.NAME, value.name)}  # on GitLab a name may be a person's or a group's
        elif isinstance(value, Facts) and isinstance(value.templates, tuple):
            special = {"templates": tuple(f"template {WITHHELD}" for _ in value.templates)}
        name = type(value).__name__
        others = {field: self._any(f"{name}.{field}", getattr(value, field)) for field in type(value).model_fields if field not in special}
        return value.model_copy(update=others | special)

    def _any(self, place: str, value: Any) -> Any:
        if isinstance(value, Fact):
            return self.hide(value)
        if isinstance(value, tuple):
            return tuple(self._any(place, each) for each in value)
        if isinstance(value, str) and not isinstance(value, Enum):
            treatment = TEXTS[place]
            return value if treatment is Treatment.KEEP else self.clear(value) if treatment is Treatment.CLEAR else self.seal(value)
        return value

    def _person(self, person: Identity) -> dict[str, Any]:
        aliases = tuple(self._token(Kind.KEY, each) for each in person.aliases)
        return {"key": self._token(Kind.KEY, person.key), "login": self._token(Kind.NAME, person.login), "aliases": aliases}

    def _texts_of(self, change: Change) -> dict[str, Any]:
        """Of a change's own texts there stays what the controls read: the keys of tickets, and what its rollback plan is worth."""
        plan = find_plan(change, self._facts, self._policy.controls.rollback_plan)
        commits = change.commits
        if isinstance(commits, tuple):
            commits = tuple(
                self.hide(each).model_copy(update={"subject": self._with_keys(each.subject, find_keys(words_of_commit(each), self._policy))})
                for each in commits
            )
        else:
            commits = self.hide(commits)
        return {
            "labels": tuple(map(self._label, change.labels)) if isinstance(change.labels, tuple) else self.hide(change.labels),
            "plan_files": (),  # what they are worth is in the description
            "title": self._with_keys(change.title, find_keys(change.title, self._policy)),
            "head_ref": self._with_keys(change.head_ref, find_keys_of_branch(change.head_ref, self._policy)),
            "commits": commits,
            "description": "\n\n".join(
                each for each in (self._with_keys(change.description, find_keys(change.description, self._policy)), self._plan(plan)) if each
            ),
        }

    def _label(self, label: str) -> str:
        """A label of the policy's stays: who wrote the policy wrote it."""
        named = {each.casefold() for kind in self._policy.standard_changes for each in kind.labels}
        return label if label.casefold() in named else self.seal(label)

    def _ticket_key(self, key: str) -> str:
        """A project that the policy names in capitals is a tracker's, also where somebody's login is the same word."""
        return key if project_of(key) in self._policy.ticket_rules.projects and "/" not in key else self.clear(key)

    def _with_keys(self, text: str, found: Iterable[Reference]) -> str:
        return " ".join((*(self._ticket_key(each.key) for each in found), self.seal(text))).strip()

    def _plan(self, plan: Plan) -> str:
        """A section of the same worth."""
        rules = self._policy.controls.rollback_plan
        match plan.verdict:
            case Verdict.ABSENT:
                return ""
            case Verdict.EMPTY:
                text = ""
            case Verdict.BOILERPLATE:
                text = "TBD"
            case Verdict.TEMPLATE:
                text = f"template {WITHHELD}"
            case Verdict.TOO_SHORT:
                text = WITHHELD
            case Verdict.NAMES_VERSION:
                text = f"{WITHHELD} {self._version_in(plan.text)}"
            case Verdict.SPECIFIC:
                count = min(max(len(re.findall(r"[^\W_]+", plan.text)), rules.min_words), _MAX_WORDS)
                text = " ".join([WITHHELD] * count)
        if plan.verdict in (Verdict.NAMES_VERSION, Verdict.SPECIFIC):
            procedures = (named_in(plan.text, each.names) for each in rules.by_path)
            text = "\n".join((text, *(self.clear(each) for each in procedures if each)))
        return f"## {rules.headings[0]}\n{text}"

    def _version_in(self, text: str) -> str:
        """The commit of a version that the plan names."""
        words = re.findall(r"[^\W_]+(?:[.'_/:@-]+[^\W_]+)*", text)
        named = (
            each.commit for each in self._facts.deployed for word in words if word in each.names or (len(word) >= 7 and each.commit.startswith(word))
        )
        return next(named, "")

    def _owners(self, text: str) -> str:
        """CODEOWNERS line by line, without comments; whoever a line names is the same as among the reviewers."""
        return "\n".join(self._owners_in(line) for line in text.split("\n"))

    def _owners_in(self, line: str) -> str:
        written = re.split(r"(?:^|(?<=\s))#", line, maxsplit=1)[0].rstrip()
        named = _OWNER.sub(lambda match: f"@{self._token(Kind.NAME, match['name'])}", written)
        addressed = _ADDRESS.sub(lambda match: f"{self._token(Kind.NAME, match[0])}@{_NO_ADDRESS}", named)
        parts = re.split(rf"((?:{Kind.NAME.value})[0-9a-f]{{32}}(?:@{re.escape(_NO_ADDRESS)})?)", addressed)
        return "".join(part if at % 2 else self.clear(part) for at, part in enumerate(parts))
