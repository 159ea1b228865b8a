"""The command ``import``: events from files."""
