"""Finds the commits of each deployment."""
