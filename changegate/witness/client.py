"""Asking one witness for its cosignature (https://c2sp.org/tlog-witness)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from changegate.errors import StoreError
from changegate.evidence import cosignature, note
from changegate.evidence.checkpoint import Checkpoint
from changegate.posting import Answer, post
from changegate.witness.submission import SIZE_TYPE, Submission, format_submission, parse_size

_KIND: Final = "text/plain; charset=utf-8"
_OK: Final = 200
_CONFLICT: Final = 409
_MEANINGS: Final = {
    400: ("it can't read what was sent", "Check that the URL is a tlog-witness's submission prefix."),
    403: ("it doesn't know the key that signed the log's checkpoint, or that key has ended", "Give its operator the trust file that names it."),
    404: ("it doesn't know this log, or isn't there", "Check the URL, and ask its operator to add the log."),
    422: ("the log doesn't continue what it cosigned before", "The log was rewritten, or its key used to fork it. Run `changegate verify --since`."),
}


class WitnessAheadError(StoreError):
    """The witness has cosigned a larger tree than the one it was asked for: another writer was faster, or this store was rolled back."""


@dataclass(frozen=True)
class Witness:
    """A witness as a trust file names it."""

    name: str
    key: note.VerifierKey
    url: str
    """Its submission prefix."""


def ask(
    witness: Witness, signed: bytes, checkpoint: Checkpoint, prove: Callable[[int], tuple[bytes, ...]], *, guess: int, seconds: float
) -> note.NoteSignature:
    """Its verified cosignature on a signed checkpoint.

    `prove` gives the consistency proof from an old size; `guess` is the size at which the witness probably stands. It is asked a second time where
    it says that it stands elsewhere, and no more. Raises `WitnessAheadError`, `StoreError` or `FormatError`.
    """
    old = guess
    answer = _submit(witness, Submission(old, prove(old), signed), seconds)
    if answer.status == _CONFLICT and answer.kind == SIZE_TYPE:
        old, before = parse_size(answer.body), old
        if old > checkpoint.size:
            raise WitnessAheadError(
                f"it has cosigned {old} entries of this log already, more than these {checkpoint.size}",
                remedy="Another writer was faster, or this store was rolled back: `changegate verify --since` with a kept receipt tells.",
            )
        if old != before:
            answer = _submit(witness, Submission(old, prove(old), signed), seconds)
    if answer.status == _CONFLICT:
        raise StoreError(
            f"it stands at other {checkpoint.size} entries of this log, or moved on meanwhile",
            remedy="Run again. If it stays so, two histories were signed: keep both, run `changegate verify --since`.",
        )
    if answer.status != _OK:
        what, remedy = _MEANINGS.get(answer.status, ("it failed", "Ask its operator; its log says more."))
        raise StoreError(f"{what} (HTTP {answer.status})", remedy=remedy)
    return _read(witness, signed, answer.body)


def _submit(witness: Witness, submission: Submission, seconds: float) -> Answer:
    return post(f"{witness.url.rstrip('/')}/add-checkpoint", format_submission(submission), kind=_KIND, seconds=seconds)


def _read(witness: Witness, signed: bytes, body: bytes) -> note.NoteSignature:
    """The first line that is this witness's and holds; those of unknown keys are ignored."""
    text = note.Note(note.parse_note(signed).text, ())
    for line in cosignature.parse_lines(body):
        if (line.name, line.key_id) == (witness.key.name, witness.key.key_id):
            alone = note.format_note(note.Note(text.text, (line,)))
            if cosignature.merge(alone, (), [witness.key]) == alone:
                return line
    raise StoreError("its answer has no cosignature that holds, by the key in the trust file", remedy="Compare its key with its operator's.")
