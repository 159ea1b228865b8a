"""Checks packs that a client uploaded."""

import struct
from dataclasses import dataclass
from pathlib import Path

from dora_exporter.commits.git.command import Git, GitFailed

_HEADER = struct.Struct(">4sLL")
_VERSIONS = (2, 3)
_MAX_OBJECTS = 5_000_000
_BYTES_OF_A_SHA = {"sha1": 20, "sha256": 32}


class BadPack(Exception):
    """The bytes are not a pack, or a broken one."""


@dataclass(frozen=True)
class CheckedPack:
    """A pack under its right name, with its index beside it."""

    pack: Path
    index: Path


def check(pack: Path, git: Git, object_format: str) -> CheckedPack:
    """Has ``git index-pack`` check every byte of a pack and make its index. Raises ``BadPack``."""
    name = _name(pack, object_format)
    renamed = pack.replace(pack.with_name(f"pack-{name}.pack"))
    index = renamed.with_suffix(".idx")
    options = ("--no-rev-index", f"--object-format={object_format}", "-o", str(index))
    try:
        git.run(pack.parent, "index-pack", *options, str(renamed))
    except GitFailed as error:
        raise BadPack("git index-pack rejects the pack") from error
    return CheckedPack(renamed, index)


def _name(pack: Path, object_format: str) -> str:
    """The checksum at the end, after a look at the beginning that spares Git what is plainly no pack."""
    length = _BYTES_OF_A_SHA[object_format]
    with pack.open("rb") as file:
        header = file.read(_HEADER.size)
        size = file.seek(0, 2)
        if size < _HEADER.size + length:
            raise BadPack("the pack is too short")
        mark, version, objects = _HEADER.unpack(header)
        if mark != b"PACK" or version not in _VERSIONS or objects > _MAX_OBJECTS:
            raise BadPack("this is not a Git pack")
        file.seek(size - length)
        return file.read().hex()
