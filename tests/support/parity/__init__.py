"""What happens to a shop's changes, and what the gate is to say of it, on whichever forge."""

from collections.abc import Callable
from typing import Final, NamedTuple

from doubles.objects import Person

from changegate.errors import ExitCode
from support.shops import Shop

Happens = Callable[[Shop], str | None]
"""What happens; the commit that is deployed then, where it isn't the tip of main."""
ALLOWED, BLOCKED, UNKNOWN = ExitCode.ALLOWED, ExitCode.BLOCKED, ExitCode.NOT_JUDGED
UNREVIEWED: Final = ("checks-passed/no-checks", "peer-approved/direct-push", "rollback-plan/no-plan", "ticket-linked/no-ticket")
NOT_ITS_OWN: Final = tuple(f"{control}/change-unknown" for control in ("checks-passed", "peer-approved", "rollback-plan", "ticket-linked"))
ALICE: Final = Person("alice", "alice@example.com")


class Expected(NamedTuple):
    """The exit code and the reasons."""

    code: int
    reasons: tuple[str, ...]


SCENARIOS: dict[Happens, Expected] = {}


def scenario(code: int, *reasons: str) -> Callable[[Happens], Happens]:
    """Enter what happens into the table."""

    def keep(happens: Happens) -> Happens:
        SCENARIOS[happens] = Expected(code, reasons)
        return happens

    return keep


def deploy_with(shop: Shop, rules: str, code_owners: str | None = None) -> None:
    """A deployed release whose policy has these rules for peer-approved, and where given these code owners."""
    files: dict[str, str | bytes | None] = {".changegate.yml": f"version: 1\ncontrols: {{peer-approved: {rules}}}\n"}
    if code_owners is not None:
        files["CODEOWNERS"] = code_owners
    shop.repo.push("main", author=ALICE, files=files)
    shop.deploy()
