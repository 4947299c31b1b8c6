import pytest

from changegate.cli.colours import colour, width


@pytest.mark.parametrize(
    ("environ", "terminal", "coloured"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"GITHUB_ACTIONS": "true", "CI": "true"}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, False, True),
        ({"CLICOLOR_FORCE": "0"}, False, False),
        ({"CLICOLOR": "0"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_who_decides_on_colour(environ: dict[str, str], *, terminal: bool, coloured: bool) -> None:
    assert colour(environ, terminal=terminal) is coloured


@pytest.mark.parametrize(("columns", "columns_used"), [("72", 72), ("200", 200), ("", 100), ("0", 100), ("wide", 100), ("٣", 100), ("9" * 50, 1000)])
def test_columns_holds_without_a_terminal(columns: str, columns_used: int) -> None:
    assert width({"COLUMNS": columns}, terminal=False) == columns_used
