"""The URL of the first page in the log."""

from typing import Any

import pytest

from dora_exporter.app.page import configured_page, page_at
from dora_exporter.app.settings import WebSettings


@pytest.mark.parametrize(
    ("web", "is_tls", "page"),
    [
        ({}, False, "http://127.0.0.1:3672/"),
        ({"listen_addresses": ["0.0.0.0:80"]}, False, "http://127.0.0.1:80/"),
        ({"listen_addresses": [":3672"]}, True, "https://127.0.0.1:3672/"),
        ({"listen_addresses": ["[::]:3672"]}, False, "http://[::1]:3672/"),
        ({"listen_addresses": ["dora.example:3672"]}, False, "http://dora.example:3672/"),
        ({"listen_addresses": ["127.0.0.1:0"]}, False, "at a free port"),
        ({"route_prefix": "/dora"}, False, "http://127.0.0.1:3672/dora/"),
        ({"external_url": "/dora"}, False, "http://127.0.0.1:3672/dora/"),
        ({"external_url": "https://host.example/dora", "route_prefix": "/"}, False, "https://host.example/dora/"),
        ({"external_url": "https://host.example", "listen_addresses": [":0"]}, False, "https://host.example/"),
    ],
)
def test_the_page_before_the_daemon_listens(web: dict[str, Any], is_tls: bool, page: str) -> None:  # noqa: FBT001  # a column of the table
    assert configured_page(WebSettings.model_validate(web), is_tls=is_tls) == page


def test_a_free_port_is_told_once_it_is_known() -> None:
    web = WebSettings.model_validate({"listen_addresses": ["[::1]:0"]})
    assert page_at(web, "::1", 4711, is_tls=False) == "http://[::1]:4711/"
