"""Turns deployment and incident events into DORA metrics for Prometheus."""

__version__ = "0.1.0"
