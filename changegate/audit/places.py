"""Which repositories and environments a log speaks of: a name that it never heard is a slip of the pen, not a period without deploys."""

import re
from typing import Final, NamedTuple

from changegate.evidence import tiles
from changegate.evidence.card import parse_card
from changegate.evidence.reader import LogReader

_PLACE: Final = re.compile(rb'"environment":"(?:[^"\\]|\\.)*"|"repository":"(?:[^"\\]|\\.)*"')


class Names(NamedTuple):
    """What was asked for, or what there is."""

    environments: frozenset[str]
    repositories: frozenset[str]

    def less(self, others: "Names") -> "Names":
        """Those that aren't among the others."""
        return Names(self.environments - others.environments, self.repositories - others.repositories)


def find_unknown(reader: LogReader, asked: Names) -> tuple[Names, Names]:
    """Of the names asked for those of which no entry of the log is; and all names that the log has, where there are any such.

    Reads as far as it must: of names that the log knows, commonly one tile. Raises as `LogReader.entries` does.
    """
    known = Names(frozenset(), frozenset())
    seen = set[tuple[bytes, ...]]()
    for bundle in range(-(-reader.size // tiles.WIDTH)):
        if not any(asked.less(known)):
            break
        for entry in reader.entries(bundle):
            place = tuple(_PLACE.findall(entry))
            if place not in seen:
                seen.add(place)
                card = parse_card(entry)
                known = Names(known.environments | {card.environment}, known.repositories | {card.repository})
    return asked.less(known), known
