"""Expressions of the configuration: what is refused at start, and what they may cost."""

from time import process_time
from typing import Any

import pytest

from dora_exporter.sources.webhook.expressions import Evaluation, TooCostly, parsed


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "must not be empty"),
        ("a.", "is not a JMESPath expression: it ends too early"),
        ("a..b", "is not a JMESPath expression: see its character 3"),
        ("a ~ b", "is not a JMESPath expression: see its character 3"),
        ("'open", "is not a JMESPath expression: see its character 1"),
        ("upper(a)", "calls the unknown function upper()"),
        ("a && upper(b)", "calls the unknown function upper()"),
        ("contains(a)", "calls contains() with 1 arguments, not 2"),
        ("length(a, b)", "calls length() with 2 arguments, not 1"),
        ("a[::0]", "has a slice whose step is 0"),
        ("!" * 300 + "a", "is nested too deeply"),
        ("!" * 3000 + "a", "is nested too deeply"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_place(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match="^" + reason.replace("(", r"\(").replace(")", r"\)")):
        parsed(expression)


@pytest.mark.parametrize("expression", ["a[0].b || 'c'", "merge(a, b, c)", "not_null(a, b)", "a[?b=='1'] | [0]", "@"])
def test_a_right_expression_is_taken(expression: str) -> None:
    assert parsed(expression)


@pytest.mark.parametrize(
    "expression", ["length(a)", "sum(b)", "sort_by(c, &d)", "ceil(e)", "join(', ', c)", "max_by(c, &d)", "to_number(a)"]
)
@pytest.mark.parametrize("value", [None, 1, [], {}, "text", [None], [{"d": []}], [1, "a"], 1e308, True])
def test_an_expression_that_fails_on_a_body_finds_nothing_there(expression: str, value: object) -> None:
    Evaluation().ask(expression, dict.fromkeys("abcde", value))


def test_a_deep_value_is_no_error() -> None:
    deep: list[Any] = []
    for _ in range(900):
        deep = [deep]
    evaluation = Evaluation()

    assert evaluation.ask("to_string(a)", {"a": deep}) is not None
    assert evaluation.ask("a == b", {"a": deep, "b": deep}) is True


@pytest.mark.usefixtures("no_garbage_search")
@pytest.mark.parametrize(
    "expression",
    [
        "|".join(["[@, @][]"] * 40),
        "join('', [@, @])" + " | join('', [@, @])" * 30,
        "a[*].b[*].c",
        "a[?contains(b, c)].b[?@ == 'x'][] | sort(@)",
        "map(&map(&to_string(@), b), a)",
        "a[].b[].[@, @, @][].[@, @, @][]",
    ],
)
def test_expressions_together_cost_a_few_milliseconds_at_most(expression: str) -> None:
    body = {"a": [{"b": ["x"] * 300, "c": "x"}] * 300}
    began = process_time()
    with pytest.raises(TooCostly):
        Evaluation().ask(expression, "x" * 100 if expression.startswith("join") else body)

    assert process_time() - began < 0.05  # on a busy machine; alone it is less than 5 ms


def test_steps_are_for_all_expressions_of_a_body() -> None:
    evaluation = Evaluation(10)
    for _ in range(10):
        evaluation.ask("a", {"a": 1})
    with pytest.raises(TooCostly):
        evaluation.ask("a", {"a": 1})
