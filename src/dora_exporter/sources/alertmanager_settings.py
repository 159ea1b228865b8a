"""The settings of an ``alertmanager`` source."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, StringConstraints, WithJsonSchema

from dora_exporter.failures.pattern import compiled
from dora_exporter.sources.source import SourceSettings

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_MATCHER = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Matcher:
    """A condition on one label, in Alertmanager's way of writing. A label that is not there is empty."""

    text: str
    label: str
    holds: Callable[[str], bool] = field(compare=False)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert's labels fulfil it."""
        return self.holds(labels.get(self.label, ""))


def parse_matcher(text: object) -> Matcher:
    """Reads a matcher; raises ValueError with what to write instead."""
    if isinstance(text, Matcher):
        return text
    parts = _MATCHER.fullmatch(text) if isinstance(text, str) else None
    if parts is None or not isinstance(text, str):
        raise ValueError('must be a matcher such as severity="critical" or team=~"a|b"')
    label, comparison, value = parts.groups()
    if value.startswith('"'):
        try:
            value = msgspec.json.decode(value, type=str)
        except msgspec.DecodeError:
            raise ValueError("must end its quoted value, and nothing may follow it") from None
    return Matcher(text, label, _condition(comparison, value))


def _condition(comparison: str, value: str) -> Callable[[str], bool]:
    if "~" not in comparison:
        return partial(operator.eq if comparison == "=" else operator.ne, value)
    matches = compiled(value).fullmatch
    return lambda given: (matches(given) is not None) == (comparison == "=~")


MatcherField = Annotated[
    Matcher,
    PlainValidator(parse_matcher),
    PlainSerializer(lambda matcher: matcher.text, return_type=str),
    WithJsonSchema({"type": "string"}),
]


class AlertLabels(BaseModel):
    """Which label of an alert says what."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Name = "service"
    environment: Name = "environment"
    severity: Name = "severity"
    team: Name = "team"


class AlertmanagerSettings(SourceSettings):
    """What an Alertmanager sends. With ``group`` a group of alerts is one incident, otherwise each alert is."""

    kind: Literal["alertmanager"] = "alertmanager"
    matchers: tuple[MatcherField, ...] = ()
    labels: AlertLabels = AlertLabels()
    environment: Name | None = None
    group: bool = False
