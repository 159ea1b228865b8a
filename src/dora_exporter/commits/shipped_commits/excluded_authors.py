"""Authors whose commits are excluded from the lead time, such as bots."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from dora_exporter.dora.failures.pattern import BadPattern, compiled

_FINGERPRINT_BYTES = 6


class Authors:
    """The excluded authors. A pattern is searched in ``Name <address>``."""

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        """Patterns are in RE2's syntax; raises ``BadPattern`` for one that cannot be used."""
        self._expressions = [compiled(each) for each in patterns]
        if any(each.search("") is not None for each in self._expressions):
            raise BadPattern("matches every author: make the pattern more specific")
        said = blake2b(msgspec.json.encode(sorted(patterns)), digest_size=_FINGERPRINT_BYTES)
        self.fingerprint = said.hexdigest() if patterns else None
        """Changes with the patterns; None without any."""

    def excludes(self, author: str) -> bool:
        """Whether the commits of an author are excluded from the lead time."""
        return any(each.search(author) is not None for each in self._expressions)


NO_EXCLUSIONS = Authors()
"""Excludes no author."""
