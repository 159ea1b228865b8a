"""The URL under which others reach the daemon, and the path that it serves below."""

import pytest

from dora_exporter.app.settings import WebSettings
from dora_exporter.config.public_url import external, host_of, path_of, prefix


@pytest.mark.parametrize(
    ("text", "kept", "path", "host"),
    [
        ("https://host/dora", "https://host/dora", "/dora", "host"),
        ("https://host/dora/", "https://host/dora", "/dora", "host"),
        ("http://host:8080/a/b//", "http://host:8080/a/b", "/a/b", "host"),
        ("https://host", "https://host", "", "host"),
        ("https://host/", "https://host", "", "host"),
        ("http://[::1]:1/x", "http://[::1]:1/x", "/x", "::1"),
        ("/dora/", "/dora", "/dora", None),
        ("/", "/", "", None),
        ("https://host/döra", "https://host/d%C3%B6ra", "/d%C3%B6ra", "host"),
    ],
)
def test_a_url_is_kept_without_the_slash_at_its_end(text: str, kept: str, path: str, host: str | None) -> None:
    assert (external(text), path_of(kept), host_of(kept)) == (kept, path, host)


@pytest.mark.parametrize(
    "text",
    [
        "host/dora",
        "host:80",
        "ftp://host/",
        "https:///x",
        "https://u:p@host/",
        "https://host/?q",
        "https://host/#a",
        "https://host:x/",
        "//host/x",
        "https://host/a b",
        "https://host/../x",
        "http://[x",
        "/a?b",
        "/a\n",
    ],
)
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must "):
        external(text)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/dora", "/dora"),
        ("dora", "/dora"),
        ("/dora/", "/dora"),
        ("//a/b/", "/a/b"),
        ("/", ""),
        ("", ""),
        ("/ä", "/%C3%A4"),
    ],
)
def test_a_prefix_has_a_slash_before_it_and_none_behind(text: str, kept: str) -> None:
    assert prefix(text) == kept


@pytest.mark.parametrize("text", ["/a//b", "/./a", "/a/..", "/a?b", "/a#b", "/a b", "/a\n", "a\\b"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a path such as /dora"):
        prefix(text)


@pytest.mark.parametrize(
    ("settings", "below", "url"),
    [
        ({}, "", ""),
        ({"external_url": "https://host/dora/"}, "/dora", "https://host/dora"),
        ({"external_url": "https://host"}, "", "https://host"),
        ({"external_url": "/dora"}, "/dora", "/dora"),
        ({"external_url": "https://host/dora", "route_prefix": "/"}, "", "https://host/dora"),
        ({"external_url": "https://host/dora", "route_prefix": "x/"}, "/x", "https://host/dora"),
        ({"route_prefix": "/x"}, "/x", "/x"),
    ],
)
def test_the_prefix_is_the_path_of_the_external_url_unless_it_is_given(
    settings: dict[str, str], below: str, url: str
) -> None:
    web = WebSettings.model_validate(settings)
    assert (web.prefix, web.url) == (below, url)
