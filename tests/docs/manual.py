"""The README and the manual taken apart: their pages, code blocks, tables, headings and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = "README.md"

_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
_LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Page:
    """A Markdown file. ``name`` is its path from the root of the repository."""

    name: str
    text: str


@dataclass(frozen=True)
class Block:
    """A fenced block of code. ``line`` is where it begins."""

    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Example:
    """Commands for a shell, and the output that the block after them promises; None where there is none."""

    commands: Block
    output: str | None


def pages() -> list[Page]:
    """The README, the other files beside it, and the manual."""
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [page(file.relative_to(ROOT).as_posix()) for file in sorted(files)]


def page(name: str) -> Page:
    """The page of this name."""
    return Page(name, (ROOT / name).read_text(encoding="utf-8"))


def page_with(name: str) -> Page:
    """The page that has the table between the markers of this name."""
    (found,) = (each for each in pages() if f"<!-- {name} -->\n" in each.text)
    return found


def blocks(markdown: str, *languages: str) -> list[Block]:
    """The blocks in these languages, in their order."""
    found = (
        Block(match["language"], match["text"], markdown.count("\n", 0, match.start()) + 1)
        for match in _BLOCK.finditer(markdown)
    )
    return [block for block in found if block.language in languages]


def examples(markdown: str) -> Iterator[Example]:
    """The commands to run, which are marked ``sh``, each with the output that follows it."""
    ordered = blocks(markdown, "sh", "shell", "bash", "text", "json", "yaml", "promql", "python")
    for block, following in zip_longest(ordered, ordered[1:]):
        if block.language == "sh":
            is_output = following is not None and following.language in {"text", "json"}
            yield Example(block, following.text if following and is_output else None)


def table(markdown: str, name: str) -> list[tuple[str, ...]]:
    """The rows of the table between the markers of this name, without its heading."""
    lines = _between(markdown, name).strip().splitlines()
    return [tuple(cell.strip() for cell in _cells(line)) for line in lines[2:]]


def with_table(markdown: str, name: str, heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """The page with another table between the markers of this name."""
    lines = [heading, ("---",) * len(heading), *rows]
    written = "".join(f"| {' | '.join(cell or ' ' for cell in line)} |\n" for line in lines)
    before, after = f"<!-- {name} -->\n", f"<!-- /{name} -->"  # a blank line beside them, or a site takes both for HTML
    return markdown.replace(before + _between(markdown, name) + after, before + f"\n{written}\n" + after)


def anchors(markdown: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    prose = _BLOCK.sub("", markdown)
    return {
        re.sub(r"[^\w\- ]", "", match["text"].strip().lower()).replace(" ", "-") for match in _HEADING.finditer(prose)
    }


def links(markdown: str) -> list[str]:
    """The targets of the links in the text."""
    return [match["target"] for match in _LINK.finditer(_BLOCK.sub("", markdown))]


def code(cell: str) -> str:
    """A table's cell without the marks of code."""
    return cell.strip("`").replace("\\|", "|")


def _between(markdown: str, name: str) -> str:
    found = re.search(f"<!-- {re.escape(name)} -->\n(.*?)<!-- /{re.escape(name)} -->", markdown, re.DOTALL)
    assert found, f"there is no table {name}"
    return found[1]


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().strip("|"))
