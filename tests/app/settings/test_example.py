"""The example configuration is true and complete."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import yaml
from pydantic import BaseModel

from dora_exporter.app.load_settings import load
from dora_exporter.app.settings import Settings
from dora_exporter.config.errors import models_in

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key of a model, and of the models in its sections."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}"
        if isinstance(field.annotation, type):
            for inner in models_in(field.annotation):
                yield from keys_of(inner, f"{prefix}{name}.")


def written(data: dict[str, object], prefix: str = "") -> Iterator[str]:
    """Every key of a configuration."""
    for name, value in data.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict):
            yield from written(value, f"{prefix}{name}.")


def test_the_example_is_good_and_says_the_defaults() -> None:
    assert load(file=EXAMPLE, flags=[], variables={}, secrets_folder=None) == Settings()


def test_every_key_is_in_the_example_and_every_key_in_the_example_is_one() -> None:
    assert sorted(written(yaml.safe_load(EXAMPLE.read_text()))) == sorted(keys_of(Settings))


def test_every_key_of_the_example_has_a_comment_above_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    bare = [
        line
        for above, line in pairwise(lines)
        if re.match(r" {0,2}\w+: *\S", line)
        and not above.lstrip().startswith("#")
        and not line.split(":")[0].endswith("_file")
    ]
    assert bare == []


def test_what_the_example_shows_in_a_comment_is_good(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    shown = re.search(r"((?:^#   .*\n)+)services: \{\}\n", text, flags=re.MULTILINE)
    assert shown is not None
    (tmp_path / "config.yaml").write_text(re.sub(r"^#   ", "", shown[1], flags=re.MULTILINE))
    settings = load(file=tmp_path / "config.yaml", flags=[], variables={}, secrets_folder=None)
    assert settings.services["checkout"].team == "payments"
