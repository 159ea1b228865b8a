"""Errors of the database or its schema that end the program."""


class DatabaseError(Exception):
    """The database cannot be used; the text is one line that says what to do and holds no secret."""
