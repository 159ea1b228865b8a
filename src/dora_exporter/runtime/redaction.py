"""Redacts secrets in what is logged."""

import re

Value = str | int | float | bool | None

_USER_INFO = re.compile(r"(?<=://)[^/\s?#\"']*@")
_CREDENTIALS = re.compile(r"(authorization\W{1,4}\w+ +|\bbearer +)[\w.~+/=-]{8,}", re.IGNORECASE)
_TELLING = r"(?:api|app|application|read)[_-]?keys?|passw(?:or)?ds?|secrets?|tokens?"
_SECRET_NAME = re.compile(rf"\w*(?:{_TELLING})", re.IGNORECASE)
_NAMED_SECRET = re.compile(rf"({_TELLING})(=|['\"]: *)('[^']*'|\"[^\"]*\"|[^\s&,;'\"]+)", re.IGNORECASE)
_HIDDEN = "***"
_LONGEST_VALUE = 8192


def redacted(text: str) -> str:
    """Redacts user info in URLs, credentials, and the values of keys, passwords, secrets and tokens.

    A very long text is cut to its beginning and its end.
    """
    text = _USER_INFO.sub(f"{_HIDDEN}@", text)
    text = _CREDENTIALS.sub(rf"\1{_HIDDEN}", text)
    return _shortened(_NAMED_SECRET.sub(rf"\1\2{_HIDDEN}", text))


def redacted_fact(name: str, value: Value) -> Value:
    """The value of a fact; all of a text is hidden when the fact is named like a secret."""
    if not isinstance(value, str):
        return value
    return _HIDDEN if _SECRET_NAME.fullmatch(name) else redacted(value)


def _shortened(text: str) -> str:
    half = _LONGEST_VALUE // 2
    return text if len(text) <= _LONGEST_VALUE else f"{text[:half]} ... {text[-half:]}"
