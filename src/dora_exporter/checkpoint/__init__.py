"""The checkpoint: a derived file beside the snapshot file, from which a restart takes what it would compute again.

It stands for the first bytes of one snapshot file: the events in them as columns, and what the readings made of these
at a moment. A process of its own makes it from the snapshot file. A restart reads it, checks that the snapshot file
still begins with the very bytes it was made from, and replays only what follows them.

It can be removed at any time. One that is missing, damaged, of another program version, or of another snapshot file is
passed over, and the whole snapshot file is replayed. Where only the settings changed that the numbers follow from, its
events are taken, and the numbers computed anew. Its format is private and changes with the program.
"""

from dora_exporter.checkpoint.basis import Basis
from dora_exporter.checkpoint.checkpoints import Checkpoints
from dora_exporter.checkpoint.contents import Content

__all__ = ["Basis", "Checkpoints", "Content"]
