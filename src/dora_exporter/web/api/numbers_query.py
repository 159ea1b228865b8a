"""The query parameters of ``GET /api/v1/numbers``."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from multidict import MultiMapping

from dora_exporter.config import durations
from dora_exporter.config.errors import suggestion
from dora_exporter.dora.bounds import bounded_label
from dora_exporter.dora.catalogue.tiers import TIERS
from dora_exporter.dora.metrics import ALL
from dora_exporter.dora.metrics.contract import Metric
from dora_exporter.runtime import timestamps
from dora_exporter.series.engine import Engine
from dora_exporter.series.numbers import Question, Selection
from dora_exporter.web.openapi.operation import text_parameter
from dora_exporter.web.server.errors import BadRequest

MOST_INSTANTS = 1000
MOST_WINDOWS = 20
"""As many of a subject are computed within a few milliseconds, in one piece."""
LARGEST_PAGE = 500
USUAL_PAGE = 100
KINDS = ("service", "team", "group")
"""What a result may be."""
_KNOWN = ("then", "now")
_Read = TypeVar("_Read")


PARAMETERS = (
    text_parameter("service", "The service: this, `team`, `group` or all services."),
    text_parameter("team", "The team: its numbers, or with `by=service` those of its services."),
    text_parameter("group", "The group: its numbers, or with `by=service` those of its services."),
    text_parameter("environment", "The environment; all by default."),
    text_parameter("tier", "The tier of the environment; all by default.", enum=[*TIERS]),
    text_parameter("by", "What each result is: as asked for by default.", enum=[*KINDS]),
    text_parameter("metric", "The gauge; may be repeated. All by default.", enum=sorted(each.name for each in ALL)),
    text_parameter("window", "A duration such as 30d; may be repeated. By default the configured windows."),
    text_parameter("from", "The start of a range: RFC 3339, a day or Unix seconds."),
    text_parameter("to", "The end of the range; now by default."),
    text_parameter(
        "step", "The time between instants from `from` to `to`, such as 1d. Without it the range is one window."
    ),
    text_parameter(
        "known",
        "`then`: what was known at each instant, as `dora-exporter history` computes it. `now`: what is known now "
        "about that time.",
        enum=[*_KNOWN],
        default="then",
    ),
    text_parameter("limit", f"How many results, {USUAL_PAGE} by default, at most {LARGEST_PAGE}."),
    text_parameter("page", "Which page of the results, from 1."),
)


class NumbersQuery:
    """What a request asks for. Raises ``BadRequest``."""

    def __init__(self, given: MultiMapping[str]) -> None:
        """Reads what does not depend on the daemon's state."""
        self._given = given
        _check_names(given)
        self.page = self._whole("page", 1, 1_000_000)
        self.limit = self._whole("limit", USUAL_PAGE, LARGEST_PAGE)
        if len(given.getall("window", [])) > MOST_WINDOWS:
            raise BadRequest(f'parameter "window" is given more than {MOST_WINDOWS} times')
        self._windows = [self._parsed("window", text, durations.parse) for text in given.getall("window", [])]
        self._step = self._one("step", durations.parse)
        self._first, self._last = self._one("from", _moment), self._one("to", _moment)

    def selection(self) -> Selection:
        """Which series or teams are wanted."""
        named = {kind: name for kind in KINDS if (name := self._text(kind))}
        if len(named) > 1:
            one, other = [*named][:2]
            raise BadRequest(f'parameters "{one}" and "{other}" exclude each other')
        asked = next(iter(named), "service")
        kind = self._choice("by", KINDS) or asked
        if named and kind not in {asked, "service"}:
            possible = " or ".join(dict.fromkeys((asked, "service")))
            raise BadRequest(f'parameter "by" must be {possible} where "{asked}" is given')
        return Selection(
            kind=kind,
            **named,
            environment=self._text("environment"),
            tier=self._choice("tier", TIERS),
        )

    def question(self, engine: Engine) -> Question:
        """What is asked of each."""
        now_ms = engine.windows()[0].end_ms
        windows = tuple(dict.fromkeys((each.text, each.ms) for each in self._windows)) or engine.definitions.windows
        in_hindsight = self._choice("known", _KNOWN) == "now"
        metrics = self._metrics(engine.definitions.metrics)
        if self._first is None and self._last is None and self._step is None:
            return Question(metrics=metrics, windows=windows, in_hindsight=in_hindsight)
        last = now_ms if self._last is None else self._last
        if last > now_ms:
            raise BadRequest('parameter "to" must not be in the future')
        if self._step is None and self._first is not None:
            windows = (self._range(self._first, last),)
        instants = () if self._last is None and self._step is None else self._instants(last)
        return Question(metrics=metrics, windows=windows, instants=instants, in_hindsight=in_hindsight)

    def _range(self, first: int, last: int) -> tuple[str, int]:
        if self._windows:
            raise BadRequest('parameters "from" and "window" need "step"')
        if first >= last:
            raise BadRequest('parameter "from" must be before "to"')
        return durations.text_of(last - first), last - first

    def _instants(self, last: int) -> range:
        if self._step is None:
            return range(last, last + 1)
        if self._first is None:
            raise BadRequest('parameter "step" needs "from"')
        if self._first > last:
            raise BadRequest('parameter "from" must not be after "to"')
        instants = range(self._first, last + 1, self._step.ms)
        if len(instants) > MOST_INSTANTS:
            raise BadRequest(
                f'parameter "step" makes {len(instants):,} instants, at most {MOST_INSTANTS:,} are answered: '
                "take a larger one"
            )
        return instants

    def _metrics(self, known: Sequence[Metric]) -> Sequence[Metric]:
        asked = [_of_a_series(name) for name in self._given.getall("metric", [])]
        named: Mapping[str, Metric] = {each.name: each for each in known}
        if not set(asked) <= named.keys():
            raise BadRequest(f'parameter "metric" must be one of {", ".join(sorted(named))}')
        return [named[name] for name in dict.fromkeys(asked)] or known

    def _text(self, name: str) -> str:
        values = self._given.getall(name, [""])
        if len(values) > 1:
            raise BadRequest(f'parameter "{name}" is given more than once')
        return values[0]

    def _choice(self, name: str, choices: Sequence[str]) -> str:
        value = self._text(name)
        if value and value not in choices:
            raise BadRequest(f'parameter "{name}" must be one of {", ".join(choices)}')
        return value

    def _whole(self, name: str, usual: int, most: int) -> int:
        text = self._text(name) or str(usual)
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
            raise BadRequest(f'parameter "{name}" must be a number from 1 to {most}')
        return int(text)

    def _one(self, name: str, read: Callable[[str], _Read]) -> _Read | None:
        text = self._text(name)
        return self._parsed(name, text, read) if text else None

    def _parsed(self, name: str, text: str, read: Callable[[str], _Read]) -> _Read:
        try:
            return read(text)
        except ValueError as error:
            raise BadRequest(f'parameter "{name}" {error}') from None


def _check_names(given: MultiMapping[str]) -> None:
    known = {each.name for each in PARAMETERS}
    for name in given:
        if name not in known:
            shown = bounded_label(name)
            raise BadRequest(f'parameter "{shown}" is unknown{suggestion(shown, known)}')


def _of_a_series(name: str) -> str:
    """The gauge of series that is meant by one of teams or groups: results have the same names."""
    return name.replace("dora_team_", "dora_", 1).replace("dora_group_", "dora_", 1)


def _moment(text: str) -> int:
    moment = timestamps.milliseconds(text)
    if moment < 0:
        raise ValueError("must not be before 1970")
    return moment
