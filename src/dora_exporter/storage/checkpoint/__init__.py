"""The checkpoint: a derived file beside the snapshot file, from which a restart reads its events faster.

It stands for the first bytes of one snapshot file: the events in them, as columns. A process of its own makes it from
the snapshot file. A restart reads it, checks that the snapshot file still begins with the very bytes it was made from,
and replays only what follows them.

It can be removed at any time. One that is missing, damaged, of another program version, or of another snapshot file is
passed over, and the whole snapshot file is replayed. It holds events and nothing else: numbers are computed from them
at every start. Its format is private and changes with the program.
"""

from dora_exporter.storage.checkpoint.layout import Head
from dora_exporter.storage.checkpoint.manager import Checkpoints

__all__ = ["Checkpoints", "Head"]
