"""What is said where the driver, or something else, is not installed."""

import pytest

from dora_exporter.storage.postgresql.driver import needing_driver


def test_what_is_missing_beside_the_driver_is_not_taken_for_it() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        needing_driver("no_such_module:anything")
