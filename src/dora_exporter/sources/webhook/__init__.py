"""Anything that posts JSON: deployments and incidents by expressions of the configuration, or by a preset."""
