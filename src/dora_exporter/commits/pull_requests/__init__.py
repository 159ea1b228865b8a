"""Adds facts of pull requests to the commits that they merged."""
