"""Which versions the log let go: what a decision of it stopped, where a rollback may return to, and which version's policy holds.

A store's word is taken for nothing: whatever counts is asked of the signed records.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

from changegate import canonical, record
from changegate.decision import LET_GO
from changegate.evidence.card import Card
from changegate.evidence.log import Log
from changegate.evidence.reader import LogReader
from changegate.facts import Artifact, Deployment, DeployRange, Missing, RangeOutcome, Unavailable
from changegate.history import LOOK_BACK, History
from changegate.signing import dsse


def was_let_go(log: Log, reader: LogReader | None, deployment: Deployment, commit: str) -> bool:
    """Whether the log has a decision by which this commit went live here: an allowed one, or one in audit mode, which stops nothing."""
    return reader is not None and any(lets_go(log, reader, deployment, card) for _, card in reader.find(commit))


def lets_go(log: Log, reader: LogReader, deployment: Deployment, card: Card) -> bool:
    """Whether this is a decision about the environment that stopped nothing. Raises `VerificationError` where its record isn't what the card says."""
    if (card.repository, card.environment, card.predicate_type) != (deployment.repository, deployment.environment, record.PREDICATE_TYPE):
        return False
    log.verify_record(card)
    return card.decision in LET_GO or not is_enforced(reader, card)


def find_artifacts(log: Log, reader: LogReader | None, deployment: Deployment, commit: str) -> tuple[Artifact, ...]:
    """What was deployed here of a commit, as the newest decision says that let it go; the log's newest entries are looked through.

    Raises `VerificationError` where a record isn't what its card says.
    """
    if reader is None:
        return ()
    ours = (card for _, card in islice(reader.cards(), LOOK_BACK) if card.commit == commit and lets_go(log, reader, deployment, card))
    card = next(ours, None)
    if card is None:
        return ()
    subjects = canonical.loads(dsse.parse_envelope(reader.envelope(card)).payload, what="statement")["subject"]
    return tuple(Artifact(name=each["name"], sha256=each["digest"]["sha256"]) for each in subjects if "sha256" in each["digest"])


def is_enforced(reader: LogReader, card: Card) -> bool:
    """Whether a gate decision, whose record was verified, stops a deploy that it doesn't allow."""
    statement = canonical.loads(dsse.parse_envelope(reader.envelope(card)).payload, what="statement")
    return statement["predicate"]["policy"]["enforced"] is not False


def list_deployed(found: DeployRange, deployment: Deployment, history: History, log: Log, reader: LogReader | None) -> tuple[str, ...]:
    """The commits that went live here before, newest first: what is deployed, what the log let go, and for a rollback its head if it was one.

    The forge's word for a rollback's head counts for the time before the log's first record of this environment.
    """
    known = [found.deployed or found.base, found.base, *history.deployed]
    if found.outcome is RangeOutcome.ROLLBACK and found.head not in known:
        at = found.head_deployed_at
        before = not isinstance(at, Missing | Unavailable) and at < _first_record(reader, deployment, default=at + timedelta(seconds=1))
        if before or was_let_go(log, reader, deployment, found.head):
            known.append(found.head)
    return tuple(dict.fromkeys(known))


def _first_record(reader: LogReader | None, deployment: Deployment, *, default: datetime) -> datetime:
    """When the log's first record of this environment was made."""
    cards = reader.cards(newest_first=False) if reader else iter(())
    ours = (card.at for _, card in cards if (card.repository, card.environment) == (deployment.repository, deployment.environment))
    return next(ours, default)


def find_trusted(found: DeployRange, deployment: Deployment, log: Log, reader: LogReader | None) -> str:
    """Where policy, templates and owners are read: at what is deployed; if the deploy brings versions let go before, at the last of them.

    Going back needs no approval, and a success that whoever may write reports can name any version that was live. Else either would make a policy
    hold again that was replaced since, for a change that the present one stops. Of several such versions on branches, it is the one let go last.
    """
    parents = {each.sha: each.parents for each in found.commits}
    let_go: dict[str, set[str]] = {}
    """Each such commit with what it descends from, the last one first."""
    if reader is None or not parents:
        return found.deployed or found.base
    for _, card in islice(reader.cards(), LOOK_BACK):
        if card.commit not in parents or any(card.commit in below for below in let_go.values()):
            continue
        if lets_go(log, reader, deployment, card):
            let_go[card.commit] = _descended_from(card.commit, parents)
    last = (each for each in let_go if not any(each in below for other, below in let_go.items() if other != each))
    return next(last, found.deployed or found.base)


def _descended_from(commit: str, parents: Mapping[str, Sequence[str]]) -> set[str]:
    """The commit and its ancestors, as far as the range goes."""
    seen: set[str] = set()
    waiting = [commit]
    while waiting:
        each = waiting.pop()
        if each in parents and each not in seen:
            seen.add(each)
            waiting += parents[each]
    return seen
