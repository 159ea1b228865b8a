import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.repositories import normalise


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
