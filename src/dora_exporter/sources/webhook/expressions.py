"""JMESPath expressions of the configuration: checked at start, and bounded in what they cost on a body."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import EmptyExpressionError, ParseError
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter
from pydantic import AfterValidator, StringConstraints

MOST_STEPS = 2500
"""So many steps all expressions together may take on one body: less than 4 ms."""
_ITEMS_A_STEP = 16
_SIZED = (list, dict, str)
_LONGEST = 1000
_DEEPEST = 60
_FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the library raises for values that a function cannot take."""

Node = dict[str, Any]


class TooCostly(Exception):
    """The expressions take more steps on this body than are allowed."""


class Evaluation(TreeInterpreter):  # type: ignore[misc]  # the library has no types
    """Evaluates expressions on one body."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        """``steps`` are for everything that is asked."""
        super().__init__()
        self._left = steps

    def ask(self, expression: str, root: object) -> object:
        """The value of an expression; None also where it fails on this body. Raises ``TooCostly``."""
        tree, keys = parsed(expression)
        if keys:
            self._pay(1)
            return _at(root, keys)
        try:
            return self.visit(tree, root)
        except _FAILURES:
            return None

    def is_true(self, expression: str, root: object) -> bool:
        """Whether the value is neither false, null nor empty."""
        return bool(self._is_true(self.ask(expression, root)))

    def visit(self, node: Node, *args: object, **kwargs: object) -> object:
        """Counts each step, and long results as several: an expression may double a list again and again."""
        result = super().visit(node, *args, **kwargs)
        self._pay(1 + len(result) // _ITEMS_A_STEP if isinstance(result, _SIZED) else 1)
        return result

    def _pay(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise TooCostly("its mapping takes too many steps")


def _at(root: object, keys: tuple[str, ...]) -> object:
    """What plain names lead to, which most expressions are."""
    for key in keys:
        if not isinstance(root, dict):
            return None
        root = root.get(key)
    return root


@lru_cache(maxsize=2000)
def parsed(expression: str) -> tuple[Node, tuple[str, ...]]:
    """The syntax tree of an expression, and the names of one that is nothing but names between dots.

    Raises ``ValueError`` in words for people.
    """
    try:
        tree: Node = jmespath.compile(expression).parsed
        depth = _depth(tree)
    except RecursionError:
        depth = _DEEPEST + 1
    except EmptyExpressionError:
        raise ValueError("must not be empty") from None
    except ParseError as error:
        is_whole = error.lex_position < len(expression)
        place = f"see its character {error.lex_position + 1}" if is_whole else "it ends too early"
        raise ValueError(f"is not a JMESPath expression: {place}") from None
    if depth > _DEEPEST:
        raise ValueError("is nested too deeply")
    for node in _nodes(tree):
        _check(node)
    return tree, _names(tree)


def _names(tree: Node) -> tuple[str, ...]:
    parts = tree["children"] if tree["type"] == "subexpression" else [tree]
    names = tuple(each["value"] for each in parts if each["type"] == "field")
    return names if len(names) == len(parts) else ()


def _check(node: Node) -> None:
    """Raises ``ValueError`` for what would fail on every body."""
    if node["type"] == "slice" and len(node["children"]) > 2 and node["children"][2] == 0:  # noqa: PLR2004 - its step
        raise ValueError("has a slice whose step is 0")
    if node["type"] != "function_expression":
        return
    known = Functions.FUNCTION_TABLE.get(node["value"])
    if known is None:
        raise ValueError(f"calls the unknown function {node['value']}()")
    wanted, given = known["signature"], len(node["children"])
    is_variadic = bool(wanted) and bool(wanted[-1].get("variadic"))
    if given < len(wanted) or (given > len(wanted) and not is_variadic):
        raise ValueError(f"calls {node['value']}() with {given} arguments, not {len(wanted)}")


def _nodes(tree: Node) -> Iterator[Node]:
    yield tree
    for each in tree["children"]:
        if isinstance(each, dict):
            yield from _nodes(each)


def _depth(tree: Node) -> int:
    return 1 + max((_depth(each) for each in tree["children"] if isinstance(each, dict)), default=0)


def _checked(expression: str) -> str:
    parsed(expression)
    return expression


Expression = Annotated[str, StringConstraints(min_length=1, max_length=_LONGEST), AfterValidator(_checked)]
"""A setting that is one."""
