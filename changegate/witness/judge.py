"""What a witness decides about a submitted checkpoint (https://c2sp.org/tlog-witness, "add-checkpoint")."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from changegate.errors import FormatError, VerificationError
from changegate.evidence import checkpoint, cosignature, merkle, note
from changegate.evidence.checkpoint import Checkpoint
from changegate.evidence.log_policy import LogPolicy
from changegate.signing.keys import PrivateKey
from changegate.witness.memory import Memory
from changegate.witness.submission import Submission, parse_submission

BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
UNPROCESSABLE: Final = 422


@dataclass(frozen=True)
class Cosigned:
    """It is consistent with all that was cosigned before."""

    cosignature: note.NoteSignature


@dataclass(frozen=True)
class Conflict:
    """The proof doesn't begin where this witness stands, which is at `size`; or it stands there with another root."""

    size: int
    forked: bool = False


@dataclass(frozen=True)
class Refused:
    """Never cosigned as it is. `status` is the protocol's."""

    status: int
    why: str


class Judge:
    """A witness: its name and key, the logs that it knows, and what it remembers of them."""

    def __init__(self, name: str, signer: PrivateKey, policy: LogPolicy, memory: Memory, clock: Callable[[], datetime]) -> None:
        """Raises `FormatError` for a name that can't be a key's."""
        self.key = cosignature.witness_key(name, signer.public_key)
        self._signer, self._memory, self._clock = signer, memory, clock
        self._policy = policy.unwitnessed()
        self._origins = {key.name for key in policy.logs}

    def judge(self, body: bytes) -> Cosigned | Conflict | Refused:
        """Cosign the submitted checkpoint, or say why not.

        1. It is of a known log, signed by a key of that log which has not ended.
        2. The old size is that of the newest checkpoint cosigned for this log: 0 where there is none.
        3. The same size has the same root; a larger one comes with a proof that it extends the old one.
        4. It is remembered before anybody gets the cosignature; 2 to 4 are one step, which no other submission of this log can enter meanwhile.

        Raises `StoreError` where the memory can't be read or written, `SigningError`: then nothing is cosigned.
        """
        try:
            submission = parse_submission(body)
            found = checkpoint.parse(submission.checkpoint)
        except FormatError as error:
            return Refused(BAD_REQUEST, error.message)
        if found.origin not in self._origins:
            return Refused(NOT_FOUND, f"the log {found.origin!r} isn't known here")
        try:
            self._policy.verify(submission.checkpoint, at=self._clock(), origin=found.origin)
        except VerificationError as error:
            return Refused(FORBIDDEN, error.message)
        if submission.old > found.size:
            return Refused(BAD_REQUEST, f"the old size {submission.old} is larger than the checkpoint's, {found.size}")
        return self._compare(submission, found)

    def size(self, origin: str) -> int:
        """How many entries of this log are cosigned. Raises `StoreError`."""
        with self._memory.locked(origin) as slot:
            known = slot.read()
        return known.size if known else 0

    def _compare(self, submission: Submission, found: Checkpoint) -> Cosigned | Conflict | Refused:
        with self._memory.locked(found.origin) as slot:
            known = slot.read()
            size = known.size if known else 0
            if submission.old != size:
                return Conflict(size)
            if known is not None and found.size == size and found.root != known.root:
                return Conflict(size, forked=True)
            try:
                if size and known is not None:
                    merkle.verify_consistency(size, known.root, found.size, found.root, submission.proof)
                elif submission.proof:
                    return Refused(UNPROCESSABLE, "a proof from an empty tree must be empty")
            except VerificationError as error:
                return Refused(UNPROCESSABLE, error.message)
            # A crash before this line leaves nothing; one after it a checkpoint that is cosigned when it is submitted again.
            slot.write(submission.checkpoint)
            return Cosigned(cosignature.cosign(submission.checkpoint, self.key.name, self._signer, self._clock()))
