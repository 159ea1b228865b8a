"""The sample lines of many groups, as text in blocks; only changed blocks are joined and deflated anew.

A group is what changes together: the lines of one series or team. Groups are sorted by key and cut into pages; a block
is the lines of one family on one page.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from dora_exporter.exposition.gzip_pieces import ChecksumTree, Piece, concatenate, deflate

Key = tuple[str, ...]

_EMPTY = deflate(b"")
_BLOCKS_PER_JOIN = 64  # are joined, with their checksums, in the time that one is deflated in


@dataclass(frozen=True, slots=True)
class Family:
    """The name and the help of a gauge."""

    name: str
    help: str


class _Page:
    """Groups that follow each other: their keys, and of each family their lines and the block made of these."""

    __slots__ = ("blocks", "keys", "number", "rows")

    def __init__(self, keys: list[Key], rows: list[list[bytes]], families: int) -> None:
        self.keys = keys
        self.rows = rows
        self.blocks = [_EMPTY] * families
        self.number = 0


class TextCache:
    """The lines of families that share their groups.

    After ``set`` and ``drop`` have changed lines, ``refresh`` until it returns True; then ``sections`` has the text.
    """

    def __init__(self, families: Sequence[Family], *, largest_page: int = 48) -> None:
        """An empty cache. ``set`` names a family by its index here; a page has ``largest_page`` groups at most."""
        self._largest_page = largest_page
        self.families = tuple(families)
        self.version = 0
        """Another number whenever ``sections`` has another text."""
        self._pages: list[_Page] = []
        self._page_of: dict[Key, _Page] = {}
        self._changed_blocks: set[tuple[_Page, int]] = set()
        self._sections: list[Piece | None] = [_EMPTY] * len(families)
        self._trees: list[ChecksumTree | None] = [ChecksumTree(()) for _ in families]

    def __len__(self) -> int:
        """The number of groups."""
        return len(self._page_of)

    def __contains__(self, key: Key) -> bool:
        """Whether there is a group with this key."""
        return key in self._page_of

    def set(self, family_index: int, key: Key, lines: bytes) -> None:
        """Gives a group its lines in a family, each ended by a line feed; empty when it has none there."""
        page = self._page_of.get(key)
        if page is None:
            page = self._add(key)
        row = page.rows[bisect_left(page.keys, key)]
        if row[family_index] != lines:
            row[family_index] = lines
            self._changed_blocks.add((page, family_index))

    def drop(self, key: Key) -> None:
        """Removes a group, if there is one with this key, from all families."""
        page = self._page_of.pop(key, None)
        if page is None:
            return
        index = bisect_left(page.keys, key)
        del page.keys[index]
        self._mark_families(page, page.rows.pop(index))
        if not page.keys:
            self._pages.remove(page)
            self._changed_blocks.difference_update([(page, family) for family in range(len(self.families))])
            self._restructure()

    def refresh(self, limit: int) -> bool:
        """Deflates at most ``limit`` changed blocks and joins those of each family; True when nothing is left to do.

        A block takes some 0.1 ms, so the limit bounds how long the event loop waits.
        """
        while self._changed_blocks and limit > 0:
            self._refresh_block(*self._changed_blocks.pop())
            limit -= 1
        if self._changed_blocks:
            return False
        for family, section in enumerate(self._sections):
            if section is None and limit > 0:
                self._sections[family] = self._join(family)
                limit -= 1 + len(self._pages) // _BLOCKS_PER_JOIN
        return None not in self._sections

    def sections(self) -> Sequence[tuple[Family, Piece]]:
        """Each family with its lines, once ``refresh`` has returned True."""
        whole = [section for section in self._sections if section is not None]
        if self._changed_blocks or len(whole) < len(self._sections):
            raise RuntimeError("sections are asked for before all changes are refreshed")
        return list(zip(self.families, whole, strict=True))

    def _refresh_block(self, page: _Page, family: int) -> None:
        block = deflate(*[row[family] for row in page.rows if row[family]])
        page.blocks[family] = block
        self._sections[family] = None
        tree = self._trees[family]
        if tree is not None:
            tree.replace(page.number, block.checksum)
        self.version += 1

    def _join(self, family: int) -> Piece:
        blocks = [page.blocks[family] for page in self._pages]
        tree = self._trees[family]
        if tree is None:
            tree = self._trees[family] = ChecksumTree([block.checksum for block in blocks])
        return concatenate(blocks, tree.root)

    def _add(self, key: Key) -> _Page:
        """The page of a new group, in which it has no lines yet."""
        row = [b""] * len(self.families)
        if not self._pages:
            self._page_of[key] = page = _Page([key], [row], len(self.families))
            self._insert_page(0, page)
            return page
        number = max(0, bisect_right(self._pages, key, key=lambda page: page.keys[0]) - 1)
        page = self._page_of[key] = self._pages[number]
        index = bisect_left(page.keys, key)
        page.keys.insert(index, key)
        page.rows.insert(index, row)
        if len(page.keys) > self._largest_page:
            self._split(page)
        return self._page_of[key]

    def _split(self, page: _Page) -> None:
        """Moves the second half of a page to a new one."""
        middle = len(page.keys) // 2
        right = _Page(page.keys[middle:], page.rows[middle:], len(self.families))
        del page.keys[middle:], page.rows[middle:]
        self._page_of.update(dict.fromkeys(right.keys, right))
        self._insert_page(page.number + 1, right)
        for row in right.rows:
            self._mark_families(page, row)
            self._mark_families(right, row)

    def _mark_families(self, page: _Page, row: list[bytes]) -> None:
        self._changed_blocks.update((page, family) for family, lines in enumerate(row) if lines)

    def _insert_page(self, number: int, page: _Page) -> None:
        self._pages.insert(number, page)
        self._restructure()

    def _restructure(self) -> None:
        for number, page in enumerate(self._pages):
            page.number = number
        self._sections = [None] * len(self.families)
        self._trees = [None] * len(self.families)
        self.version += 1
