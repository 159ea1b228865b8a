"""Requests to upstreams: client, headers, errors and timestamps."""
