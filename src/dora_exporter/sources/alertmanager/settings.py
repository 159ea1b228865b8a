"""The settings of an ``alertmanager`` source."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from dora_exporter.config.durations import Duration
from dora_exporter.sources.alertmanager.matchers import MatcherField
from dora_exporter.sources.label import Label, Name
from dora_exporter.sources.settings import SourceSettings


class AlertLabels(BaseModel):
    """Which label of an alert says what."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    service: Name = "service"
    environment: Name = "environment"
    severity: Name = "severity"
    team: Name = "team"


class AlertmanagerSettings(SourceSettings):
    """One Alertmanager. With ``group`` an alert group is one incident, otherwise each alert is.

    An incident that no notification repeats for ``stale_after`` is closed.
    """

    kind: Literal["alertmanager"] = "alertmanager"
    matchers: tuple[MatcherField, ...] = ()
    labels: AlertLabels = AlertLabels()
    environment: Label | None = None
    group: bool = False
    stale_after: Duration | None = None
