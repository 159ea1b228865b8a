"""The manual shows every picture that is kept, and none is large."""

import re

import pytest
from tests.docs import manual
from tests.docs.pictures import BADGES, FOLDER, PICTURES
from tests.grafana.dashboards import FILES

LARGEST_BYTES = 200_000
MADE = {
    *(f"{each.name}.webp" for each in PICTURES),
    *(f"{name}.svg" for name in BADGES),
    *(f"dashboard-{file.stem}.webp" for file in FILES),
}


def test_every_picture_is_one_that_tests_make() -> None:
    assert {file.name for file in FOLDER.iterdir()} == MADE


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_picture_is_shown_with_words_for_those_who_do_not_see_it(name: str) -> None:
    texts = "".join(page.text for page in manual.pages())
    assert re.search(rf"!\[[^\]]{{8,}}\]\((?:[./]*|docs/)images/{re.escape(name)}\)", texts)
    assert (FOLDER / name).stat().st_size < LARGEST_BYTES


def test_the_first_picture_of_the_readme_is_the_first_page() -> None:
    first = re.search(r"!\[[^\]]*\]\(([^)]*)\)", manual.page("README.md").text)
    assert first
    assert first[1] == "docs/images/first-page.webp"
