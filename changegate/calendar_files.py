"""The calendars that a policy names, read where the policy is read: never in what is being judged."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from changegate import calendars
from changegate import policy as policies
from changegate.errors import ForgeError, FormatError, InputError, PolicyError
from changegate.facts import Calendar, CalendarTime, Facts, Maybe, Missing, Unavailable
from changegate.forges import TrustedFiles
from changegate.window_rules import CalendarWindow, DeployWindow
from changegate.windows import find_zone

MAX_TIMES: Final = 50
"""How many times of a calendar are recorded: those that hold, and the next."""


class TrustedReader(Protocol):
    """A forge, as far as it is asked here."""

    def read_trusted(self, commit: str, policy_path: str, *, next_at: str = "") -> TrustedFiles:
        """As `changegate.forges.Forge.read_trusted`: gives a file's bytes, proven, whatever it is."""


def with_calendars(facts: Facts, forge: TrustedReader, rules: DeployWindow, trusted_at: str) -> Facts:
    """The facts with what the calendars say around the time at which they were fetched."""
    found = read_calendars(partial(_read, forge, trusted_at), rules, facts.deployment.environment, trusted_at, facts.fetched_at)
    return facts.model_copy(update={"calendars": found}) if found else facts


def find_calendar_defect(forge: TrustedReader, policy: Maybe[bytes], environment: str, commit: str, at: datetime) -> str:
    """Why a calendar couldn't be gone by once this commit, and the policy that it brings, is deployed; empty where all can. A policy that can't be
    read is another's to name.
    """
    if isinstance(policy, Missing | Unavailable):
        return ""
    try:
        rules = policies.parse(policy, source=policies.FILE_NAME).for_environment(environment).controls.deploy_window
    except PolicyError:
        return ""
    for each in read_calendars(partial(_read, forge, commit), rules, environment, commit, at):
        if each.defect or isinstance(each.times, Unavailable):
            return f"its calendar {each.path}: {each.times.why if isinstance(each.times, Unavailable) else each.defect}"
    return ""


def read_calendars(read: Callable[[str], Maybe[bytes]], rules: DeployWindow, environment: str, commit: str, at: datetime) -> tuple[Calendar, ...]:
    """Each calendar once for each zone and kind of window that goes by it; each file is read once, by its path."""
    windows = [each for each in rules.windows(environment) if isinstance(each, CalendarWindow)]
    files = {path: read(path) for path in dict.fromkeys(each.path for each in windows)}
    wanted = dict.fromkeys((each.path, rules.zone_of(each), each.kind) for each in windows)
    return tuple(_evaluate(Calendar(path=path, commit=commit, time_zone=zone, kind=kind), files[path], at) for path, zone, kind in wanted)


def _read(forge: TrustedReader, commit: str, path: str) -> Maybe[bytes]:
    try:
        return forge.read_trusted(commit, path).policy
    except (ForgeError, InputError) as gap:
        return Unavailable(why=gap.message, remedy=gap.remedy)


def _evaluate(named: Calendar, content: Maybe[bytes], at: datetime) -> Calendar:
    """The calendar with what its file says around a moment, or why it says nothing."""
    if isinstance(content, Unavailable):
        return named.model_copy(update={"times": content})
    if isinstance(content, Missing):
        return named.model_copy(update={"defect": f"there is no such file at {named.commit[:10]}"})
    read = named.model_copy(update={"sha256": hashlib.sha256(content).hexdigest()})
    try:
        found = calendars.find_spans(calendars.parse(content, find_zone(named.time_zone)), at, wide=named.kind == "freeze")
    except FormatError as error:
        return read.model_copy(update={"defect": f"{error.message}. {error.remedy}"})
    times = tuple(CalendarTime(begins=each.span.begins, ends=each.span.ends, title=each.title) for each in found[:MAX_TIMES])
    return read.model_copy(update={"times": times})
