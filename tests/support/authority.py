"""A timestamp authority for tests: `openssl ts` behind loopback HTTP, with a root and a signing certificate made for the test."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONFIG = """[tsa]
default_tsa = t
[t]
serial = {directory}/serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
signer_cert = {directory}/tsa.pem
signer_key = {directory}/tsa.key
ordering = yes
ess_cert_id_alg = sha256
"""


class Authority:
    """Its certificates and key lie in a directory. `usage` is what its certificate is for, `days` how long it is valid from `begin` on."""

    def __init__(self, directory: Path, *, usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING, days: int = 10) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root_name, name = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (f"root {directory.name}", f"tsa {directory.name}"))
        begin = datetime.now(UTC) - timedelta(days=20)
        root = _builder(root_name, root_name, root_key.public_key(), begin, begin + timedelta(days=100))
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.root = root.sign(root_key, hashes.SHA256())
        leaf = _builder(name, root_name, key.public_key(), begin, begin + timedelta(days=20 + days))
        leaf = leaf.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
        leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        (directory / "tsa.pem").write_bytes(leaf.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        (directory / "root.pem").write_bytes(self.root.public_bytes(serialization.Encoding.PEM))
        (directory / "tsa.key").write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (directory / "serial").write_text("01\n", encoding="ascii")
        (directory / "tsa.cnf").write_text(CONFIG.format(directory=directory), encoding="utf-8")

    @property
    def pem(self) -> str:
        return (self.directory / "root.pem").read_text(encoding="ascii")

    def stamp(self, query: bytes) -> bytes:
        """The response to a request."""
        (self.directory / "query").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "t", "-queryfile", "query", "-out", "reply"]
        subprocess.run(command, cwd=self.directory, check=True, capture_output=True)
        return (self.directory / "reply").read_bytes()


def _builder(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, begin: datetime, end: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key).serial_number(x509.random_serial_number())
    return builder.not_valid_before(begin).not_valid_after(end)


@contextmanager
def serving(answer: Callable[[bytes], bytes], kind: str = "application/timestamp-reply", status: int = 200) -> Iterator[str]:
    """A URL at which requests are answered so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = answer(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
