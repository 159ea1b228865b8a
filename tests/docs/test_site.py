"""The site of the documentation: one command builds it, and a broken link fails it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs import manual

pytestmark = pytest.mark.e2e

SECONDS = 120


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Builds a copy of the documentation, as the documented command does."""
    return subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=SECONDS,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The documentation alone, without the rest of the repository."""
    shutil.copytree(manual.ROOT / "docs", tmp_path / "docs")
    shutil.copy(manual.ROOT / "mkdocs.yml", tmp_path)
    return tmp_path


def test_the_site_is_built_without_a_warning(copied: Path) -> None:
    built = build(copied)

    assert built.returncode == 0, built.stdout + built.stderr
    assert (copied / "site" / "getting-started" / "index.html").exists()


def test_the_generated_tables_are_tables_on_the_site(copied: Path) -> None:
    build(copied)

    for name in ("metrics", "own metrics", "database metrics", "settings", "endpoints"):
        page = manual.page_with(name).name.removeprefix("docs/").removesuffix(".md")
        html = (copied / "site" / page / "index.html").read_text(encoding="utf-8")
        assert html.count("<tr>") > len(manual.table(manual.page_with(name).text, name))


@pytest.mark.parametrize("link", ["no-such-page.md", "glossary.md#no-such-heading"])
def test_a_broken_link_fails_the_build(copied: Path, link: str) -> None:
    with (copied / "docs" / "dashboards.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[nowhere]({link})\n")

    assert build(copied).returncode != 0


def test_the_site_loads_nothing_from_other_hosts(copied: Path) -> None:
    build(copied)

    page = (copied / "site" / "index.html").read_text(encoding="utf-8")
    for loaded in ('src="http', 'rel="stylesheet" href="http', 'rel="preconnect"'):
        assert loaded not in page
