"""How long a search in the portal's index takes, of a log of a million records, beside the bare lookup of a row by its number in the same file.

The rows are made up, of the size that deploys have; the index and its search are the product's own. CHANGEGATE_BENCH_ROWS sets how many.
"""

import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from changegate.portal.index import DECISION, Filters, Index, Row, put_row
from changegate.portal.terms import Field, Terms, encode, parse_question

ROWS: Final = int(os.environ.get("CHANGEGATE_BENCH_ROWS", "1000000"))
_WORDS: Final = ("prices", "basket", "checkout", "pears", "tax", "round", "login", "search", "speed", "mail", "stock", "refund")
_QUESTIONS: Final = (
    ("a ticket", "ticket:SHOP-123456", Filters()),
    ("a commit's beginning", "3f2a91c", Filters()),
    ("a person of 400", "person:dev-17", Filters()),
    ("a person of 400, the blocked ones", "person:dev-17", Filters(verdict="blocked")),
    ("a bot that is in each", "person:merge-bot", Filters()),
    ("a bot that is in each, one week", "person:merge-bot", Filters(begin="2026-02-02", end="2026-02-08")),
    ("two words of titles", "prices refund", Filters()),
    ("an environment of 3, failures", "", Filters(environment="staging", ending="failure")),
    ("a bot that is in each, rare endings", "person:merge-bot", Filters(ending="rolled-back")),
    ("what isn't there", "person:nobody prices", Filters()),
    ("the newest", "", Filters()),
)


def main() -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index.sqlite")
        index = Index(path)
        began = time.perf_counter()
        fill(path, ROWS)
        took = time.perf_counter() - began
        print(f"{ROWS} rows: {path.stat().st_size / 1e6:.0f} MB, written in {took:.0f} s (reading and verifying the records not counted)")
        with sqlite3.connect(path) as database:
            floor = middle(lambda: database.execute("SELECT * FROM entry WHERE place = ?", [random.randrange(ROWS)]).fetchall())
        print(f"{'floor: a row by its number':36} {floor:8.2f} ms")
        for name, question, filters in _QUESTIONS:
            asked = parse_question(question)
            print(f"{name:36} {middle(lambda asked=asked, filters=filters: index.search(asked, filters)):8.2f} ms", flush=True)  # type: ignore[misc]
        print(f"{'the overview: counts of all':36} {middle(index.counts):8.2f} ms")


def middle(work: Callable[[], object]) -> float:
    """Milliseconds, the median of eleven."""
    times = []
    for _ in range(11):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def fill(path: Path, rows: int) -> None:
    """So many decisions, a year of them."""
    chance = random.Random(1)
    with sqlite3.connect(path) as database:
        for place in range(rows):
            day = place * 365 // rows
            verdict = chance.choices(("allowed", "blocked", "unknown"), (90, 9, 1))[0]
            commit = f"{chance.getrandbits(160):040x}"
            words = chance.sample(_WORDS, 3)
            decided = f"2026-{1 + day // 31:02}-{1 + day % 31:02}T09:00:00.000000Z"
            environment = chance.choice(("production", "staging", "test"))
            ending = chance.choices(("success", "failure", "", "rolled-back"), (9500, 100, 399, 1))[0]
            envelope, title = f"{chance.getrandbits(256):064x}", " ".join(words)
            envelope, title = f"{chance.getrandbits(256):064x}", " ".join(words)
            row = Row(place, DECISION, envelope, decided, "acme/shop", environment, commit, verdict, "enforced", ending, title, "")
            terms = {
                Field.COMMIT: (commit, envelope, f"{chance.getrandbits(160):040x}"),
                Field.TICKET: (f"SHOP-{chance.randrange(200_000)}",),
                Field.PERSON: (*(f"dev-{chance.randrange(400)}" for _ in range(3)), "merge-bot"),
                Field.CHANGE: (f"#{place}", str(place)),
                Field.PLACE: ("acme/shop", "shop", environment),
                Field.WORD: words,
            }
            put_row(database, row, Terms({name: frozenset(map(encode, texts)) for name, texts in terms.items()}))


if __name__ == "__main__":
    main()
