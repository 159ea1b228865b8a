"""What the numbers in a checkpoint follow from, besides the events."""

import sys
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from dora_exporter.failure_rules import FailureSettings, rules
from dora_exporter.readings import Definitions


class Basis(BaseModel):
    """The settings that decide what each event counts as. Windows, levels and limits do not: they are asked later."""

    model_config = ConfigDict(frozen=True)

    retention_ms: int
    attribution_limit_ms: int | None
    merge_within_ms: int
    failures: FailureSettings
    teams: Mapping[str, str]

    def definitions(self) -> Definitions:
        """Definitions that judge by these settings, and measure no window."""
        return Definitions(
            windows=(),
            retention_ms=self.retention_ms,
            series_limit=sys.maxsize,  # each for itself: folding is cheap to do again, and dear to do for many
            attribution_limit_ms=self.attribution_limit_ms,
            merge_within_ms=self.merge_within_ms,
            rules=rules(self.failures),
            teams=self.teams,
        )
