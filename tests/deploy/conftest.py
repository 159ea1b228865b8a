"""The daemon that some checks are tried on."""

from tests.e2e.conftest import daemon, running

__all__ = ["daemon", "running"]
