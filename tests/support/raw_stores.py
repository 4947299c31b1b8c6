"""Each kind of store, as whoever administers it can write to it: past `create`, its locks and its rules."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

from changegate.stores import Store
from changegate.stores.directory import DirectoryStore
from changegate.stores.git import BRANCH, GitStore
from changegate.stores.postgres.statements import table_of
from changegate.stores.postgres.store import PostgresStore
from changegate.stores.s3 import S3Store
from changegate.stores.s3url import parse_url
from support.postgres import Server
from support.s3server import CREDENTIALS, client, ministack
from support.tampering import RawStore


class RawDirectory:
    """See `support.tampering.RawStore`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self) -> Store:
        """See `support.tampering.RawStore`."""
        return DirectoryStore(self._root)

    def write(self, objects: Mapping[str, bytes | None]) -> None:
        """See `support.tampering.RawStore`."""
        for key, data in objects.items():
            path = self._root / key
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)


class RawGit:
    """See `support.tampering.RawStore`. What isn't on the branch's tip isn't in the store."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._begun = False
        subprocess.run(["git", "init", "--quiet", "--bare", str(repository)], check=True)

    def open(self) -> Store:
        """See `support.tampering.RawStore`."""
        return GitStore(str(self._repository), whole=True)

    def write(self, objects: Mapping[str, bytes | None]) -> None:
        """See `support.tampering.RawStore`."""
        stream = [b"commit refs/heads/%b\ncommitter x <x@invalid> now\ndata 0\n" % BRANCH.encode()]
        if self._begun:
            stream.append(b"from refs/heads/%b^0\n" % BRANCH.encode())
        for key, data in objects.items():
            name = key.encode()
            stream.append(b"D %b\n" % name if data is None else b"M 100644 inline %b\ndata %d\n%b\n" % (name, len(data), data))
        command = ["git", "-C", str(self._repository), "fast-import", "--quiet", "--date-format=now"]
        subprocess.run(command, input=b"".join(stream), check=True)
        self._begun = True


class RawTables:
    """See `support.tampering.RawStore`: for a superuser who has switched the triggers and the checks off."""

    def __init__(self, url: str) -> None:
        self._url, self._opened = url, PostgresStore(url)
        self._connection = psycopg.connect(url, autocommit=True)
        for table in ("objects", "passing", "published"):
            self._connection.execute(f"ALTER TABLE changegate.{table} DISABLE TRIGGER ALL, DROP CONSTRAINT {table}_key".encode())

    def close(self) -> None:
        self._opened.close()
        self._connection.close()

    def open(self) -> Store:
        """See `support.tampering.RawStore`."""
        self._opened.close()
        self._opened = PostgresStore(self._url)
        return self._opened

    def write(self, objects: Mapping[str, bytes | None]) -> None:
        """See `support.tampering.RawStore`."""
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for key, data in objects.items():
                cursor.execute(f"DELETE FROM changegate.{table_of(key)} WHERE key = %s".encode(), [key])
                if data is not None:
                    cursor.execute(f"INSERT INTO changegate.{table_of(key)} (key, data) VALUES (%s, %s)".encode(), [key, data])


class RawBucket:
    """See `support.tampering.RawStore`. In a versioned bucket each write leaves what was there before, and each deletion a marker."""

    def __init__(self, endpoint: str, name: str, *, versioned: bool = False) -> None:
        self._client, self._name = client(endpoint), name
        self._place = parse_url(f"s3://{name}?endpoint={endpoint}")
        self._client.create_bucket(Bucket=name)
        if versioned:
            self._client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def open(self) -> Store:
        """See `support.tampering.RawStore`."""
        return S3Store(self._place)

    def write(self, objects: Mapping[str, bytes | None]) -> None:
        """See `support.tampering.RawStore`."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda each: self._write(*each), objects.items()))

    def forget(self, key: str) -> None:
        """Take away all but the first version of a key, as an administrator can where nothing is locked."""
        versions = self._client.list_object_versions(Bucket=self._name, Prefix=key)
        later = [each["VersionId"] for each in versions.get("DeleteMarkers", ()) if each["Key"] == key]
        later += [each["VersionId"] for each in sorted(versions["Versions"], key=lambda each: each["LastModified"]) if each["Key"] == key][1:]
        for version in later:
            self._client.delete_object(Bucket=self._name, Key=key, VersionId=version)

    def _write(self, key: str, data: bytes | None) -> None:
        if data is None:
            self._client.delete_object(Bucket=self._name, Key=key)
        else:
            self._client.put_object(Bucket=self._name, Key=key, Body=data)


@contextmanager
def directory(temporary: Path) -> Iterator[RawStore]:
    """A directory store."""
    yield RawDirectory(temporary / "store")


@contextmanager
def git(temporary: Path) -> Iterator[RawStore]:
    """A branch of a repository."""
    yield RawGit(temporary / "store.git")


@contextmanager
def postgres(_temporary: Path) -> Iterator[RawStore]:
    """A PostgreSQL database, in a server of its own."""
    with closing(Server()) as server:
        url = server.url(server.new_database())
        with closing(PostgresStore(url)) as store:
            store.prepare()
        with closing(RawTables(url)) as raw:
            yield raw


@contextmanager
def s3(_temporary: Path) -> Iterator[RawStore]:
    """A bucket, in a server of its own."""
    with bucket(versioned=False) as raw:
        yield raw


@contextmanager
def bucket(*, versioned: bool) -> Iterator[RawBucket]:
    """A bucket, in a server of its own; `versioned`, it keeps what is overwritten."""
    with pytest.MonkeyPatch.context() as patch, ministack() as endpoint:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield RawBucket(endpoint, "evidence", versioned=versioned)


RAW_STORES: Final[Mapping[str, Callable[[Path], AbstractContextManager[RawStore]]]] = {
    "directory": directory, "git": git, "s3": s3, "postgres": postgres,
}  # fmt: skip
"""Each is opened once a test module, with a directory of its own, and begins empty."""
