"""Where events are kept: in a file or in PostgreSQL."""
