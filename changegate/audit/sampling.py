"""Samples that anybody can draw again: the units of a population in the order of a hash over seed and unit, the first ones taken. Pure.

    score = SHA-256(seed + LF + unit's id), lower-case hex; the n units with the lowest scores are the sample.

So it depends on nothing but the seed and the ids: not on the order of the list, a library or a language, and a larger sample of the same seed holds
the smaller one. docs/audit.md has the same in a line of shell.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

from changegate.errors import InputError


def score(seed: str, unit: str) -> str:
    """By what a unit is drawn."""
    return hashlib.sha256(f"{seed}\n{unit}".encode()).hexdigest()


def draw(units: Iterable[str], size: int, seed: str) -> tuple[str, ...]:
    """`size` of these units (all where there are fewer), in the order in which they are drawn. Raises `InputError` where a unit comes twice."""
    every = list(units)
    if len(set(every)) != len(every):
        raise InputError("the population has a unit twice, so that no sample of it is fair", remedy="Export it again: `changegate audit population`.")
    return tuple(sorted(every, key=lambda unit: (score(seed, unit), unit))[: max(size, 0)])


def allocate(sizes: Mapping[str, int], size: int) -> dict[str, int]:
    """How many units each stratum gives: at least one of each that has any, else in proportion, by the largest remainders.

    Raises `InputError` where there are more strata than units to draw.
    """
    strata = {name: count for name, count in sizes.items() if count}
    total = sum(strata.values())
    if total <= size:
        return dict(strata)
    if size < len(strata):
        raise InputError(f"{len(strata)} strata, and a sample of {size}: some would have none", remedy=f"Draw at least {len(strata)}.")
    given = dict.fromkeys(strata, 1)
    free = size - len(strata)
    shares = {name: free * (count - 1) / (total - len(strata)) for name, count in strata.items()}
    given = {name: 1 + math.floor(shares[name]) for name in strata}
    rest = size - sum(given.values())
    for name in sorted(strata, key=lambda each: (math.floor(shares[each]) - shares[each], each))[:rest]:
        given[name] += 1
    return given


def draw_stratified(units: Sequence[tuple[str, str]], size: int, seed: str) -> tuple[str, ...]:
    """As `draw`, from each stratum its part; `units` are pairs of unit and stratum. Raises as `draw` and `allocate` do."""
    strata: dict[str, list[str]] = {}
    for unit, stratum in units:
        strata.setdefault(stratum, []).append(unit)
    draw((unit for unit, _ in units), 0, seed)  # nothing comes twice, across strata neither
    parts = allocate({name: len(found) for name, found in strata.items()}, size)
    return tuple(unit for name in sorted(parts) for unit in draw(strata[name], parts[name], seed))


def size_for(population: int, *, confidence: float, tolerable: float) -> int:
    """The least sample in which no exception shows, with this confidence, that fewer than the tolerable rate of the population are exceptions.

    Attribute sampling with no expected exception, drawn without replacement (hypergeometric): the probability to miss all of
    ⌈tolerable · population⌉ exceptions is at most 1 - confidence. Source: AICPA Audit Guide, Audit Sampling, discovery sampling.
    """
    exceptions = math.ceil(tolerable * population)
    if population == 0 or exceptions == 0:
        return population
    missed, size = 1.0, 0
    while missed > 1 - confidence and size < population:
        missed *= max(population - exceptions - size, 0) / (population - size)
        size += 1
    return size
