"""What an object below `index/` holds: the place of an entry in the log, under its idempotency key. Pure."""

from changegate.errors import FormatError


def format_index_object(index: int) -> bytes:
    """The object's bytes: `parse_index_object` gives the same index back."""
    return b"%d\n" % index


def parse_index_object(data: bytes) -> int:
    """The index that an object below `index/` holds. Raises `FormatError`."""
    text = data.removesuffix(b"\n")
    if not text.isdigit() or len(text) > 19 or format_index_object(int(text)) != data:
        raise FormatError("index: not a number", remedy="`changegate verify` says which object is damaged.")
    return int(text)
