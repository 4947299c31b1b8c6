"""The PostgreSQL store behind PgBouncer in transaction mode: `pgbouncer.py PGBOUNCER`. Ends with 0 if nothing was lost, doubled or refused."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from support.evidence import log_in
from support.postgres import ADMIN, PASSWORD, Server, free_port
from support.records import TRUST, append_signed

from changegate.evidence.verify import verify_store
from changegate.stores.postgres.store import PostgresStore

WRITERS = Path(__file__).parents[1] / "support" / "writers.py"
SETTINGS = """
[databases]
{database} = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = 3
unix_socket_dir =
"""


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    sys.exit("PgBouncer doesn't start")


def check(server: Server, pgbouncer: str) -> None:
    database, port = server.new_database(), free_port()
    PostgresStore(server.url(database)).prepare()
    (server.folder / "users.txt").write_text(f'"{ADMIN}" "{PASSWORD}"\n', encoding="utf-8")
    settings = server.folder / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(database=database, server_port=server.port, port=port, folder=server.folder), encoding="utf-8")
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    with subprocess.Popen([pgbouncer, "-q", str(settings)], user=user) as process:
        try:
            wait_for(port)
            url = server.url(database).replace(f":{server.port}/", f":{port}/")
            # Each of these statements may run on another connection of the server.
            logs = [log_in(PostgresStore(url), writer) for writer in range(4)]
            for number in range(1000, 1016):
                append_signed(logs[number % 4], number)
            subprocess.run([sys.executable, str(WRITERS), "together", url, "8", "4"], check=True)
            report = verify_store(PostgresStore(url), TRUST)
            assert report.clean, report.problems
            assert report.entries == 16 + 32, report.entries
            assert len(PostgresStore(url).examine()) > 10
        finally:
            process.terminate()
    print(f"48 entries by 12 writers over 3 connections, verified ({pgbouncer})")


if __name__ == "__main__":
    one = Server()
    try:
        check(one, sys.argv[1])
    finally:
        one.close()
