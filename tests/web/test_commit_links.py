"""Where a commit can be read."""

import pytest

from dora_exporter.web.pages.commit_links import commit_link, compare_link

SHA = "0123456789" * 4
BASE = "9876543210" * 4


@pytest.mark.parametrize(
    ("repository", "sha", "link"),
    [
        ("github.com/acme/shop", SHA, f"https://github.com/acme/shop/commit/{SHA}"),
        ("gitlab.com/acme/a b/shop", SHA, f"https://gitlab.com/acme/a%20b/shop/-/commit/{SHA}"),
        ("git.example/acme/shop", SHA, None),
        ("github.com", SHA, None),
        ("github.com/acme/shop", "javascript:alert(1)", None),
        ("github.com/acme/shop", None, None),
        (None, SHA, None),
    ],
)
def test_a_commit_has_an_address_at_known_hosts(repository: str | None, sha: str | None, link: str | None) -> None:
    assert commit_link(repository, sha) == link


@pytest.mark.parametrize(
    ("repository", "base", "link"),
    [
        ("github.com/acme/shop", BASE, f"https://github.com/acme/shop/compare/{BASE}...{SHA}"),
        ("gitlab.com/acme/shop", BASE, f"https://gitlab.com/acme/shop/-/compare/{BASE}...{SHA}"),
        ("bitbucket.org/acme/shop", BASE, None),
        ("github.com/acme/shop", None, None),
        ("github.com/acme/shop", "../..", None),
    ],
)
def test_what_a_deployment_changed_has_an_address_too(repository: str, base: str | None, link: str | None) -> None:
    assert compare_link(repository, base, SHA) == link
    assert compare_link(repository, base, "javascript:alert(1)") is None
