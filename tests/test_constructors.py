"""No constructor takes more than six parameters: what needs more is two things, or lacks a name for a part of it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src"
MOST = 6


def classes(text: str) -> Iterator[ast.ClassDef]:
    """Every class in a module, those inside of others too."""
    return (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef))


def parameters_of(found: ast.ClassDef) -> int:
    """How many parameters its constructor takes beside ``self``.

    What is only data is exempt, for its fields are what it is about: pydantic models, named tuples, msgspec structs,
    and dataclasses whose methods are all properties. Of any other dataclass the fields without a default count; those
    with one are the state that it begins with.
    """
    own = [each for each in found.body if isinstance(each, ast.FunctionDef) and each.name in {"__init__", "__new__"}]
    if own:
        arguments = own[0].args
        return len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]) - 1
    is_dataclass = any(ast.unparse(each).startswith("dataclass") for each in found.decorator_list)
    if not is_dataclass or not _methods(found):
        return 0
    return sum(isinstance(each, ast.AnnAssign) and each.value is None for each in found.body)


def _methods(found: ast.ClassDef) -> list[str]:
    return [
        each.name
        for each in found.body
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any(ast.unparse(decorator) in {"property", "override"} for decorator in each.decorator_list)
    ]


def test_no_constructor_takes_more_than_six_parameters() -> None:
    found = {
        f"{file.relative_to(SOURCE)} {each.name}": parameters_of(each)
        for file in sorted(SOURCE.rglob("*.py"))
        for each in classes(file.read_text(encoding="utf-8"))
    }

    assert len(found) > 200
    assert {name: count for name, count in found.items() if count > MOST} == {}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("class A:\n    def __init__(self, a, /, b, *, c=1): ...", 3),
        ("class A:\n    def __new__(cls, a): ...", 1),
        ("class A:\n    a: int", 0),
        ("@dataclass(frozen=True)\nclass A:\n    a: int\n    def b(self): ...", 1),
        ("@dataclass\nclass A:\n    a: int\n    @property\n    def b(self): ...", 0),
        ("@dataclass\nclass A:\n    a: int\n    b: int = 1\n    def c(self): ...", 1),
        ("@dataclass\nclass A:\n    a: int\n    async def c(self): ...", 1),
    ],
)
def test_parameters_are_counted(text: str, count: int) -> None:
    (found,) = classes(text)

    assert parameters_of(found) == count
