import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.repository_names import key, normalise


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/shop",
        "https://github.com/acme/shop.git",
        "https://github.com/acme/shop.git/",
        "https://GitHub.com:443/acme/shop",
        "http://github.com//acme//shop",
        "https://user:secret@github.com/acme/shop",
        "https://user:sec@ret@github.com/acme/shop",
        "https://user:sec/ret@github.com/acme/shop",
        "https://user:sec#ret@github.com/acme/shop",
        "https://user:sec?r/et@github.com:8443/acme/shop",
        "https://user:12/34@github.com/acme/shop",
        "https://token@github.com/acme/shop?ref=main#top",
        "ssh://git@github.com/acme/shop.git",
        "ssh://git@github.com:2222/acme/shop.git",
        "git+ssh://git@github.com/acme/shop",
        "git@github.com:acme/shop.git",
        "user:secret@github.com:acme/shop.git",
        "user:sec/ret@github.com:acme/shop.git",
        "github.com:acme/shop.git",
        "github.com:/acme/shop.git",
        "github.com/acme/shop",
        "user@github.com/acme/shop",
        "//user:secret@github.com/acme/shop",
        "///user:secret@github.com/acme/shop",
        "/user:secret@github.com/acme/shop",
        "https:///user:secret@github.com/acme/shop",
        "https://mirror.example/https://user:secret@github.com/acme/shop",
        "https%3A//user:sec/ret@github.com/acme/shop",
        "  https://github.com/acme/shop\n",
    ],
)
def test_every_form_of_a_url_names_one_repository(url: str) -> None:
    assert normalise(url) == "github.com/acme/shop"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://gitlab.com/Group/sub/Repo.Git", "gitlab.com/Group/sub/Repo.Git"),
        ("https://[::1]:8080/a/b", "[::1]/a/b"),
        ("ssh://git@[2001:DB8::1]/a", "[2001:db8::1]/a"),
        ("file:///srv/git/shop.git", "localhost/srv/git/shop"),
        ("/srv/git/shop.git", "localhost/srv/git/shop"),
        ("https://dev.azure.com/acme/My%20Project/_git/shop", "dev.azure.com/acme/My%20Project/_git/shop"),
        ("https://github.com/acme/shop@2", "github.com/acme/shop@2"),
        ("https://user:secret@github.com/acme/shop@2", "github.com/acme/shop@2"),
        ("https://github.com", "github.com"),
    ],
)
def test_what_is_not_the_same_everywhere_is_kept(url: str, name: str) -> None:
    assert normalise(url) == name


@pytest.mark.parametrize("url", ["", "/", "https://", "https:///", "file://", "https://user:not-a-port", "@", "?a"])
def test_what_names_no_repository_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"names no repository|has no valid host"):
        normalise(url)


@given(
    scheme=st.sampled_from(["https://", "ssh://", "git+https://", ""]),
    user=st.text(st.characters(exclude_characters="/?#@ \t\r\n", codec="ascii"), max_size=5),
    password=st.text(st.characters(exclude_characters="@", codec="ascii"), max_size=8),
)
def test_a_password_never_stays(scheme: str, user: str, password: str) -> None:
    name = normalise(f"{scheme}{user}:{password}x1-SECRET@host.example/acme/shop")
    assert "SECRET" not in name


@given(st.text())
def test_a_name_stays_itself(url: str) -> None:
    try:
        name = normalise(url)
    except ValueError:
        return
    assert name.partition("/")[0] == name.partition("/")[0].lower()


