"""A second S3 server, which isn't the tests' own: what it can do, is used, and what it can't, is refused by name. The server is at S3_ENDPOINT.

1. `changegate store probe` says of each layout whether it can keep a log there.
2. Where it can, `store init` prepares it, a log is appended to by writers that race, and verified. Where it can't, the first append is refused, too.
3. One layout at least must do.
"""

import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor

from support.evidence import log_in
from support.records import TRUST, append_signed
from support.s3server import CREDENTIALS

from changegate.errors import StoreError
from changegate.evidence.verify import verify_store
from changegate.stores import ManagedStore, open_store
from changegate.stores.probing import probe

LAYOUTS = {
    "one bucket": "s3://{0}?",
    "one locked bucket": "s3://{0}?retention-days=1&",
    "two buckets": "s3://{0}?evidence={0}-locked&retention-days=1&",
}
WRITERS, EACH = 4, 6


def works(name: str, url: str) -> bool:
    """Whether this layout keeps a log; what the probe says of it is printed, and what follows has to bear it out."""
    store = open_store(url)
    assert isinstance(store, ManagedStore)
    store.prepare()
    failed = [each for each in probe(lambda: open_store(url)) if not each.holds]
    if failed:
        print(f"{name}: refused by the probe: it isn't so that {failed[0].what} ({failed[0].found})")
        try:
            append_signed(log_in(open_store(url)), 0)
        except StoreError as error:
            print(f"{name}: and by the first append: {error.message}")
            return False
        raise AssertionError(f"{name}: the probe refuses it, and an append doesn't")
    with ThreadPoolExecutor(WRITERS) as pool:
        indices = list(
            pool.map(lambda writer: [append_signed(log_in(open_store(url)), writer * EACH + each).index for each in range(EACH)], range(WRITERS))
        )
    assert sorted(index for each in indices for index in each) == list(range(WRITERS * EACH)), f"{name}: {indices}"
    report = verify_store(open_store(url), TRUST)
    assert report.clean, f"{name}: {report.problems}"
    assert report.entries == WRITERS * EACH
    print(f"{name}: {report.entries} records by {WRITERS} writers, whole")
    return True


def main() -> None:
    os.environ |= CREDENTIALS
    endpoint = os.environ["S3_ENDPOINT"]
    worked = [works(name, f"{form.format(f'test-{secrets.token_hex(6)}')}endpoint={endpoint}") for name, form in LAYOUTS.items()]
    sys.exit(0 if any(worked) and worked[-1] else "no layout works that keeps what lasts under a lock")


if __name__ == "__main__":
    main()
