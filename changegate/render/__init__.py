"""Reports: one value in, one text out, one file a format. Nothing here reads, writes, asks the clock or decides.

Every report says the same in the same order: the verdict in one line; per thing to do (not per change) what is missing, on which changes, what
was found, who can do it, the exact step and the link; the table of changes and controls; where the record is.

Titles, names and branches come from outside. Each format neutralises them where it writes them: `visible` first (nothing invisible, nothing
that moves the cursor or the reading order), then the format's own escaping.
"""

from dataclasses import dataclass
from typing import Final

from changegate.decision import Decision
from changegate.facts import Facts

NOT_RECORDED: Final = "not-recorded"


@dataclass(frozen=True)
class Recorded:
    """Where this decision's record lies."""

    digest: str
    """SHA-256 of the signed envelope, lower-case hex."""
    log_index: int
    log_size: int
    """The log's size at the checkpoint of the receipt."""
    checkpoint: str
    """`SIZE:ROOT` of that, for `changegate verify --since`: whoever keeps it can see later that the log only grew."""
    origin: str
    """The log's name: the first line of its checkpoints."""
    store_url: str
    receipt: str = ""
    """The path of the receipt, where one was written."""
    warnings: tuple[str, ...] = ()

    @property
    def record_id(self) -> str:
        """The short name: the first 16 digits of the digest."""
        return self.digest[:16]


@dataclass(frozen=True)
class NotRecorded:
    """Nothing was recorded, and why that is right (`preview`)."""

    why: str


@dataclass(frozen=True)
class Submitted(NotRecorded):
    """The signed record waits in the store, until whoever holds the log's key integrates it; `why` says so."""

    digest: str
    """SHA-256 of the signed envelope, lower-case hex."""
    warnings: tuple[str, ...] = ()

    @property
    def record_id(self) -> str:
        """The short name: the first 16 digits of the digest."""
        return self.digest[:16]


@dataclass(frozen=True)
class RecordingFailed(NotRecorded):
    """The deploy was judged, but its record could not be signed or stored. Whatever the verdict, the deploy must not go on."""

    remedy: str


@dataclass(frozen=True)
class Preview(NotRecorded):
    """An open change was judged, as the gate would if it were merged and deployed as it stands."""

    draft: bool = False
    pending: bool = False
    """Whether checks haven't ended, which may change the verdict."""
    notes: tuple[str, ...] = ()
    check: str = ""
    """The address of the check that shows this, where there is one."""
    comment: str = ""
    """Likewise, of the comment."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that a report says."""

    decision: Decision
    facts: Facts
    enforced: bool
    """False in audit mode: judged and recorded, not stopped."""
    policy: str
    """Which policy held, in words: `.changegate.yml at 3f2a91c0b1`, `the defaults (no policy file)`."""
    where: Recorded | NotRecorded

    @property
    def verdict(self) -> str:
        """For machines: `allowed`, `blocked` or `unknown`; `not-recorded` where that failed, so that no reader takes it for allowed."""
        return NOT_RECORDED if isinstance(self.where, RecordingFailed) else self.decision.verdict.value
