"""Builds, reloads and stops the daemon: the only room that names concrete classes."""
