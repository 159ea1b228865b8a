"""Result counts of a bulk request."""

from collections import Counter
from collections.abc import Iterable, Sequence
from http import HTTPStatus

from msgspec import UNSET, Struct, UnsetType

from dora_exporter.dora.changes import Outcome
from dora_exporter.web.server.errors import BadRequest, Problem, Refusal

_MAX_SHOWN = 100
_MAX_SKIPPED = 10_000


class BulkAnswer(Struct, frozen=True):
    """How many events were created, updated or unchanged, and what is wrong with the other lines.

    ``errors_total`` counts all errors, of which ``errors`` shows the first hundred. An error without a line says why
    the request was not read, or not stored, to its end. ``warnings`` names each unknown attribute of a line that was
    taken, at the first such line.
    """

    created: int
    updated: int
    unchanged: int
    errors_total: int
    errors: list[Problem]
    warnings: list[Problem] | UnsetType = UNSET


class ResultCounts:
    """Counts while a request is read; ``line`` is the number of the current line.

    ``refusals`` counts, by their classes, what was wrong with lines, and what ended the request.
    """

    def __init__(self) -> None:
        """Starts at zero."""
        self.line = 0
        self.status = int(HTTPStatus.OK)
        self._outcomes = dict.fromkeys(Outcome, 0)
        self._errors: list[Problem] = []
        self._errors_total = 0
        self._skipped = 0
        self._warnings: dict[str, Problem] = {}
        self.refusals: Counter[type[Exception]] = Counter()

    @property
    def has_errors(self) -> bool:
        """Whether a line is invalid."""
        return bool(self._errors_total)

    @property
    def first_refusal(self) -> str:
        """The first error, with its line; empty for none."""
        first = self._errors[0] if self._errors else None
        if first is None:
            return ""
        return f"{first.detail}" if first.line is None else f"line {first.line}: {first.detail}"

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Counts what writes did."""
        for each in Outcome:
            self._outcomes[each] += outcomes.count(each)

    def add_error(self, refusal: BadRequest) -> None:
        """Counts an invalid line."""
        self._errors_total += 1
        self.refusals[type(refusal)] += 1
        if len(self._errors) < _MAX_SHOWN:
            self._errors.append(Problem(detail=refusal.detail, line=self.line))
        self.skip()

    def add_warnings(self, said: Iterable[str]) -> None:
        """Adds the warnings about the line, each at its first line only."""
        for each in said:
            if each not in self._warnings and len(self._warnings) < _MAX_SHOWN:
                self._warnings[each] = Problem(detail=each, line=self.line)

    def skip(self) -> None:
        """Skips a line; raises ``BadRequest`` beyond the limit of invalid and empty lines."""
        self._skipped += 1
        if self._skipped > _MAX_SKIPPED:
            raise BadRequest(f"more than {_MAX_SKIPPED} lines are invalid or empty")

    def abort(self, refusal: Refusal) -> None:
        """Ends the request with an error, which decides the status."""
        self.status = refusal.status
        self._errors_total += 1
        self.refusals[type(refusal)] += 1
        self._errors.append(refusal.problem())

    def answer(self) -> BulkAnswer:
        """The body of the answer."""
        return BulkAnswer(
            created=self._outcomes[Outcome.CREATED],
            updated=self._outcomes[Outcome.UPDATED],
            unchanged=self._outcomes[Outcome.UNCHANGED],
            errors_total=self._errors_total,
            errors=self._errors,
            warnings=[*self._warnings.values()] if self._warnings else UNSET,
        )
