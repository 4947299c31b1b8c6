"""What is deployed, from the file to the record: on a GitHub double over real HTTP, with attestations of our own making."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doubles.github import TOKEN, GitHubServer, Hub
from doubles.github.state import ALL_PERMISSIONS
from support.gating import without_waiting

from changegate.cli import run
from changegate.errors import ExitCode
from changegate.signing import dsse, keys

BUILDER = keys.PrivateKey.generate()
PEM = "".join(f"        {line}\n" for line in keys.format_public(BUILDER.public_key).splitlines())
POLICY = f"controls:\n  artifact-bound:\n    enabled: true\n    provenance: required\n    builder-keys:\n    - |\n{PEM}"
PLAN = "Closes #{issue}\n\n## Rollback plan\nSwitch the flag off; prices are back within a minute."


TESTED = "controls:\n  tests-reported:\n    enabled: true\n    min-coverage: 80\n"


@pytest.fixture
def hub(request: pytest.FixtureRequest) -> Hub:
    """A change that has all it needs, and the policy that a test names."""
    policy = getattr(request, "param", POLICY)
    hub = Hub()
    hub.tokens[TOKEN] = ALL_PERMISSIONS
    alice, bob = hub.user("alice"), hub.user("bob")
    repository = hub.repository("acme/shop", files={"README.md": "shop\n", ".changegate.yml": policy}, writers=(alice, bob))
    repository.deploy()
    issue = repository.issue()
    repository.pull(author=alice, title="Round prices up", body=PLAN.format(issue=issue.number)).check("tests").approve(bob).merge("squash")
    return hub


Gate = Callable[..., tuple[int, Any]]


@pytest.fixture
def gate(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Gate]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHANGEGATE_TOKEN", TOKEN)
    assert run(["keys", "generate"]) == 0
    Path("shop.tar.gz").write_bytes(b"the shop")
    runs = iter(range(4711, 4811))
    with GitHubServer(hub) as server:
        without_waiting(server, monkeypatch)
        given = {"ACTIONS": "true", "REPOSITORY": "acme/shop", "RUN_ATTEMPT": "1", "API_URL": server.url, "SERVER_URL": "https://github.com"}
        for name, value in given.items():
            monkeypatch.setenv(f"GITHUB_{name}", value)
        for name in ("STEP_SUMMARY", "OUTPUT"):
            monkeypatch.delenv(f"GITHUB_{name}", raising=False)

        def gated(*arguments: str) -> tuple[int, Any]:
            monkeypatch.setenv("GITHUB_RUN_ID", str(next(runs)))
            capsys.readouterr()
            command = ["gate", "--signing-key", "changegate-key.pem", "--store", "file:evidence", "--format", "json", "--head"]
            code = run([*command, hub.repositories["acme/shop"].head, *arguments])
            printed = capsys.readouterr()
            return code, json.JSONDecoder().raw_decode(printed.out)[0] if printed.out.startswith("{") else printed.err

        yield gated


def attest(path: str, commit: str, by: keys.PrivateKey = BUILDER) -> bytes:
    """A line of provenance for a file."""
    built = {"resolvedDependencies": [{"uri": "git+https://github.com/acme/shop@refs/heads/main", "digest": {"gitCommit": commit}}]}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path, "digest": {"sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": built, "runDetails": {"builder": {"id": "https://builds.example.com"}}},
    }
    return dsse.format_envelope(dsse.sign(json.dumps(statement).encode(), by)) + b"\n"


def reasons(report: Any) -> list[str]:
    return [each["reason"] for each in report["findings"] if each["control"] == "artifact-bound"]


def test_a_file_that_was_built_from_what_is_judged(hub: Hub, gate: Gate, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.jsonl").write_bytes(attest("shop.tar.gz", "00" * 20) + attest("shop.tar.gz", hub.repositories["acme/shop"].head))
    code, report = gate("--artifact", "shop.tar.gz", "--provenance", "p.jsonl")
    assert (code, reasons(report)) == (ExitCode.ALLOWED, ["built-from-it"])
    record = report["record"]["id"]
    assert run(["replay", record, "--store", "file:evidence"]) == 0
    capsys.readouterr()
    assert run(["show", record, "--store", "file:evidence", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["statement"]
    assert {"name": "shop.tar.gz", "digest": {"sha256": hashlib.sha256(b"the shop").hexdigest()}} in shown["subject"]


@pytest.mark.parametrize("who", ["nobody named", "no provenance", "another's key", "another commit", "another file", "changed after it was built"])
def test_what_was_not_is_stopped(hub: Hub, gate: Gate, who: str) -> None:
    head = hub.repositories["acme/shop"].head
    Path("other").write_bytes(b"other")
    attested = {
        "another's key": attest("shop.tar.gz", head, keys.PrivateKey.generate()),
        "another commit": attest("shop.tar.gz", "00" * 20),
        "another file": attest("other", head),
    }.get(who, attest("shop.tar.gz", head))
    Path("p.json").write_bytes(attested)
    if who == "changed after it was built":
        Path("shop.tar.gz").write_bytes(b"another shop")
    artifact = () if who == "nobody named" else ("--artifact", "shop.tar.gz")
    code, report = gate(*artifact, *(() if who == "no provenance" else ("--provenance", "p.json")))
    expected = {"nobody named": "no-artifact", "another's key": "not-believed", "another commit": "other-source"}.get(who, "no-provenance")
    assert (code, reasons(report)) == (ExitCode.BLOCKED, [expected])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--artifact", "missing.tar.gz"), "neither NAME@sha256:DIGEST nor a file"),
        (("--artifact", "."), "neither NAME@sha256:DIGEST nor a file"),
        (("--artifact", "shop@sha256:12"), "neither NAME@sha256:DIGEST nor a file"),
        (("--provenance", "missing.json"), "No such file"),
        (("--provenance", "."), "directory"),
        (("--provenance", "empty"), "no attestation"),
    ],
)
def test_what_can_not_be_read_is_said_before_anything_is_asked(hub: Hub, gate: Gate, arguments: tuple[str, ...], message: str) -> None:
    del hub
    Path("empty").write_bytes(b"\n")
    code, said = gate(*arguments)
    assert (code, message in said) == (ExitCode.USAGE, True)


def test_an_action_may_give_several(hub: Hub, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    head = hub.repositories["acme/shop"].head
    Path("other").write_bytes(b"other")
    for name in ("shop.tar.gz", "other"):
        Path(f"{name}.json").write_bytes(attest(name, head))
    monkeypatch.setenv("CHANGEGATE_ARTIFACT", "shop.tar.gz other")
    monkeypatch.setenv("CHANGEGATE_PROVENANCE", "shop.tar.gz.json\nother.json")
    code, report = gate()
    assert (code, reasons(report)) == (ExitCode.ALLOWED, ["built-from-it", "built-from-it"])


@pytest.mark.parametrize("hub", [TESTED], indirect=True)
@pytest.mark.parametrize(
    ("results", "lines", "code", "reason"),
    [
        ('<testsuite><property name="commit" value="{head}"/><testcase name="a"/></testsuite>', 90, ExitCode.ALLOWED, "reported"),
        ('<testsuite><property name="commit" value="{head}"/><testcase name="a"/></testsuite>', 70, ExitCode.BLOCKED, "coverage-low"),
        ('<testsuite timestamp="2001-01-01T00:00:00Z"><testcase name="a"/></testsuite>', 90, ExitCode.BLOCKED, "older"),
        (
            '<testsuite><property name="commit" value="{head}"/><testcase name="a"><failure/></testcase></testsuite>',
            90,
            ExitCode.BLOCKED,
            "tests-failed",
        ),
        ("no xml", 90, ExitCode.BLOCKED, "unreadable"),
        ("<testsuite><testcase/></testsuite>", 90, ExitCode.NOT_JUDGED, "undated"),
    ],
)
def test_the_pipelines_own_reports(hub: Hub, gate: Gate, results: str, lines: int, code: ExitCode, reason: str) -> None:
    repository = hub.repositories["acme/shop"]
    Path("junit.xml").write_text(results.format(head=repository.head))
    Path("lcov.info").write_text(f"TN:{repository.head}\nLF:100\nLH:{lines}\nend_of_record\n")
    ended, report = gate("--test-results", "junit.xml", "--coverage", "lcov.info")
    assert (ended, [each["reason"] for each in report["findings"] if each["control"] == "tests-reported"]) == (code, [reason])
