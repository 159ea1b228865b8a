"""The command ``demo`` and the organisation that it invents."""
