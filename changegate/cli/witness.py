"""changegate witness: remember a log for others, and cosign only what continues it."""

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from changegate.cli import options
from changegate.cli.keys import create_file
from changegate.cli.signers import PASSPHRASE, read_signer
from changegate.errors import InputError, StoreError, VerificationError
from changegate.evidence import checkpoint, cosignature, log_policy
from changegate.evidence.history import History
from changegate.evidence.note import format_verifier_key
from changegate.evidence.reader import LogReader
from changegate.signing.keys import PrivateKey
from changegate.stores import open_store
from changegate.witness.judge import Conflict, Cosigned, Judge, Refused
from changegate.witness.memory import Memory
from changegate.witness.obtain import proofs, publish
from changegate.witness.submission import Submission, format_submission

_name = options.option("--name", required=True, metavar="NAME", help="The witness's name, as the trust file has it, e.g. witness.example/w1.")
_key = click.option("--key", "key_file", metavar="FILE", required=True, help=f"The witness's private key. If encrypted: {PASSPHRASE}.")
_state = click.option(
    "--state", metavar="DIR", required=True, help="Where it remembers what it cosigned. Never lose it, nor put an older copy there."
)


@click.group(name="witness")
def command() -> None:
    """Remember a log for others, and cosign only what continues it."""


@command.command()
@options.option("--name", required=True, metavar="NAME", help="The witness's name, e.g. witness.example/w1.")
@click.option("--out", default="witness-key.pem", show_default=True, metavar="FILE", help="Where to write the private key.")
@click.option("--url", default="", metavar="URL", help="Where the witness will be reached, for its line in the trust file.")
def keys(name: str, out: str, url: str) -> None:
    """Make a witness's key, and print its line for the log-policy of trust files.

    The private key is encrypted with CHANGEGATE_KEY_PASSPHRASE where that is set.
    """
    signer = PrivateKey.generate()
    key = cosignature.witness_key(name, signer.public_key)
    create_file(out, signer.to_pem(passphrase=os.environ.get(PASSPHRASE) or None), mode=0o600)
    click.echo(" ".join(filter(None, ["witness", name, format_verifier_key(key), url])))
    click.echo(f"{out}: the private key. Keep it where neither the pipeline nor the store's administrators can read it.", err=True)


@command.command()
@_name
@_key
@options.trust_option
@_state
@click.option("--listen", default="127.0.0.1:8467", show_default=True, metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")
def serve(name: str, key_file: str, trust: str | None, state: str, listen: str) -> None:
    """Serve tlog-witness (POST /add-checkpoint) for the logs of the trust file, until stopped."""
    from changegate.witness.server import WitnessServer

    judge = _judge(name, key_file, trust, state)
    try:
        server = WitnessServer(_address(listen), judge, lambda line: click.echo(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", err=True))
    except OSError as error:
        raise InputError(
            f"--listen {listen}: {error.strerror or error}", remedy="Name an address of this machine and a port that is free."
        ) from error
    host, port = server.server_address[:2]
    click.echo(f"witness {format_verifier_key(judge.key)}\nlistens at http://{host if isinstance(host, str) else host.decode()}:{port}")
    with server:
        server.serve_forever()


@command.command()
@click.argument("store")
@_name
@_key
@options.trust_option
@_state
@click.option("--out", metavar="FILE", help="Write the cosigned checkpoint to this file, and leave the store alone. `verify --since` takes it.")
def cosign(store: str, name: str, key_file: str, trust: str | None, state: str, out: str | None) -> None:
    """Check that the log in STORE continues what was cosigned before, and cosign it: for a scheduled job, without a server.

    Exit code 5 says that it doesn't continue it: it was rolled back, rewritten or forked.
    """
    judge = _judge(name, key_file, trust, state)
    policy = log_policy.of(options.find_trust(trust)[0])
    opened = open_store(store)
    head = History(opened, policy, lambda: datetime.now(UTC)).find_head().commit
    if head is None:
        raise InputError(f"{opened.url} holds no log, or an empty one", remedy="Check STORE; a log begins with the first `changegate gate`.")
    reader = LogReader(opened, policy.unwitnessed(), head.checkpoint)
    old = judge.size(reader.checkpoint.origin)
    if old > reader.size:
        raise VerificationError(
            f"the log was rolled back: {old} entries were cosigned, {opened.url} has {reader.size}",
            remedy=f"Keep {state}, it holds the proof. Restore the store from a copy, and find out who changed it.",
        )
    answer = judge.judge(format_submission(Submission(old, proofs(reader)(old), reader.signed)))
    match answer:
        case Cosigned(line):
            cosigned = cosignature.merge(reader.signed, [line], [judge.key])
        case Conflict(forked=True):
            raise VerificationError(f"the log was forked: other {old} entries were cosigned", remedy=f"Keep {state} and the store: both prove it.")
        case Conflict(size):
            raise StoreError(f"another job of this witness was faster; it stands at {size} entries", remedy="Run again.")
        case Refused(why=why):
            raise VerificationError(f"not cosigned: {why}", remedy="Run `changegate verify`. If the log was rewritten, keep both histories.")
    if out:
        options.write_file(out, cosigned)
    else:
        publish(opened, cosigned, policy)
    found = checkpoint.parse(cosigned)
    click.echo(f"✓ cosigned {found.origin}: {found.size} entries, {found.size - old} more than before")


def _judge(name: str, key_file: str, trust: str | None, state: str) -> Judge:
    policy = log_policy.of(options.find_trust(trust)[0])
    signer = read_signer(key_file)
    if not isinstance(signer, PrivateKey):
        raise InputError("a witness's key is an Ed25519 key in a file", remedy="Make one with `changegate witness keys`.")
    return Judge(name, signer, policy, Memory(Path(state)), lambda: datetime.now(UTC))


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise InputError(f"--listen {listen!r} is not HOST:PORT", remedy="For example 127.0.0.1:8467.")
    return host, int(port)
