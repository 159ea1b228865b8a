"""Ids that the daemon accepts, whatever an incident is called elsewhere."""

from __future__ import annotations

import re

_ACCEPTED = re.compile(r"[A-Za-z0-9_.:-]{16,128}", re.ASCII)
_OTHERS = re.compile(r"[^A-Za-z0-9_.:-]", re.ASCII)
_READABLE = 80


def accepted(name: str) -> str:
    """The name itself if it is an id, else one that is always made of this name and of no other."""
    if _ACCEPTED.fullmatch(name):
        return name
    from hashlib import sha256

    return f"{_OTHERS.sub('-', name)[:_READABLE]}:{sha256(name.encode(errors='replace')).hexdigest()[:32]}"
