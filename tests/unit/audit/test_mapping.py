"""The mapping is whole: every control and every reason has its place, every point its controls or the place where its evidence is."""

import importlib

import pytest

from changegate import preview
from changegate.attestation import Kind
from changegate.audit import mapping
from changegate.audit.criteria import FRAMEWORKS
from changegate.audit.mapping import CONTROLS, REASONS, Counted
from changegate.audit.matrix import answering
from changegate.controls import CHANGE_CONTROLS, DEPLOY_CONTROLS
from changegate.liftable import CONTROLS as LIFTABLE
from changegate.policy import Controls

SHARED = {"change-unknown", "undone"}
"""Given for any control that judges a change (`changegate.controls`)."""
POINTS = {point.id: point for framework in FRAMEWORKS for point in framework.points}


def test_every_control_that_judges_has_its_row() -> None:
    assert {each.id for each in CONTROLS if each.counted is Counted.FINDINGS} == {*CHANGE_CONTROLS, *DEPLOY_CONTROLS} == set(REASONS)
    assert len(mapping.ids()) == len(CONTROLS)


@pytest.mark.parametrize("control", [*CHANGE_CONTROLS, *DEPLOY_CONTROLS])
def test_every_reason_is_about_one_thing(control: str) -> None:
    module = importlib.import_module(f"changegate.controls.{control.replace('-', '_')}")
    codes = {reason.value for reason in module.Reason} | (SHARED if control in CHANGE_CONTROLS else set())
    codes |= {"standard-change"} if control in LIFTABLE else set()
    codes |= {preview.PENDING} if control == "checks-passed" else set()
    assert sorted(reason for reasons in REASONS[control].values() for reason in reasons) == sorted(codes)


def test_a_reason_that_nobody_knows_is_undetermined() -> None:
    assert mapping.aspect("peer-approved", "approved") == mapping.GOOD
    assert mapping.aspect("peer-approved", "unheard-of") == mapping.aspect("unheard-of", "x") == mapping.UNKNOWN


def test_points_and_controls_name_each_other() -> None:
    assert len(POINTS) == sum(len(framework.points) for framework in FRAMEWORKS)
    assert {point for control in CONTROLS for point in control.points} <= set(POINTS)
    assert all(control.points and len(set(control.points)) == len(control.points) for control in CONTROLS)
    for point in POINTS.values():
        assert bool(answering(point.id)) or point.elsewhere, f"{point.id} has neither a control nor another place"


def test_every_kind_of_attestation_but_the_rest_is_evidence_of_one_control() -> None:
    assert sorted(kind for control in CONTROLS for kind in control.kinds) == sorted(set(Kind) - {Kind.OTHER})


def test_a_setting_is_one_of_the_policy_file() -> None:
    named = [each.setting.removeprefix("controls.") for each in CONTROLS if each.setting.startswith("controls.")]
    assert sorted(named) == sorted(Controls().model_dump())
