"""Where a commit can be read."""

import pytest

from dora_exporter.dora.repository_names import normalise
from dora_exporter.web.pages.commit_links import commit_link, compare_link

SHA = "0123456789" * 4
BASE = "9876543210" * 4
GITHUB, GITLAB = "https://github.com/acme/shop", "https://gitlab.com/acme/shop"
AZURE, BITBUCKET = "https://dev.azure.com/acme/my%20project/_git/shop", "https://bitbucket.org/acme/shop"
SERVER = "https://bitbucket.corp.example"
AZURE_COMPARE = f"branchCompare?baseVersion=GC{BASE}&targetVersion=GC{SHA}&_a=commits"
SERVER_COMPARE = f"compare/commits?targetBranch={BASE}&sourceBranch={SHA}"


@pytest.mark.parametrize(
    ("repository", "page", "commit", "compare"),
    [
        ("github.com/acme/shop", GITHUB, "commit", f"compare/{BASE}...{SHA}"),
        ("git@ssh.github.com:Acme/shop.git", GITHUB, "commit", f"compare/{BASE}...{SHA}"),
        ("gitlab.com/acme/shop", GITLAB, "-/commit", f"-/compare/{BASE}...{SHA}"),
        ("gitlab.com/acme/a b/shop", "https://gitlab.com/acme/a%20b/shop", "-/commit", f"-/compare/{BASE}...{SHA}"),
        ("codeberg.org/acme/shop", "https://codeberg.org/acme/shop", "commit", f"compare/{BASE}...{SHA}"),
        ("gitea.com/acme/shop", "https://gitea.com/acme/shop", "commit", f"compare/{BASE}...{SHA}"),
        ("git@bitbucket.org:acme/shop.git", BITBUCKET, "commits", f"branches/compare/{SHA}..{BASE}"),
        ("https://acme@dev.azure.com/acme/My%20Project/_git/shop", AZURE, "commit", AZURE_COMPARE),
        ("git@ssh.dev.azure.com:v3/acme/My%20Project/shop", AZURE, "commit", AZURE_COMPARE),
        ("https://acme.visualstudio.com/My%20Project/_git/shop", AZURE, "commit", AZURE_COMPARE),
        (f"{SERVER}/scm/WEB/shop.git", f"{SERVER}/projects/WEB/repos/shop", "commits", SERVER_COMPARE),
        (f"{SERVER}/scm/~ann/shop.git", f"{SERVER}/users/ann/repos/shop", "commits", SERVER_COMPARE),
        (f"{SERVER}/git/scm/WEB/shop.git", f"{SERVER}/git/projects/WEB/repos/shop", "commits", SERVER_COMPARE),
        (f"{SERVER}/users/ann/repos/shop", f"{SERVER}/users/ann/repos/shop", "commits", SERVER_COMPARE),
        (f"{SERVER}/projects/WEB/repos/shop/browse", f"{SERVER}/projects/WEB/repos/shop", "commits", SERVER_COMPARE),
    ],
)
def test_a_commit_and_what_came_since_another_have_addresses_at_known_hosts(
    repository: str, page: str, commit: str, compare: str
) -> None:
    name = normalise(repository)
    assert commit_link(name, SHA) == f"{page}/{commit}/{SHA}"
    assert compare_link(name, BASE, SHA) == f"{page}/{compare}"


@pytest.mark.parametrize(
    ("repository", "sha"),
    [
        ("git.example/acme/shop", SHA),
        ("bitbucket.corp.example/web/shop", SHA),
        ("github.com", SHA),
        ("github.com/acme", SHA),
        ("github.com/acme/shop", "javascript:alert(1)"),
        ("github.com/acme/shop", "../.."),
        ("github.com/acme/shop", None),
        (None, SHA),
    ],
)
def test_what_is_not_known_has_no_address(repository: str | None, sha: str | None) -> None:
    assert commit_link(repository, sha) is None
    assert compare_link(repository, BASE, sha) is None


@pytest.mark.parametrize("base", ["javascript:alert(1)", "../..", None])
def test_a_base_that_is_no_commit_has_no_address(base: str | None) -> None:
    assert compare_link("github.com/acme/shop", base, SHA) is None
