"""Runs the templates under gitlab-ci-local, a third party's runner of pipelines, against the GitLab double. Needs Node and rsync; CI runs it.

    PYTHONPATH=tests python tests/conformance/gitlab_templates.py NODE GITLAB_CI_LOCAL

Exits 0 where each pipeline ends as it must, 1 with what another one printed. What gitlab-ci-local fills in by itself (inputs, rules, needs, the
dotenv report) the harness of the test suite does in its own way: here the two are held to each other.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import yaml
from doubles.gitlab import READER_TOKEN, TOKEN, GitLabServer, Hub
from templates_harness import ROOT, TEMPLATES, snapshot

PLAN: Final = "\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."


class Shop:
    """The shop's project, as a working tree with a pipeline."""

    def __init__(self, folder: Path, server: GitLabServer, source: Path, commit: str) -> None:
        self.folder, self.server = folder, server
        hub = server.hub
        self.alice, self.bob = hub.user("alice"), hub.user("bob")
        own = {"source": str(source), "commit": commit, "server-url": server.url, "repository": "acme/shop"}
        store = {"store": f"file:{folder}/evidence"}
        inputs: dict[str, dict[str, object]] = {
            "gate": {**own, **store, "if": "$CI_PIPELINE_SOURCE == 'push'"},
            "preview": {**own, "job": "preview"},
            "outcome": {**own, **store, "needs": ["changegate", "deploy"], "if": "$CI_PIPELINE_SOURCE == 'push'"},
            "verify": {**own, **store, "trust": f"{folder}/changegate-trust.yml", "if": "$VERIFY == 'true'"},
            "evidence": {**own, **store, "trust": f"{folder}/changegate-trust.yml", "if": "$EVIDENCE == 'true'"},
            "followup": {**own, **store, "trust": f"{folder}/changegate-trust.yml", "if": "$FOLLOWUP == 'true'"},
        }
        pipeline = {
            "stages": ["test", "deploy"],
            "include": [{"local": f"templates/{name}.yml", "inputs": inputs[name]} for name in TEMPLATES],
            "deploy": {"stage": "deploy", "needs": ["changegate"], "script": ["echo deployed after $CHANGEGATE_DECISION"]},
        }
        files = {f"templates/{name}.yml": (ROOT / f"templates/{name}.yml").read_text() for name in TEMPLATES}
        self.project = hub.project("acme/shop", files={**files, ".gitlab-ci.yml": yaml.safe_dump(pipeline)}, developers=(self.alice, self.bob))
        self.project.deploy()
        subprocess.run([sys.executable, "-m", "changegate", "keys", "generate"], check=True, capture_output=True, cwd=folder)

    def change(self, *, approved: bool, checked: bool = True) -> int:
        """A change, merged unless it is to be previewed; its number."""
        request = self.project.request(author=self.alice, title="Round up", description=f"Closes #{self.project.issue().iid}{PLAN}")
        request = request.status("test") if checked else request
        (request.approve(self.bob) if approved else request).merge()
        return request.iid

    def run(self, runner: list[str], *jobs: str, **variables: str) -> tuple[int, str]:
        """The pipeline, or some of its jobs, on the tip of main."""
        tree = self.folder / f"tree {len(list(self.folder.glob('tree*')))}"
        subprocess.run(["git", "clone", "-q", "--branch", "main", str(self.project.write(self.folder / "clone.git")), str(tree)], check=True)
        # The forms of an address that gitlab-ci-local understands have a host and a group.
        subprocess.run(["git", "-C", str(tree), "remote", "set-url", "origin", "https://gitlab.example/acme/shop.git"], check=True)
        given = {
            "CI_PROJECT_PATH": "acme/shop",
            "CI_SERVER_URL": self.server.url,
            "CI_API_V4_URL": self.server.api_url,
            "CI_JOB_ID": "5000000000",
            "CHANGEGATE_TOKEN": READER_TOKEN,
            "CHANGEGATE_PREVIEW_TOKEN": TOKEN,
            "CHANGEGATE_SIGNING_KEY": str(self.folder / "changegate-key.pem"),
            **variables,
        }
        options = [word for name, value in given.items() for word in ("--variable", f"{name}={value}")]
        ran = subprocess.run(
            [*runner, "--force-shell-executor", "--shell-isolation", "--no-color", *options, *jobs],
            cwd=tree, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        return ran.returncode, ran.stdout


def main(runner: list[str]) -> int:
    """Every pipeline, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "source").mkdir()
        commit = snapshot(Path(folder) / "source")
        for number, (name, deployed, words) in enumerate(
            [
                ("allowed", True, ["deployed after allowed", "ALLOWED", "changegate outcome: success", "SUCCEEDED"]),
                ("blocked", False, ["BLOCKED", "not-approved"]),
                ("unknown", False, ["no-checks"]),
            ]
        ):
            here = Path(folder) / str(number)
            here.mkdir()
            with GitLabServer(Hub()) as server:
                shop = Shop(here, server, Path(folder) / "source", commit)
                shop.change(approved=name != "blocked", checked=name != "unknown")
                code, log = shop.run(runner)
                if (code == 0) != deployed or ("deployed after" in log) != deployed or not all(word in log for word in words):
                    return _fail(name, code, log)
                code, log = shop.run(runner, "changegate verify", VERIFY="true")
                if code:
                    return _fail(f"verify after {name}", code, log)
                code, log = shop.run(runner, "changegate evidence", EVIDENCE="true")
                if code or "pack.zip" not in log:
                    return _fail(f"evidence after {name}", code, log)
                code, log = shop.run(runner, "changegate followup", FOLLOWUP="true")
                if code or "emergencies: 0 to review" not in log:
                    return _fail(f"followup after {name}", code, log)
        print("gitlab-ci-local: allowed, blocked, unknown, the outcome, the verification, the evidence and the follow-up end as they must")
    return 0


def _fail(name: str, code: int, log: str) -> int:
    print(f"the pipeline '{name}' ended with {code}:\n{log}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
