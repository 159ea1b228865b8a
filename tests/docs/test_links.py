"""Every link leads somewhere: within the documentation, and from rules, dashboards, manifests and the program to it."""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs import manual

REPOSITORY = "https://github.com/dora-exporter/dora-exporter"
INTO_THE_REPOSITORY = re.compile(rf"{re.escape(REPOSITORY)}/(?:blob|tree)/[^/\s\"']+/(?P<target>[^\s\"'<>`)]+)")
MENTIONED = re.compile(r"\b(?P<target>docs/[\w/-]+\.md(?:#[\w-]+)?)")
PACKAGE = manual.ROOT / "src" / "dora_exporter"
PLACES = ("src", "deploy", "grafana", "config.example.yaml", "pyproject.toml")
KINDS = {".py", ".html", ".yaml", ".yml", ".json", ".service", ".toml", ""}

each_page = pytest.mark.parametrize("page", manual.pages(), ids=lambda page: page.name)


def leads_somewhere(target: str) -> bool:
    """Whether a file of the repository is there, and a heading of it."""
    path, _, anchor = target.partition("#")
    if not (manual.ROOT / path).exists():
        return False
    return not anchor or anchor in manual.anchors(manual.page(path).text)


def targets(page: manual.Page) -> Iterator[str]:
    """The files of the repository, and the headings in them, that a page links to."""
    for target in manual.links(page.text):
        if into := INTO_THE_REPOSITORY.fullmatch(target):
            yield into["target"]
        elif "://" not in target:
            path, _, anchor = target.partition("#")
            file = posixpath.normpath(posixpath.join(posixpath.dirname(page.name), path)) if path else page.name
            yield f"{file}#{anchor}" if anchor else file


def outside() -> Iterator[tuple[str, str]]:
    """The text files beside the documentation that may name it."""
    for place in PLACES:
        file = manual.ROOT / place
        for each in sorted(file.rglob("*")) if file.is_dir() else [file]:
            if each.is_file() and each.suffix in KINDS:
                yield each.relative_to(manual.ROOT).as_posix(), each.read_text(encoding="utf-8")


@each_page
def test_the_links_of_a_page_lead_somewhere(page: manual.Page) -> None:
    assert [target for target in targets(page) if not leads_somewhere(target)] == []


@each_page
def test_a_page_of_the_site_leaves_it_by_whole_addresses(page: manual.Page) -> None:
    """A site has only what is in ``docs``: what lies beside it is linked to where the repository is."""
    if page.name.startswith("docs/"):
        assert [target for target in targets(page) if not target.startswith("docs/")] == [
            into["target"] for target in manual.links(page.text) if (into := INTO_THE_REPOSITORY.fullmatch(target))
        ]


def test_what_the_program_and_its_files_say_of_the_documentation_is_there() -> None:
    found = [
        (name, match["target"])
        for name, text in outside()
        for pattern in (INTO_THE_REPOSITORY, MENTIONED)
        for match in pattern.finditer(text)
    ]

    assert len({target for _, target in found}) > 18
    assert [each for each in found if not leads_somewhere(each[1])] == []


def test_a_missing_heading_is_found() -> None:
    assert leads_somewhere("docs/alerts.md#dorasourcedown")
    assert not leads_somewhere("docs/alerts.md#no-such-alert")
    assert not leads_somewhere("docs/no-such-page.md")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/contributing/architecture.md"])
def test_the_modules_that_contributors_are_led_to_exist(page: str) -> None:
    code = set(re.findall(r"`([\w./-]+/[\w./-]*)`", manual.page(page).text))
    named = {each for each in code if not each.startswith(("/", "."))}
    found = {each for each in named for root in (manual.ROOT, PACKAGE) if is_there(root / each)}

    assert len(named) > 8
    assert named - found == set()


def is_there(path: Path) -> bool:
    """A folder or file, or a module named without its ending."""
    return path.exists() or path.with_name(path.name + ".py").exists()
