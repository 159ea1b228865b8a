"""Many events in one request."""
