"""The documentation stays one that people finish: short pages, each in the menu, each fact in one place."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.docs import manual

LONGEST = {"README.md": 250, "CONTRIBUTING.md": 80}
LONGEST_PAGE = 300
A_WHOLE_THOUGHT = 60

each_page = pytest.mark.parametrize("page", manual.pages(), ids=lambda page: page.name)


def menu(entries: list[Any]) -> Iterator[str]:
    """The pages of the site's menu."""
    for entry in entries:
        (value,) = entry.values() if isinstance(entry, dict) else (entry,)
        yield from menu(value) if isinstance(value, list) else [value]


def sentences(text: str) -> set[str]:
    """The longer sentences of a page, each once."""
    prose = re.sub(r"^```.*?^```$|^\|.*?$|^#.*?$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.split(r"(?<=[.:])\s+", " ".join(prose.split()))
    return {each for each in found if len(each) >= A_WHOLE_THOUGHT}


@each_page
def test_a_page_can_be_read_to_its_end(page: manual.Page) -> None:
    assert page.text.count("\n") <= LONGEST.get(page.name, LONGEST_PAGE)


@each_page
def test_a_page_has_one_title_and_opens_with_it(page: manual.Page) -> None:
    titles = re.findall(r"^# .+$", re.sub(r"^```.*?^```$", "", page.text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    assert len(titles) == 1
    assert page.text.startswith("# ")


def test_every_page_of_the_manual_is_in_the_menu_once() -> None:
    site = yaml.safe_load((manual.ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    inside = [page.name.removeprefix("docs/") for page in manual.pages() if page.name.startswith("docs/")]
    assert sorted(menu(site["nav"])) == sorted(inside)


def test_no_sentence_stands_in_two_places() -> None:
    counts = Counter(sentence for page in manual.pages() for sentence in sentences(page.text))
    assert [sentence for sentence, count in counts.items() if count > 1] == []
