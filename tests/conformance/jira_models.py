"""Holds what changegate asks of Jira Cloud, and its double, to Atlassian's API description, in the models that jira.js is generated with from it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from doubles.trackers import BASIC, JiraServer

from changegate.facts import Lookup
from changegate.trackers.http import Client
from changegate.trackers.jira import Jira

PACKAGE: Final = "jira.js@6.2.0"
READ: Final = """
import { readFileSync } from 'node:fs';
const models = process.argv[2];
for (const [file, name, value] of JSON.parse(readFileSync(0, 'utf8'))) {
  const schema = (await import(`${models}/${file}.js`))[name];
  const read = schema.safeParse(value);
  if (!read.success) console.log(`${name}: ${read.error.message}`);
  for (const key of Object.keys(value)) if (!(key in schema.shape)) console.log(`${name}: there is no ${key}`);
}
"""
"""Prints what a model refuses, and what it doesn't have."""


def exchanges() -> Iterator[tuple[str, str, Any]]:
    """What was asked, and what the double answered, each with the file and the name of its model."""
    with JiraServer("SHOP") as server:
        server.issue("SHOP-12", fields={"customfield_10042": "Switch it off."})
        client = Client("Jira", server.url, BASIC, timeout=60, now=lambda: 0.0, sleep=server.sleep, on_request=lambda *_: None)
        found = Jira(client, url="https://acme.atlassian.net", cloud=True, plan_field="customfield_10042").fetch(["SHOP-12", "SHOP-13"])
        assert [each.lookup for each in found.values()] == [Lookup.FOUND, Lookup.MISSING]
        for asked, answer in zip(server.requests, server.answers, strict=True):
            if asked.path.endswith("/bulkfetch"):
                yield "bulkFetchIssueRequest", "BulkFetchIssueRequestSchema", asked.body
                yield "bulkIssueResults", "BulkIssueResultsSchema", answer
                yield from (("issue", "IssueSchema", issue) for issue in answer["issues"])
            elif "errorMessages" in answer:
                yield "errorCollection", "ErrorCollectionSchema", answer
            else:
                yield "project", "ProjectSchema", answer


def main() -> int:
    """Check everything; print what is wrong."""
    found = list(exchanges())
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", PACKAGE], cwd=folder, check=True)
        models = Path(folder) / "node_modules/jira.js/dist/cloud/models"
        (Path(folder) / "read.mjs").write_text(READ)
        said = subprocess.run(
            ["node", "read.mjs", str(models)], cwd=folder, input=json.dumps(found), check=True, capture_output=True, text=True
        ).stdout
    print(said, end="")
    print(f"Jira: {len(found)} messages against its models, {len(said.splitlines())} violations")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
