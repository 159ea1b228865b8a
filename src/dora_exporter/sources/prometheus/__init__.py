"""Deployments from metrics in Prometheus."""
