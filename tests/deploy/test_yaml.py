"""All YAML that is shipped is well-kept."""

import pytest
from tests.deploy.manifests import DEPLOY, ROOT, check

pytestmark = pytest.mark.e2e

# Summaries of alerts are templates of one line, which folding would make harder to read.
STYLE = """
extends: default
rules:
  line-length: {max: 150, allow-non-breakable-inline-mappings: true}
  document-start: disable
"""


def test_yamllint_finds_no_fault() -> None:
    assert check("yamllint", "--strict", "-d", STYLE, DEPLOY, ROOT / "grafana") == ""
