"""changegate store: prepare a place for evidence, show how it is set up, try whether it does what a log rests on."""

import json
from typing import Any, Final

import click

from changegate.errors import ExitCode, FormatError, InputError, StoreError
from changegate.evidence import layout
from changegate.evidence.beginning import check_place
from changegate.evidence.log_object import parse_log_object
from changegate.evidence.reader import signed_size
from changegate.render.text import visible
from changegate.stores import Condition, ManagedStore, Store, open_store
from changegate.stores.directory import DirectoryStore
from changegate.stores.probing import probe

_MARKS: Final = {True: "✓", False: "✗", None: "?"}
_FORMAT: Final = click.option(
    "--format", "format_", type=click.Choice(["terminal", "json"]), default="terminal", show_default=True, help="What to print."
)


@click.group(name="store")
def command() -> None:
    """Prepare, examine and try an evidence store: file:DIR, git:REPOSITORY[#BRANCH], s3://BUCKET[/PREFIX] or postgresql://…."""


@command.command()
@click.argument("url")
@_FORMAT
def init(url: str, format_: str) -> int:
    """Make what is missing at URL, then try it. What is there already stays as it is."""
    store = open_store(url)
    made = store.prepare() if isinstance(store, ManagedStore) else ()
    check_place(store)
    tried = probe(lambda: open_store(url))
    _show(store, tried, {"made": list(made)}, format_, lines=[f"made {each}" for each in made])
    return _refuse(store, tried)


@command.command()
@click.argument("url")
@_FORMAT
def status(url: str, format_: str) -> int:
    """How the store at URL is set up, and the state of its log, as published: `changegate verify` checks it. Writes nothing."""
    store = _open(url)
    conditions = store.examine() if isinstance(store, ManagedStore) else ()
    state = _state(store)
    _show(store, conditions, {"log": state}, format_, lines=[f"{name:<11} {value}" for name, value in state.items()])
    return ExitCode.ALLOWED


@command.command(name="probe")
@click.argument("url")
@_FORMAT
def probe_command(url: str, format_: str) -> int:
    """Try, with throw-away keys below probe/, what a log demands of the store at URL. Exit code 4 where it fails."""
    store = _open(url)
    tried = probe(lambda: open_store(url))
    _show(store, tried, {}, format_, lines=[])
    return _refuse(store, tried)


def _open(url: str) -> Store:
    """A store that is there. Raises `InputError` for a directory that isn't: to open one is no reason to make it."""
    store = open_store(url)
    if isinstance(store, DirectoryStore) and not store.path.is_dir():
        raise InputError(f"{store.url} isn't there", remedy="Check URL; `changegate store init URL` makes what is missing.")
    return store


def _state(store: Store) -> dict[str, Any]:
    """What the log says of itself; nothing here is verified."""
    begun = store.read(layout.LOG)
    if begun is None:
        return {"origin": None, "size": 0, "commit": 0, "pending": 0}
    try:
        origin = parse_log_object(begun)
    except FormatError as error:
        raise StoreError(f"{store.url}: {error.message}", remedy="`changegate verify` says what else was changed.") from error
    newest = max(store.list(layout.COMMITS), default="", key=lambda key: (len(key), key))
    return {
        "origin": origin,
        "size": signed_size(store.read(layout.CHECKPOINT)),
        "commit": newest.removeprefix(layout.COMMITS),
        "pending": sum(1 for _ in store.list(layout.PENDING)),
    }


def _show(store: Store, conditions: tuple[Condition, ...], more: dict[str, Any], format_: str, *, lines: list[str]) -> None:
    if format_ == "json":
        click.echo(json.dumps({"store": store.url, **more, "conditions": [vars(each) for each in conditions]}, indent=2))
        return
    click.echo(visible(store.url))
    for line in lines:
        click.echo(f"  {visible(line)}")
    for each in conditions:
        click.echo(f"{_MARKS[each.holds]} {visible(each.what)}: {visible(each.found)}")
        if not each.holds and each.remedy:
            click.echo(f"  → {visible(each.remedy, 1000)}")


def _refuse(store: Store, tried: tuple[Condition, ...]) -> int:
    failed = [each for each in tried if not each.holds]
    if failed:
        raise StoreError(f"{store.url} fails the probe: it isn't so that {failed[0].what} ({failed[0].found})", remedy=failed[0].remedy)
    return ExitCode.ALLOWED
