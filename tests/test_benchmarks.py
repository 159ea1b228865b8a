"""The command that measures everything takes its arguments."""

import pytest
from tests.benchmarks.__main__ import SCENARIOS, scenarios


def test_without_a_name_all_scenarios_are_measured() -> None:
    assert scenarios([]) == SCENARIOS


def test_some_can_be_named() -> None:
    assert scenarios(["restart", "memory"]) == ["restart", "memory"]


def test_a_name_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        scenarios(["speed"])
    assert "invalid choice: 'speed'" in capsys.readouterr().err
