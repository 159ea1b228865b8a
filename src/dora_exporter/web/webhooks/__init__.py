"""Endpoints that upstreams push to."""
