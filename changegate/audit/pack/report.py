"""The report of a pack, for people."""

from collections.abc import Mapping, Sequence

from changegate.audit.pack.contents import Contents


def format_report(contents: Contents, facts: Mapping[str, bytes], *, reconciliation: bytes | None, attachments: Sequence[str]) -> bytes:
    """The report's bytes, which follow from these."""
    return f"{contents.origin} {len(facts)} {reconciliation is not None} {attachments}".encode()
