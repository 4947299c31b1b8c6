"""`--environment` and `--repository` of the auditor's commands: names that somebody knows."""

from collections.abc import Collection

from changegate.audit.places import Names, find_unknown
from changegate.errors import InputError
from changegate.evidence.reader import LogReader
from changegate.render.text import visible


def check_known(reader: LogReader, environments: Collection[str], repositories: Collection[str], *, elsewhere: Collection[str] = ()) -> None:
    """Raise `InputError` for a name that no entry of the whole log has: a list of it would be empty, and look like a period without deploys.

    `elsewhere` are environments that the platform knows, to be named in the remedy.
    """
    unknown, known = find_unknown(reader, Names(frozenset(environments), frozenset(repositories)))
    for option, missing, there in (
        ("--environment", unknown.environments, known.environments | {*elsewhere}),
        ("--repository", unknown.repositories, known.repositories),
    ):
        if missing:
            raise InputError(
                f"{option} {visible(min(missing), 100)}: nothing in the whole log is of that name", remedy=f"Known are: {_listed(there)}."
            )


def _listed(names: Collection[str]) -> str:
    shown = [visible(each, 100) for each in sorted(names) if each][:20]
    return ", ".join(shown) + (f", and {len(names) - len(shown)} more" if len(names) > 20 else "") if shown else "none"
