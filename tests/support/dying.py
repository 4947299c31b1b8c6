"""A store that can't be opened in another process: the process dies."""

import os

from changegate.stores import Store


def die() -> Store:
    """End this process at once, as the kernel does for want of memory."""
    os._exit(137)
