"""The paths that a merge request touches. Source: "Merge requests API", list merge request diffs."""

from changegate.facts import ChangedFile
from changegate.forges.gitlab.client import Client


def read_files(client: Client, path: str) -> tuple[ChangedFile, ...]:
    """Every path of the merge request at `path`. Raises `UnreadableError`, `ForgeError`."""
    files = client.list_all(f"{path}/diffs", by="new_path")
    return tuple(
        ChangedFile(path=file.text("new_path"), was=file.text("old_path") if file.text("old_path") != file.text("new_path") else "") for file in files
    )
