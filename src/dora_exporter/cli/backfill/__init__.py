"""The command ``history``: samples of the past for Prometheus."""
