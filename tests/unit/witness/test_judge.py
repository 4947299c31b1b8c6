"""What a witness decides: the specification's answers one by one, and never two forks, whoever races and whenever it is killed."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from support.evidence import BEGIN, KEY, ORIGIN, key_of
from support.records import TRUST
from support.witnesses import judge_in

from changegate.errors import StoreError
from changegate.evidence import checkpoint, merkle, note
from changegate.signing.keys import PrivateKey, format_public
from changegate.trust import RecordKey
from changegate.witness.judge import Conflict, Cosigned, Judge, Refused
from changegate.witness.submission import Submission, format_submission


def leaves(count: int, fork: int | None = None) -> list[bytes]:
    return [merkle.leaf_hash(b"entry %d%s" % (each, b"!" if fork is not None and each >= fork else b"")) for each in range(count)]


def signed(count: int, fork: int | None = None, signer: PrivateKey = KEY, origin: str = ORIGIN) -> bytes:
    root = merkle.Frontier().extend(leaves(count, fork)).root()
    return checkpoint.sign(checkpoint.Checkpoint(origin, count, root), signer)


def body(old: int, count: int, fork: int | None = None) -> bytes:
    read = merkle.growth_reader(merkle.Frontier(), leaves(count, fork))
    proof = merkle.consistency_proof(old, count, read) if old else ()
    return format_submission(Submission(old, proof, signed(count, fork)))


def test_what_continues_is_cosigned_and_what_was_cosigned_is_again(tmp_path: Path) -> None:
    judge = judge_in(tmp_path)
    for old, new in ((0, 1), (1, 5), (5, 5), (5, 300)):
        answer = judge.judge(body(old, new))
        assert isinstance(answer, Cosigned), answer
        assert note.verify(note.Note(note.parse_note(signed(new)).text, (answer.cosignature,)), [judge.key])
    assert judge.size(ORIGIN) == 300
    assert judge_in(tmp_path).size(ORIGIN) == 300


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"rubbish", 400),
        (format_submission(Submission(6, (), signed(5))), 400),
        (format_submission(Submission(0, (), signed(5, signer=key_of(9)))), 403),
        (format_submission(Submission(0, (), signed(5, origin="example.com/another"))), 404),
        (format_submission(Submission(3, (), signed(5))), 422),
        (format_submission(Submission(3, (bytes(32), bytes(32)), signed(5))), 422),
        (body(3, 5, fork=2), 422),
        (format_submission(Submission(3, (bytes(32),), signed(3))), 422),
    ],
)
def test_the_specification_s_refusals(tmp_path: Path, data: bytes, expected: int) -> None:
    judge = judge_in(tmp_path)
    judge.judge(body(0, 3))
    answer = judge.judge(data)
    assert isinstance(answer, Refused), answer
    assert answer.status == expected
    assert judge.size(ORIGIN) == 3


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (body(0, 5), Conflict(3)),
        (body(2, 5), Conflict(3)),
        (body(4, 5), Conflict(3)),
        (body(0, 2), Conflict(3)),
        (body(2, 2), Conflict(3)),
        (body(3, 3, fork=2), Conflict(3, forked=True)),
    ],
)
def test_where_it_stands_elsewhere_it_says_where(tmp_path: Path, data: bytes, expected: Conflict) -> None:
    judge = judge_in(tmp_path)
    judge.judge(body(0, 3))
    assert judge.judge(data) == expected
    assert judge.size(ORIGIN) == 3


def test_a_first_proof_must_be_empty(tmp_path: Path) -> None:
    assert judge_in(tmp_path).judge(format_submission(Submission(0, (bytes(32),), signed(2)))) == Refused(
        422, "a proof from an empty tree must be empty"
    )


def test_an_ended_log_key_gets_no_cosignature(tmp_path: Path) -> None:
    ended = RecordKey(key=format_public(KEY.public_key), until=BEGIN - timedelta(days=1))
    answer = judge_in(tmp_path, trust=TRUST.model_copy(update={"record_keys": (*TRUST.record_keys, ended)})).judge(body(0, 1))
    assert isinstance(answer, Refused)
    assert answer.status == 403


@pytest.mark.parametrize("data", [b"", b"rubbish", signed(3)[:-5], signed(3, origin="example.com/another")])
def test_a_damaged_memory_stops_it(tmp_path: Path, data: bytes) -> None:
    judge = judge_in(tmp_path)
    judge.judge(body(0, 3))
    (path,) = tmp_path.glob("*.checkpoint")
    path.write_bytes(data)
    with pytest.raises(StoreError):
        judge.judge(body(3, 5))


def test_of_racing_forks_one_is_cosigned(tmp_path: Path) -> None:
    for round_ in range(10):
        directory = tmp_path / str(round_)
        judge = judge_in(directory)
        judge.judge(body(0, 2))
        bodies = [body(2, 4, fork=fork) for fork in (None, 2, 3)] * 4
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda data, where=directory: judge_in(where).judge(data), bodies))
        won = {data for data, answer in zip(bodies, answers, strict=True) if isinstance(answer, Cosigned)}
        assert len(won) == 1
        assert judge.size(ORIGIN) == 4


CHILD = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from tests_judge import body
from support.witnesses import judge_in
judge, size = judge_in(Path(sys.argv[1])), 0
while True:
    answer = judge.judge(body(size, size + 1))
    size += 1
    print(size, type(answer).__name__, flush=True)
"""


def test_killed_at_any_time_it_has_kept_whatever_it_cosigned(tmp_path: Path) -> None:
    (tmp_path / "tests_judge.py").write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    for enough in (1, 7, 20):
        directory = tmp_path / str(enough)
        arguments = [sys.executable, "-c", CHILD, str(directory), str(tmp_path), str(Path(__file__).parents[2])]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if line == f"{enough} Cosigned\n":
                    os.kill(child.pid, signal.SIGKILL)
                    break
            last = max([enough, *(int(each.split()[0]) for each in child.stdout.read().splitlines() if each.endswith("Cosigned"))])
        judge: Judge = judge_in(directory)
        size = judge.size(ORIGIN)
        assert size >= last
        assert isinstance(judge.judge(body(size, size, fork=0)), Conflict)
        assert isinstance(judge.judge(body(size, size + 1)), Cosigned)
