"""What ends the program when the database is not what it should be."""


class DatabaseError(Exception):
    """The database cannot be used; the text is one line that says what to do and holds no secret."""
