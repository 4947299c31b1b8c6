"""A whole gate (git forge, directory store) beside the same work done by the bare libraries: the same git questions, a signature, durable writes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHANGES = (10, 100, 1000)
ROUNDS = 3
# Imports, two walks over the range by git, one JSON of their output, one signature, and as many durable files as the gate makes.
BARE = """
import hashlib, json, os, subprocess, sys
import click, pydantic, rfc8785, yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
repository, store = sys.argv[1:]
walk = ["git", "-C", repository, "log", "-z", "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%B%x00%(trailers:only,unfold)", "v1..main"]
facts = [subprocess.run(walk, capture_output=True, check=True).stdout.decode() for _ in range(2)]
data = rfc8785.dumps(facts)
signed = Ed25519PrivateKey.generate().sign(hashlib.sha256(data).digest())
for number in range(9):
    with open(os.path.join(store, str(number)), "xb") as file:
        file.write(data if number < 2 else signed)
        file.flush()
        os.fsync(file.fileno())
"""


def build(repository: Path, changes: int) -> None:
    """A history of single commits, each with what the controls want."""
    person = "%s <%s@example.com> 1760000000 +0000"
    lines = []
    for number in range(changes + 1):
        trailers = f"Ticket: SHOP-{number + 1}\nReviewed-by: Bob <bob@example.com>\n"
        message = f"Change {number}\n\nRollback plan: switch the flag number {number} off\n\n{trailers}"
        lines += ["commit refs/heads/main", f"committer {person % ('Alice', 'alice')}", f"data {len(message)}", message]
        lines += ["M 644 inline file", f"data {len(str(number))}", str(number)]
        if number == 0:
            lines += ["reset refs/tags/v1", "from refs/heads/main", ""]
    subprocess.run(["git", "init", "-q", "-b", "main", str(repository)], check=True)
    subprocess.run(["git", "-C", str(repository), "fast-import", "--quiet"], input="\n".join(lines).encode() + b"\n", check=True)


def fastest(work: Callable[[Path], None]) -> float:
    """The shortest of some runs, each in a directory of its own, in seconds."""
    times = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            begun = time.perf_counter()
            work(Path(name))
            times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    """Print the time of a whole gate and its ratio to the bare work."""
    changegate = str(Path(sys.executable).parent / "changegate")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        subprocess.run([changegate, "keys", "generate"], cwd=root, check=True, capture_output=True)
        for changes in CHANGES:
            repository = root / f"shop-{changes}"
            build(repository, changes)
            words = ["gate", "--base", "v1", "--head", "main", "--workspace", str(repository), "--signing-key", str(root / "changegate-key.pem")]

            def gate(store: Path, words: list[str] = words) -> None:
                subprocess.run([changegate, *words, "--store", f"file:{store / 'evidence'}"], check=True, capture_output=True, env=environment)

            def bare(store: Path, repository: Path = repository) -> None:
                subprocess.run([sys.executable, "-c", BARE, str(repository), str(store)], check=True, capture_output=True, env=environment)

            took, floor = fastest(gate), fastest(bare)
            print(f"{changes:5d} changes: gate {took * 1000:6.0f} ms, bare libraries {floor * 1000:6.0f} ms, ratio {took / floor:4.1f}")


if __name__ == "__main__":
    main()
