"""How long until the command line is there, beside the library that it can't do without."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 20


def fastest(command: Sequence[str]) -> float:
    """The shortest of some runs, in seconds: what the work costs where nothing else disturbs."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    """Print start-up times and their ratio to `import click`."""
    changegate = str(Path(sys.executable).parent / "changegate")
    floor = fastest([sys.executable, "-c", "import click"])
    for words in (["--version"], ["--help"], ["gate", "--help"]):
        took = fastest([changegate, *words])
        print(f"changegate {' '.join(words):<12} {took * 1000:6.0f} ms   {took / floor:4.1f} x `import click` ({floor * 1000:.0f} ms)")


if __name__ == "__main__":
    main()
