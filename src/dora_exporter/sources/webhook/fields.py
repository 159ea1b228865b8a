"""How one field of an event is read from a body: an expression, and what is done with its value."""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from dora_exporter.dora.failures.pattern import BadPattern, compiled
from dora_exporter.sources.webhook.expressions import Evaluation, Expression

if TYPE_CHECKING:
    import re2

MOST_VALUES = 1000
MOST_ITEMS = 1000
_LONGEST_VALUE = 10_000
Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Nothing(Exception):
    """A field that a body does not have. The text says why, and repeats no value."""


@lru_cache(maxsize=1000)
def _regex(pattern: str) -> "re2._Regexp":
    return compiled(pattern)


def _has_one_group(pattern: str) -> str:
    try:
        groups = _regex(pattern).groups
    except BadPattern as reason:
        raise ValueError(str(reason)) from None
    if groups != 1:
        raise ValueError(f"must have one group, not {groups}")
    return pattern


class FieldSettings(BaseModel):
    """Where a field is.

    In this order: where ``when`` is not true it is nothing, ``path`` finds it, ``extract`` takes a part of it,
    ``values`` translate it, and ``default`` stands in for nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    path: Expression | None = None
    when: Expression | None = None
    extract: Annotated[Text, AfterValidator(_has_one_group)] | None = None
    values: Annotated[dict[str, Text], Field(max_length=MOST_VALUES)] | None = None
    default: Text | None = None

    @model_validator(mode="after")
    def _finds_something(self) -> Self:
        if self.path is None and self.default is None:
            raise ValueError("needs a path or a default")
        return self

    def value(self, evaluation: Evaluation, root: object) -> object:
        """The value as the body has it, or the text that is made of it; raises ``Nothing`` and ``TooCostly``."""
        if self.extract is not None or self.values is not None:
            return self.text(evaluation, root)
        self._check_condition(evaluation, root)
        try:
            return self._found(evaluation, root)
        except Nothing as reason:
            return self._default(reason)

    def text(self, evaluation: Evaluation, root: object) -> str:
        """The value as text that is not empty; raises ``Nothing`` and ``TooCostly``."""
        self._check_condition(evaluation, root)
        try:
            return self._translated(self._found(evaluation, root))
        except Nothing as reason:
            return self._default(reason)

    def texts(self, evaluation: Evaluation, root: object) -> tuple[str, ...]:
        """The value as texts, of a list those of its items that are some; raises ``Nothing`` and ``TooCostly``."""
        self._check_condition(evaluation, root)
        try:
            found = self._found(evaluation, root)
            return self._items(found) if isinstance(found, list) else (self._translated(found),)
        except Nothing as reason:
            return (self._default(reason),)

    def _check_condition(self, evaluation: Evaluation, root: object) -> None:
        if self.when is not None and not evaluation.is_true(self.when, root):
            raise Nothing("its condition is not met")

    def _default(self, reason: Nothing) -> str:
        if self.default is None:
            raise reason
        return self.default

    def _found(self, evaluation: Evaluation, root: object) -> object:
        found = None if self.path is None else evaluation.ask(self.path, root)
        if found is None or found in ("", [], {}):
            raise Nothing(f"the body has nothing at {self.path}")
        return found

    def _items(self, found: list[object]) -> tuple[str, ...]:
        texts = tuple(dict.fromkeys(self._known(found[:MOST_ITEMS])))
        if not texts:
            raise Nothing("none of its items is a known text")
        return texts

    def _known(self, found: list[object]) -> Iterator[str]:
        for each in found:
            try:
                yield self._translated(each)
            except Nothing:
                continue

    def _translated(self, found: object) -> str:
        text = _as_text(found)
        if self.extract is not None:
            match = _regex(self.extract).search(text)
            text = ((match.group(1) or "") if match else "").strip()
            if not text:
                raise Nothing("extract finds nothing in its value")
        if self.values is None:
            return text
        if text not in self.values:
            raise Nothing("its value is not in values")
        return self.values[text]


def _as_text(found: object) -> str:
    if isinstance(found, bool):
        return "true" if found else "false"
    if not isinstance(found, str | int | float):
        raise Nothing(f"its value is {'a list' if isinstance(found, list) else 'an object'}, not text")
    text = str(found)[:_LONGEST_VALUE].strip()
    if not text:
        raise Nothing("its value is blank")
    return text


def _as_field(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


FieldSetting = Annotated[FieldSettings, BeforeValidator(_as_field)]
"""A field, or only its path."""
