"""Many honest logs, each written and verified: not one may be called dishonest. Prints the seed of any that is.

PYTHONPATH=tests python tests/conformance/honest_logs.py [LOGS] [FIRST SEED]
"""

import os
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from support.honest_check import LOGS, Checked, check

_AGAIN = "PYTHONPATH=tests python tests/conformance/honest_logs.py 1"


def checked(seed: int) -> Checked | str:
    """What was verified, or how it went wrong."""
    try:
        return check(seed)
    except Exception:  # noqa: BLE001 - printed below with the seed; the others go on
        return f"seed {seed}: make it again with `{_AGAIN} {seed}`\n{traceback.format_exc()}"


def main(logs: int, first: int) -> int:
    """Check so many; 1 where there was a false alarm."""
    began, kinds, failed = time.monotonic(), Counter[str](), 0
    entries = notes = refused = largest = 0
    with ProcessPoolExecutor(min(logs, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        for each in pool.map(checked, range(first, first + logs), chunksize=25):
            if isinstance(each, str):
                failed += 1
                print(each, file=sys.stderr, flush=True)
                continue
            kinds[each.kind] += 1
            entries, notes, refused, largest = entries + each.entries, notes + each.notes, refused + each.refused, max(largest, each.entries)
    where = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print(
        f"{logs} honest logs ({where}) of {entries} entries, the largest of {largest}: {failed} false alarms. "
        f"{notes} notes, {refused} jobs refused for their clock; {time.monotonic() - began:.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else LOGS, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
