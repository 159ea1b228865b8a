"""What can be configured about repositories, and what is refused."""

import pytest
from pydantic import ValidationError

from dora_exporter.commits.settings import GitSettings, RepositorySettings, protocol_of

GOOD = {
    "https://github.com/acme/shop": "https",
    "https://me@github.com/acme/shop.git": "https",
    "http://127.0.0.1:8080/shop.git": "http",
    "ssh://git@github.com:22/acme/shop.git": "ssh",
    "git@github.com:acme/shop.git": "ssh",
    "file:///srv/git/shop.git": "file",
    "/srv/git/shop.git": "file",
}

BAD = [
    "",
    "--upload-pack=touch /tmp/x",
    "-oProxyCommand=x:y",
    "ext::sh -c x",
    "git://github.com/acme/shop",
    "ftp://github.com/acme/shop",
    "https://",
    "shop",
    "a::b",
]


@pytest.mark.parametrize(("url", "protocol"), GOOD.items())
def test_every_way_to_name_a_repository_is_known(url: str, protocol: str) -> None:
    assert protocol_of(RepositorySettings(url=url).url) == protocol


@pytest.mark.parametrize("url", BAD)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"Git URL|names no repository"):
        RepositorySettings(url=url)


def test_a_password_in_a_url_is_refused() -> None:
    with pytest.raises(ValidationError, match="use token") as refused:
        RepositorySettings(url="https://me:hunter2@github.com/acme/shop")
    assert "hunter2" not in str(refused.value.errors(include_input=False))


def test_there_is_one_token() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        RepositorySettings.model_validate({"url": "https://a/b", "token": "x", "token_file": "/y"})


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        GitSettings.model_validate({"paths": "x"})


def test_defaults() -> None:
    assert RepositorySettings(url="https://a/b").interval.text == "5m"
    assert GitSettings().resolve_for.text == "7d"
