"""Honest logs raise no alarm. Here are a few; `.ci/checks/honest-logs` makes ten thousand."""

import pytest
from support import honest_check
from support.evidence import MemoryStore
from support.honest_check import check
from support.honest_logs import Author

from changegate.evidence import layout
from changegate.evidence.findings import Report


@pytest.mark.parametrize("seed", range(50))
def test_an_honest_log_is_no_false_alarm(seed: int) -> None:
    check(seed, "git" if seed == 7 else None)


def test_a_seed_makes_the_same_log_again() -> None:
    stores = [MemoryStore(), MemoryStore()]
    for store in stores:
        Author(11, store.sharing, 30).live()
    assert stores[0].objects == stores[1].objects
    assert len([key for key in stores[0].objects if key.startswith(layout.COMMITS)]) > 10


def test_lives_are_of_every_kind() -> None:
    """Else an event that never happens would prove nothing."""
    kinds, disturbed, kept, rotated, refused, notes = set[str](), 0, 0, 0, 0, 0
    for seed in range(40):
        store = MemoryStore()
        life = Author(seed, store.sharing, 25).live()
        kinds |= {card.decision for card in life.records.values()} | {"witnesses" for _ in life.trust.log_policy.split("witness ")[1:]}
        disturbed, kept, refused = disturbed + life.disturbed, kept + len(life.kept), refused + len(life.refused)
        rotated += len(life.trust.record_keys) > 2
        notes += any(key.startswith(layout.PENDING) for key in store.objects)
    assert kinds == {"allowed", "blocked", "witnesses"}
    assert min(disturbed, kept, rotated, refused, notes) > 0


def test_a_problem_in_an_honest_log_is_an_alarm_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def cry_wolf(*_arguments: object, **_options: object) -> Report:
        report = Report()
        report.problem("a wolf", "entry 0", expected="none", found="one", meaning="Run.")
        return report

    monkeypatch.setattr(honest_check, "verify_store", cry_wolf)
    with pytest.raises(AssertionError, match=r"seed 3 \(memory\).*a wolf"):
        check(3, "memory")
