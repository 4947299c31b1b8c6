"""The store, the key and the trackers of a pipeline, looked at as the doctor judges them. Reads only; what can't be read is said, not raised."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from changegate.cli import signers, tracking
from changegate.doctor import KeyState, StoreState, TrackerState
from changegate.doctor.trackers import key_of_none
from changegate.errors import ChangegateError, PolicyError, StoreError
from changegate.evidence import layout, log_policy
from changegate.evidence.log_object import parse_log_object
from changegate.evidence.reader import LogReader, read_log
from changegate.facts import MISSING, Known, Maybe, Unavailable
from changegate.gitlab_settings import RepositoryFiles
from changegate.policy import parse
from changegate.settings import Files
from changegate.signing import keys
from changegate.stores import open_store
from changegate.trust import Trust

_TRUST: Final = "Give --trust FILE: the file that `changegate keys generate` wrote."


def look_at_store(url: str | None, trust: Trust | None) -> Maybe[StoreState]:
    """The store at `url`, and whether its head is what the trusted keys signed."""
    if not url:
        return MISSING
    try:
        store = open_store(url)
    except ChangegateError as error:
        return _gap(error)
    is_directory = not url.startswith("git:")
    try:
        begun = store.read(layout.LOG)
        name = MISSING if begun is None else parse_log_object(begun)
    except ChangegateError as error:
        return StoreState(store.url, is_directory, _gap(error), _gap(error))
    if begun is None or trust is None:
        return StoreState(store.url, is_directory, name, Unavailable(why="no trust file: which keys are to be believed?", remedy=_TRUST))
    try:
        reader = read_log(store, log_policy.parse(trust.log_policy))
        newest = None if reader is None else _newest(reader)
    except StoreError as error:
        return StoreState(store.url, is_directory, name, _gap(error))
    except ChangegateError:
        return StoreState(store.url, is_directory, name, whole=False)
    return StoreState(store.url, is_directory, name, whole=True, newest=newest)


def _newest(reader: LogReader) -> datetime | None:
    return reader.card(reader.size - 1).at if reader.size else None


def look_at_trackers(files: Known[Files | RepositoryFiles], given: Mapping[str, Any]) -> tuple[TrackerState, ...]:
    """What the trackers answer that the policy names, for `given["environment"]`. A policy that can't be read names none: another check says so."""
    if isinstance(files, Unavailable) or not isinstance(files.policy, bytes):
        return ()
    try:
        policy = parse(files.policy, source=given["policy_path"]).for_environment(given["environment"])
    except PolicyError:
        return ()
    open_tracker = tracking.opener(given)
    found: list[TrackerState] = []
    for rules in policy.trackers:
        if not tracking.has_token(rules):
            found.append(TrackerState(rules, None))
            continue
        keys_of_none = {project: key_of_none(rules, project) for project in rules.projects}
        answers = open_tracker(rules).fetch(tuple(keys_of_none.values()))
        found.append(TrackerState(rules, {project: answers[key] for project, key in keys_of_none.items()}))
    return tuple(found)


def look_at_key(file: str | None, trust: Trust | None) -> Maybe[KeyState]:
    """The signing key that the option or the environment names."""
    if not file and not os.environ.get(signers.SIGNING_KEY, "").strip():
        return MISSING
    try:
        signer = signers.read_signer(file)
    except ChangegateError as error:
        return _gap(error)
    if trust is None:
        return KeyState(signer.key_id, Unavailable(why="no trust file: which keys are to be believed?", remedy=_TRUST))
    windows = [(each.from_, each.until) for each in trust.record_keys if keys.key_id(keys.parse_public(each.key)) == signer.key_id]
    return KeyState(signer.key_id, windows[-1] if windows else MISSING)


def _gap(error: ChangegateError) -> Unavailable:
    return Unavailable(why=error.message, remedy=error.remedy)
