"""Tells dora-exporter of deployments and incidents from any pipeline; the standard library of Python 3.9 is enough."""

__version__ = "0.1.0"
