"""Regular expressions from the configuration, which run in linear time on any input."""

import re

import re2

VARIABLES = {"pr_title": "(.+)", "pr_number": "([0-9]{1,9})", "version": r"(\S+)"}
"""The expression that each variable captures."""

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")


class BadPattern(ValueError):
    """An unusable pattern, with the reason as its message."""


class Pattern:
    """A regular expression in RE2's syntax; at most one ``$variable`` captures a name to look up."""

    def __init__(self, text: str) -> None:
        """Raises ``BadPattern``."""
        names = _VARIABLE.findall(text)
        unknown = [name for name in names if name not in VARIABLES]
        if unknown:
            known = ", ".join(f"${name}" for name in VARIABLES)
            raise BadPattern(f"has the unknown variable ${unknown[0]}: known are {known}")
        if len(names) > 1:
            raise BadPattern("has more than one variable: use one rule for each")
        self.variable: str | None = names[0] if names else None
        self._expression = compiled(_VARIABLE.sub(lambda found: f"(?P<captured>{VARIABLES[found[1]][1:]}", text))
        if self._expression.search("") is not None:
            raise BadPattern("matches everything: make the pattern more specific")

    def matches(self, text: str) -> bool:
        """Whether the pattern matches anywhere in a text."""
        return self._expression.search(text) is not None

    def captured(self, text: str) -> str | None:
        """What its variable captures in a text; None without a match."""
        found = self._expression.search(text)
        return found.group("captured") if found else None


def compiled(expression: str) -> "re2._Regexp":
    """The expression, ready for use; raises ``BadPattern``."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(expression, options)
    except re2.error as reason:
        said = reason.args[0]
        raise BadPattern(
            f"is not a valid regular expression: {said.decode() if isinstance(said, bytes) else said}"
        ) from None
