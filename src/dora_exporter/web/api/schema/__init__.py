"""Requests and answers of the event API."""
