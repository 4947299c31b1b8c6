"""The pure files do no I/O and read no clock, and imports go one way. Read from the source, so that a lazy import is seen, too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "changegate"
PURE = [
    *(
        PACKAGE / name
        for name in (
            "decision.py",
            "policy.py",
            "policy_defects.py",
            "yaml_text.py",
            "command_line.py",
            "approvals.py",
            "codeowners.py",
            "ownership.py",
            "exemption.py",
            "liftable.py",
            "waiving.py",
            "plan.py",
            "undone.py",
            "tickets.py",
            "starting.py",
            "pipeline.py",
            "record.py",
            "recorded.py",
            "settings.py",
            "outcome.py",
            "history.py",
            "keychange.py",
            "attestation.py",
            "attachment.py",
            "access.py",
            "sampledraw.py",
            "deploys.py",
            "openings.py",
            "pseudonyms.py",
            "comparing.py",
            "policy_cases.py",
            "replaying.py",
            "rules.py",
            "recurrence.py",
            "windows.py",
            "window_rules.py",
            "owner_rules.py",
            "tracker_rules.py",
            "pipeline_rules.py",
            "plan_files.py",
            "calendars.py",
            "provenance.py",
            "reports.py",
        )
    ),
    *(PACKAGE / "audit" / f"{name}.py" for name in ("pairing", "reconcile", "reconciled", "sampling", "tables")),
    *(PACKAGE / "audit" / "pack" / f"{name}.py" for name in ("contents", "figures", "timeline", "manifest")),
    *(PACKAGE / "facts").glob("*.py"),
    *(PACKAGE / "controls").glob("*.py"),
    *(PACKAGE / "doctor").glob("*.py"),
    *(path for path in (PACKAGE / "render").glob("*.py")),
    *(PACKAGE / "evidence" / f"{name}.py" for name in ("merkle", "tiles", "note", "checkpoint", "proof", "log_policy", "card", "cosignature")),
    PACKAGE / "witness" / "submission.py",
    PACKAGE / "signing" / "dsse.py",
    PACKAGE / "errors.py",
    PACKAGE / "canonical.py",
]
IMPURE = {
    "os",
    "pathlib",
    "socket",
    "subprocess",
    "time",
    "random",
    "secrets",
    "uuid",
    "click",
    "github",
    "requests",
    "urllib.request",
    "tempfile",
    "shutil",
}
# Who may import whom: a part, and the parts that must not appear in it.
FORBIDDEN = {
    "errors.py": {"facts", "policy", "decision", "controls", "record", "signing", "evidence", "stores", "forges", "render", "gate", "cli"},
    "facts/values.py": {"facts"},
    "facts/change.py": {"facts.deploy"},
    "facts": {"policy", "decision", "controls", "record", "signing", "evidence", "stores", "forges", "render", "gate", "cli"},
    "controls": {"record", "signing", "evidence", "stores", "forges", "render", "gate", "cli"},
    "forges": {"policy", "decision", "controls", "record", "signing", "evidence", "stores", "render", "gate", "cli"},
    "stores": {"facts", "policy", "decision", "controls", "record", "signing", "evidence", "forges", "render", "gate", "cli"},
    "evidence": {"policy", "decision", "controls", "record", "forges", "render", "gate", "cli"},
    "signing": {"facts", "policy", "decision", "controls", "record", "evidence", "stores", "forges", "render", "gate", "cli"},
    "render": {"record", "signing", "evidence", "stores", "forges", "gate", "cli"},
    "settings.py": {"policy", "decision", "controls", "record", "signing", "evidence", "stores", "forges", "render", "gate", "cli", "doctor"},
    "doctor": {"record", "signing", "evidence", "stores", "forges", "render", "gate", "cli"},
    "witness": {"policy", "decision", "controls", "record", "forges", "render", "gate", "cli"},
    "gate.py": {"cli", "render"},
    "finish.py": {"cli", "render", "gate"},
    "history.py": {"cli", "render", "gate"},
    "outcome.py": {"cli", "render", "gate"},
    "keychange.py": {"cli", "render", "gate"},
    "attestation.py": {"cli", "render", "gate"},
    "attest.py": {"cli", "render", "gate"},
    "access.py": {"policy", "decision", "controls", "record", "signing", "evidence", "stores", "forges", "render", "gate", "cli"},
    "sampledraw.py": {"cli", "render", "gate"},
    "deploys.py": {"facts", "policy", "decision", "controls", "record", "signing", "evidence", "stores", "forges", "render", "gate", "cli"},
    "audit": {"forges", "render", "gate", "cli"},
}
ADAPTERS = {"changegate.forges.git", "changegate.forges.github", "changegate.stores.directory", "changegate.stores.git"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", PURE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_pure_file_imports_nothing_impure(path: Path) -> None:
    found = set(imported(path))
    assert not {name for name in found if name in IMPURE or name.split(".")[0] in IMPURE - {"urllib.request"}}
    clock = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
    ]
    assert not clock


@pytest.mark.parametrize("part", FORBIDDEN)
def test_imports_go_one_way(part: str) -> None:
    paths = [PACKAGE / part] if part.endswith(".py") else list((PACKAGE / part).rglob("*.py"))
    assert paths
    for path in paths:
        wrong = {
            name for name in imported(path) for other in FORBIDDEN[part] if name == f"changegate.{other}" or name.startswith(f"changegate.{other}.")
        }
        assert not wrong, f"{path.relative_to(PACKAGE)} imports {sorted(wrong)}"


def test_only_the_command_line_and_the_factory_name_an_adapter() -> None:
    for path in PACKAGE.rglob("*.py"):
        own = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        named = {name for name in imported(path) for adapter in ADAPTERS if name == adapter or name.startswith(f"{adapter}.")}
        if named and not any(own.startswith(adapter) for adapter in ADAPTERS):
            assert own.startswith("changegate.cli.") or own == "changegate.stores.__init__", f"{own} imports {sorted(named)}"
