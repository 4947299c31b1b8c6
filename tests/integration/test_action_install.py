"""The actions' installation, for real: a private environment, from hashed wheels, out of the workspace's reach."""

import base64
import re
import subprocess
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from actions_harness import ROOT, Runner, load
from integration.conftest import install

ACTIONS = ("action.yml", "actions/outcome/action.yml", "actions/verify/action.yml")
LOCKS = sorted((ROOT / "actions/setup").glob("requirements*.txt"))
EXTRAS = [each.stem.removeprefix("requirements-") for each in LOCKS if "-" in each.stem]


@pytest.fixture
def runner(tmp_path: Path, own_temp: Path) -> Runner:
    workspace = tmp_path / "work space"
    workspace.mkdir()
    return Runner(workspace, own_temp, github={"server_url": "https://forge.example", "repository": "acme/shop", "token": "t0ken"})


def test_it_starts_and_is_not_made_again(runner: Runner) -> None:
    ran = install(runner)
    assert ran.outcome == "success", ran.log
    assert re.search(r"^changegate, version \d", ran.log, re.MULTILINE)
    assert "Install changegate" not in ran.log


def test_the_path_gets_changegate_and_nothing_else(runner: Runner) -> None:
    install(runner)
    (directory,) = runner.paths
    assert [each.name for each in Path(directory).iterdir()] == ["changegate"]
    ran = runner.run_job({"steps": [{"id": "later", "run": "changegate --version; command -v python3"}]})
    assert ran.outcome == "success"
    assert str(runner.temp) not in ran.log


@pytest.mark.exhaustive
def test_installing_anew_imports_nothing_from_the_workspace(runner: Runner) -> None:
    """Over what an interrupted installation left, with modules in the workspace that stop whoever imports them."""
    trap = "raise SystemExit('imported from the workspace')\n"
    for name in ("json", "click", "yaml", "changegate", "pip", "venv", "hatchling", "encodings", "sitecustomize", "usercustomize"):
        (runner.workspace / f"{name}.py").write_text(trap, encoding="utf-8")
    (environment,) = runner.temp.glob("changegate-*")
    environment.unlink()
    (environment / "bin").mkdir(parents=True)
    runner.environment |= {"PYTHONPATH": str(runner.workspace), "PYTHONSTARTUP": "json.py"}
    assert subprocess.run(["python3", "-c", "import json"], cwd=runner.workspace, check=False, capture_output=True).returncode == 1, "the trap works"
    ran = install(runner)
    assert ran.outcome == "success", ran.log
    assert "::group::Install changegate with Python 3." in ran.log
    ran = runner.run_job({"steps": [{"run": "changegate --version; changegate policy schema >/dev/null"}]})
    assert ran.outcome == "success", ran.log


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("/no/such/python", "names '/no/such/python', which is not here"),
        ("3.2", "names 'python3.2', which is not here"),
        ('x\'; echo "::stop-commands::t" #\n::error::mine', "which is not here"),
        ("{old}", "is older than Python 3.11"),
    ],
)
def test_a_python_that_will_not_do_is_named(runner: Runner, tmp_path: Path, python: str, message: str) -> None:
    old = tmp_path / "oldpython"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    ran = install(runner, CHANGEGATE_PYTHON=python.format(old=old) if python == "{old}" else python)
    assert ran.outcome == "failure"
    ((name, properties, said),) = ran.commands
    assert (name, properties) == ("error", "title=changegate")
    assert message in said


def test_a_windows_runner_is_refused(runner: Runner) -> None:
    ran = install(runner, RUNNER_OS="Windows")
    assert ran.outcome == "failure"
    assert "Run this job on Linux or macOS" in ran.commands[0][2]


@pytest.mark.parametrize("file", ACTIONS)
def test_every_input_reaches_its_step_by_the_environment(file: str) -> None:
    action = load(ROOT / file)
    given = {value: name for step in action["runs"]["steps"] for name, value in step.get("env", {}).items()}
    for name in action["inputs"].keys() - {"outcome", "extras"}:  # those two are in a script's own variable, and among other extras
        assert given[f"${{{{ inputs.{name} }}}}"] == f"CHANGEGATE_{name.upper().replace('-', '_')}"
    assert all("${{" not in step["run"] for step in action["runs"]["steps"])


def test_the_readme_names_every_input_and_output_with_its_default() -> None:
    action, readme = load(ROOT / "action.yml"), (ROOT / "actions/README.md").read_text(encoding="utf-8")
    for name, each in action["inputs"].items():
        row = re.search(rf"^\| `{name}` \|([^|]*)\|", readme, re.MULTILINE)
        assert row, name
        default = each.get("default", "required")
        assert default in row[1] or not default or "${{" in default, name
    for name in action["outputs"]:
        assert re.search(rf"^\|.*`{name}`", readme, re.MULTILINE), name


def installing(file: str) -> dict[str, str]:
    (step,) = (each for each in load(ROOT / file)["runs"]["steps"] if each.get("id") == "install")
    environment: dict[str, str] = step["env"]
    return environment


@pytest.mark.parametrize("file", ACTIONS)
def test_the_installing_step_sees_no_secret(file: str) -> None:
    """A store's address may hold a password, a key is one: of them it is asked only how they begin."""
    environment = installing(file)
    assert set(environment) == {"CHANGEGATE_PYTHON", "CHANGEGATE_EXTRAS"}
    for expression in re.findall(r"\$\{\{ (.*?) \}\}", environment["CHANGEGATE_EXTRAS"]):
        secret = re.sub(r"startsWith\(inputs\.[a-z-]+, '[a-z0-9]+:?'\)|inputs\.[a-z-]+ [!=]= '[a-z]*'", "", expression)
        assert "inputs." not in secret or expression == "inputs.extras"


