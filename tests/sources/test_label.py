"""What settings call services, environments and teams cannot be the name of what is beyond a limit."""

from typing import get_args

import pytest
from pydantic import BaseModel, ValidationError

from dora_exporter.sources import AnySettings
from dora_exporter.sources.forges.service_rules import ServiceRule
from dora_exporter.sources.http.pushed_settings import MappedService

NAMING = ("service", "environment", "incident_environment", "set_environment", "team")
MODELS: tuple[type[BaseModel], ...] = (MappedService, *get_args(get_args(AnySettings)[0]))
PLACES = [(model, name) for model in MODELS for name in NAMING if name in model.model_fields]
RULE_PLACES = [(ServiceRule, name) for name in ("service", "set_environment", "team")]


@pytest.mark.parametrize(("model", "name"), [*PLACES, *RULE_PLACES])
def test_the_reserved_name_is_refused_wherever_a_source_names_something(model: type[BaseModel], name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        model.model_validate({name: "_other"})
    said = {error["loc"]: error["msg"] for error in refused.value.errors()}
    assert "is reserved for the series beyond the limit" in said[name,]


def test_every_source_that_names_environments_is_asked() -> None:
    assert len(PLACES) > len(MODELS)
