"""Names of identities, as Sigstore's certificates repeat them, and the patterns that stand for several."""

import re


def matches(pattern: str, name: str) -> bool:
    """Whether a name is meant: the same, but where `*` stands for any letters but `/` and `@`."""
    return re.fullmatch("[^/@]*".join(re.escape(part) for part in pattern.split("*")), name) is not None