@pytest.mark.parametrize(
    ("inputs", "extras"),
    [
        ({}, set()),
        ({"store": "git:https://forge.example/s3:postgres"}, set()),
        ({"store": "s3://evidence?region=eu-central-1"}, {"s3"}),
        ({"store": "postgresql://deploy:secret@db/evidence"}, {"postgres"}),
        ({"store": "postgres:service=evidence"}, {"postgres"}),
        ({"signing-key": "sigstore"}, {"sigstore"}),
        *(({"signing-key": f"{scheme}:changegate"}, {"kms"}) for scheme in ("awskms", "gcpkms", "azurekms", "hv")),
        ({"signing-key": "-----BEGIN PRIVATE KEY-----"}, set()),
        ({"timestamp-url": "https://tsa.example"}, {"timestamps"}),
        ({"store": "s3://evidence", "signing-key": "sigstore", "timestamp-url": "https://tsa.example"}, {"s3", "sigstore", "timestamps"}),
        ({"extras": "sigstore, timestamps"}, {"sigstore,", "timestamps"}),
    ],
)
def test_the_inputs_say_which_extras(runner: Runner, inputs: dict[str, str], extras: set[str]) -> None:
    for file in ACTIONS:
        declared = load(ROOT / file)["inputs"]
        if inputs.keys() <= declared.keys():
            given = dict.fromkeys(declared, "") | inputs
            assert set(runner._fill(installing(file)["CHANGEGATE_EXTRAS"], given, {}).split()) == extras


def versions(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_locks_agree_so_that_any_extras_go_together() -> None:
    (base,) = (versions(each) for each in LOCKS if each.stem == "requirements")
    together: dict[str, str] = {}
    for lock in LOCKS:
        assert base.items() <= versions(lock).items()
        assert all(together.setdefault(name, version) == version for name, version in versions(lock).items()), lock


def test_every_extra_that_a_deploy_may_need_has_a_lock() -> None:
    """`xlsx` and `serve` are for auditors, at their own machines."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS) == declared.keys() - {"xlsx", "serve"}


@pytest.mark.exhaustive
def test_extras_are_installed_together_and_kept_apart_from_an_environment_without(runner: Runner) -> None:
    ran = install(runner, CHANGEGATE_EXTRAS="timestamps s3,timestamps")
    assert ran.outcome == "success", ran.log
    made = [each for each in runner.temp.glob("changegate-*") if not each.is_symlink()]
    (python,) = (each / "bin/python" for each in made)
    assert subprocess.run([python, "-I", "-c", "import boto3, rfc3161_client"], check=False).returncode == 0
    assert subprocess.run([python, "-I", "-c", "import psycopg"], check=False, capture_output=True).returncode == 1
    assert runner.paths == [f"{made[0]}/path"]


@pytest.mark.parametrize("extras", ["s4", "../requirements", "s3 $(touch pwned)", "-r", "S3"])
def test_an_unknown_extra_is_named(runner: Runner, extras: str) -> None:
    ran = install(runner, CHANGEGATE_EXTRAS=extras)
    assert ran.outcome == "failure"
    assert "which is none of s3, postgres, kms, sigstore, timestamps" in ran.commands[0][2]


class _Headers(BaseHTTPRequestHandler):
    """Notes the authorization that each request brings."""

    seen: ClassVar[set[tuple[str, ...]]] = set()

    def do_GET(self) -> None:
        self.seen.add((self.headers["Host"], *self.headers.get_all("Authorization", [])))
        self.send_error(404)

    def log_message(self, message: str, *args: object) -> None:
        """Nothing: the test's own output is enough."""


@pytest.fixture
def servers() -> Iterator[tuple[int, int]]:
    started = [ThreadingHTTPServer(("127.0.0.1", 0), _Headers) for _ in range(2)]
    for server in started:
        Thread(target=server.serve_forever, daemon=True).start()
    yield started[0].server_address[1], started[1].server_address[1]
    for server in started:
        server.shutdown()
        server.server_close()


def test_git_gets_the_token_once_and_for_this_server_alone(runner: Runner, tmp_path: Path, servers: tuple[int, int]) -> None:
    own, other = servers
    runner.github["server_url"] = f"http://127.0.0.1:{own}"
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\nfor port in {own} {other}; do git ls-remote http://127.0.0.1:$port/acme/shop || true; done\n", encoding="utf-8")
    command.chmod(0o755)
    subprocess.run(["git", "init", "-q", str(runner.workspace)], check=True)
    # What a checkout leaves behind.
    left = ["git", "-C", str(runner.workspace), "config", f"http.http://127.0.0.1:{own}/.extraheader", "AUTHORIZATION: basic old"]
    subprocess.run(left, check=True)
    step = {"run": f"'{ROOT}/actions/setup/run' gate", "env": {"CHANGEGATE_COMMAND": str(command), "CHANGEGATE_TOKEN": "t0ken"}}
    ran = runner.run_job({"steps": [step]})
    basic = base64.b64encode(b"x-access-token:t0ken").decode()
    assert ("add-mask", "", basic) in ran.commands
    assert ran.log.count(basic) == 1
    assert _Headers.seen == {(f"127.0.0.1:{own}", f"Basic {basic}"), (f"127.0.0.1:{other}",)}
