"""Decodes the database id from a GraphQL node id: GraphQL's own field for it ends at 32 bits."""

import re
from base64 import b64decode, urlsafe_b64decode

import msgspec

_OLD = re.compile(rb"[A-Za-z](\d+)")
"""``010:Deployment145988746`` in base64, as older objects and Enterprise servers have it."""
_LARGEST = 2**63


def number_in(node_id: str) -> int | None:
    """The number that the REST API and webhooks call the object; None where the id is of another form.

    The newer form is ``DE_`` and MessagePack in base64: a version, the number of the repository, that of the object.
    """
    try:
        if "_" not in node_id[:5]:
            found = _OLD.search(b64decode(node_id, validate=True))
            return int(found[1]) if found else None
        packed = node_id.partition("_")[2]
        numbers = msgspec.msgpack.decode(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), type=list[int])
    except (ValueError, msgspec.MsgspecError):
        return None
    return numbers[-1] if len(numbers) > 1 and 0 < numbers[-1] < _LARGEST else None
