"""The HTTP server: application, connections, bodies and errors."""
