"""Which commits a deployment shipped, through the ``git`` program."""