SPELLINGS = {
    "github.com/acme/shop": [
        "https://github.com/Acme/Shop.git",
        "https://github.com./acme/shop",
        "https://www.github.com/acme/shop",
        "ssh://git@ssh.github.com:443/acme/shop.git",
        "git@GitHub.com:ACME/shop",
        "git://github.com:9418/acme/shop.git/",
        "https://me:secret@github.com/acme/shop.GIT?x=1#top",
        "https://github.com/acme/shop/tree/main",
    ],
    "gitlab.com/group/sub/shop": [
        "https://gitlab.com/Group/Sub/shop.git",
        "ssh://git@altssh.gitlab.com:443/group/sub/shop.git",
        "https://gitlab.com/group/sub/shop/-/tree/main",
        "git@gitlab.com:group/sub/shop.git",
    ],
    "dev.azure.com/acme/my project/shop": [
        "https://dev.azure.com/acme/My%20Project/_git/shop",
        "https://acme@dev.azure.com/acme/My%20Project/_git/shop",
        "https://acme:secret@dev.azure.com/Acme/My%20Project/_git/Shop?version=GBmain",
        "git@ssh.dev.azure.com:v3/acme/My%20Project/shop",
        "ssh://git@ssh.dev.azure.com:22/v3/acme/My%20Project/shop",
        "https://acme.visualstudio.com/My%20Project/_git/shop",
        "https://acme.visualstudio.com/DefaultCollection/My%20Project/_git/shop",
        "https://acme.visualstudio.com/My%20Project/_git/_optimized/shop",
        "acme@vs-ssh.visualstudio.com:v3/acme/My%20Project/shop",
        "https://dev.azure.com/acme/My Project/_git/shop",
    ],
    "dev.azure.com/acme/shop/shop": [
        "https://dev.azure.com/acme/_git/shop",
        "https://dev.azure.com/acme/shop/_git/shop",
        "https://acme.visualstudio.com/_git/shop",
        "git@ssh.dev.azure.com:v3/acme/shop/shop",
    ],
    "dev.azure.com/acme/shop/readme": ["https://dev.azure.com/acme/shop/readme"],
    "bitbucket.corp.example/web/shop": [
        "https://bitbucket.corp.example/scm/WEB/shop.git",
        "https://me@bitbucket.corp.example:8443/scm/web/shop.git",
        "https://bitbucket.corp.example/bitbucket/scm/web/shop.git",
        "https://bitbucket.corp.example/projects/WEB/repos/shop",
        "https://bitbucket.corp.example/projects/WEB/repos/shop/browse",
        "ssh://git@bitbucket.corp.example:7999/web/shop.git",
    ],
    "bitbucket.corp.example/~ann/shop": [
        "https://bitbucket.corp.example/scm/~ann/shop.git",
        "https://bitbucket.corp.example/users/Ann/repos/shop",
        "ssh://git@bitbucket.corp.example:7999/~ann/shop.git",
    ],
    "bitbucket.org/acme/shop": [
        "https://ann@bitbucket.org/acme/shop.git",
        "git@bitbucket.org:Acme/shop.git",
        "ssh://git@altssh.bitbucket.org:443/acme/shop.git",
        "https://bitbucket.org/acme/shop/src/main/",
    ],
    "localhost/srv/Git/shop": ["file:///srv/Git/shop.git", "/srv/Git/shop.git"],
    "localhost/srv/git/shop": ["/srv/git/shop.git"],
    "git.example/scm": ["https://git.example/scm", "git@git.example:scm.git"],
    "git.example/projects/x": ["https://git.example/projects/x"],
}


@pytest.mark.parametrize(("url", "common"), [(url, common) for common, urls in SPELLINGS.items() for url in urls])
def test_all_spellings_of_one_repository_have_one_key(url: str, common: str) -> None:
    assert key(normalise(url)) == common


def test_a_spelling_is_stored_as_it_came() -> None:
    assert normalise("https://github.com/Acme/Shop.git") == "github.com/Acme/Shop"
    assert normalise("git@ssh.dev.azure.com:v3/acme/shop/shop") == "ssh.dev.azure.com/v3/acme/shop/shop"


@given(st.text())
def test_a_key_is_found_for_whatever_is_a_name(url: str) -> None:
    try:
        name = normalise(url)
    except ValueError:
        return
    assert key(name).partition("/")[0]
