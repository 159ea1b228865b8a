"""The query language of the list endpoints."""
