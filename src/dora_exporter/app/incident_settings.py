"""The settings that say which incidents count, and the rules that they make."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from dora_exporter.config.durations import Duration
from dora_exporter.config.errors import misplaced, suggestion
from dora_exporter.config.validators import Whole
from dora_exporter.dora.incident_rules import SEVERITIES, IncidentRules

Severity = Annotated[Whole, Field(ge=SEVERITIES[0], le=SEVERITIES[-1])]
Spelling = Annotated[str, Field(min_length=1, max_length=200)]


class IncidentSettings(BaseModel):
    """What counts as an incident: by default everything that is one for its source.

    ``severities`` gives each spelling a number from 1, the worst, to 5; letter case does not matter.
    ``counted_severities`` are numbers or spellings. ``unknown_severity`` is that of incidents without one of these.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    severities: dict[Spelling, Severity] = Field(default_factory=dict)
    unknown_severity: Severity | None = None
    counted_severities: tuple[Whole | str, ...] = SEVERITIES
    minimum_duration: Duration | None = None
    reopened_within: Duration | None = None

    @field_validator("severities")
    @classmethod
    def _spelled_once(cls, severities: dict[str, int]) -> dict[str, int]:
        spelled: dict[str, str] = {}
        for text, number in severities.items():
            other = spelled.setdefault(_plain(text), text)
            if severities[other] != number:
                raise misplaced(f"is the same spelling as {other}, with another severity", "severities", text)
        return severities

    @field_validator("counted_severities")
    @classmethod
    def _known(cls, counted: tuple[int | str, ...], info: ValidationInfo) -> tuple[int | str, ...]:
        spellings = info.data.get("severities")
        known = {_plain(text) for text in spellings or ()}
        for index, each in enumerate(counted):
            if isinstance(each, int) and each not in SEVERITIES:
                raise misplaced("must be a severity from 1 to 5, or a spelling of one", "counted_severities", index)
            if isinstance(each, str) and spellings is not None and _plain(each) not in known:
                text = f"{each} is not one of incidents.severities{suggestion(each, spellings)}"
                raise misplaced(text, "counted_severities", index)
        return counted

    def rules(self) -> IncidentRules:
        """The rules that they make. Equal settings make equal rules."""
        severities = {_plain(text): number for text, number in self.severities.items()}
        return IncidentRules(
            severities=severities,
            counted=frozenset(
                severities[_plain(each)] if isinstance(each, str) else each for each in self.counted_severities
            ),
            unknown_severity=self.unknown_severity,
            minimum_ms=self.minimum_duration.ms if self.minimum_duration else 0,
            reopened_within_ms=self.reopened_within.ms if self.reopened_within else None,
        )


def _plain(text: str) -> str:
    return text.strip().lower()
