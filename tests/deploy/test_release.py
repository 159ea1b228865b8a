"""The workflows that publish and test: linted, off until an owner switches them on, and with locked packages."""

import re
import tomllib
from typing import Any

import pytest
import yaml
from tests.deploy.manifests import ROOT, check

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
RELEASE: dict[str, Any] = yaml.safe_load((FOLDER / "release.yml").read_text(encoding="utf-8"))


def test_nothing_is_published_before_an_owner_says_so() -> None:
    assert RELEASE["jobs"]["build"]["if"] == "vars.RELEASE == 'on'"
    assert {name: job.get("needs") for name, job in RELEASE["jobs"].items()} == {
        "build": None,
        "pypi": "build",
        "image": "build",
    }


def test_every_supported_python_is_tested() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["classifiers"]
    supported = re.findall(r"Python :: (3\.\d+)", "\n".join(declared))
    tests = yaml.safe_load((FOLDER / "tests.yml").read_text(encoding="utf-8"))
    assert tests["jobs"]["tests"]["strategy"]["matrix"]["python"] == supported == ["3.11", "3.12", "3.13", "3.14"]


def test_the_page_about_releases_names_whatever_an_owner_sets() -> None:
    page = (ROOT / "docs/contributing/releasing.md").read_text(encoding="utf-8")
    text = (FOLDER / "release.yml").read_text(encoding="utf-8")
    environments = [job["environment"] for job in RELEASE["jobs"].values() if "environment" in job]
    wanted = {*re.findall(r"vars\.(\w+)", text), *environments}
    assert {name for name in wanted if f"`{name}`" not in page} == set()


@pytest.mark.e2e
def test_linters_find_no_fault_in_the_workflows() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES)
    check("zizmor", "--offline", "--no-progress", *FILES)


@pytest.mark.e2e
def test_shellcheck_finds_no_fault_in_the_scripts() -> None:
    assert check("shellcheck", ROOT / ".ci/release", ROOT / ".ci/run") == ""
