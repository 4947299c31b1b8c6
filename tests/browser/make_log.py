"""A log to look at in a browser, and its trust file. Usage: make_log.py FOLDER DEPLOYS."""

import shutil
import sys
from pathlib import Path

from support import deploylog

from changegate.trust import format_trust


def main(folder: Path, deploys: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)

    def put(key: str, content: bytes) -> None:
        place = folder / "evidence" / key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    deploylog.write(put, deploylog.deploys(deploys, changes=2), batch=64)
    (folder / "trust.yml").write_bytes(format_trust(deploylog.trust()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
