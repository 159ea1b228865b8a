"""Deployments seen as changes of a version over time."""
