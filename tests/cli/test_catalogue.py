"""A catalogue is proposed from the names in the log."""

from pathlib import Path

import yaml
from tests.builders import deployment, incident
from tests.cli.calling import NAME, Called, kept

from dora_exporter.app.load_settings import load


def test_likely_aliases_are_printed_as_settings_that_can_be_used(tmp_path: Path, called: Called) -> None:
    snapshot = kept(
        tmp_path / NAME,
        [
            *(deployment(id=f"d{number}", service="cart", environment="production") for number in range(3)),
            deployment(service="cart-svc", environment="prod"),
            incident(services=("Cart",), environment="PROD"),
        ],
    )
    ended = called("catalogue", "suggest", f"--snapshot.path={snapshot}")

    assert (ended.code, ended.errors) == (0, "")
    assert yaml.safe_load(ended.output) == {
        "services": {"cart": {"aliases": ["Cart", "cart-svc"]}},
        "environments": {"production": {"aliases": ["PROD", "prod"]}},
    }
    config = tmp_path / "config.yaml"
    config.write_text(ended.output)
    load(file=config, flags=[], variables={}, secrets_folder=None)
    again = called("catalogue", "suggest", f"--snapshot.path={snapshot}", f"--config.file={config}")
    assert again.output == "# no two names look alike\n"
