"""The snapshot file: an append-only log of JSON lines from which a restart loses nothing.

Its format, version 1, is stable: it is also what ``export`` writes and ``import`` reads. The file is UTF-8, one JSON
object a line, each line ended by one newline::

    {"crc": "0634fb00", "rec": {"type":"header","format":"dora-exporter-snapshot","version":1}}
    {"crc": "e4c375b1", "rec": {"type":"deletion","kind":"incident","id":"7","at":1767225600000}}

A line has exactly two keys. ``rec`` is a record; ``crc`` is the CRC-32 (as in zlib and gzip) of the record's bytes as
they stand in the line, in eight lower-case hexadecimal digits: a flipped bit can leave valid JSON behind.

The first line is the header. It names the format and its version and, once the file was compacted, the time of that
(``compacted_at``). Each further line is one record of ``dora_exporter.dora.records``, told apart by ``type``: an event
sent (``deployment``, ``incident``), what was learnt about one (``verdict``, ``commits``), a ``deletion``, a source's
``cursor``, the order of the ``series``, or a ``batch`` of these that take effect together. Times are milliseconds
since the epoch, UTC. A field that has its default is absent, and an unknown field is ignored.

The records in their order rebuild the state. ``jq -c .rec`` shows them.
"""

from dora_exporter.storage.file.appended_file import Durability
from dora_exporter.storage.file.errors import SnapshotError, SnapshotInUse
from dora_exporter.storage.file.line_format import encode, header_line
from dora_exporter.storage.file.log import SnapshotFile
from dora_exporter.storage.file.scan import read
from dora_exporter.storage.file.statistics import Statistics

__all__ = [
    "Durability",
    "SnapshotError",
    "SnapshotFile",
    "SnapshotInUse",
    "Statistics",
    "encode",
    "header_line",
    "read",
]
