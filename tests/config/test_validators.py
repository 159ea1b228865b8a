"""Which texts are URLs that can be asked."""

from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from dora_exporter.config.validators import HTTP_URL

URLS = TypeAdapter[str](Annotated[str, HTTP_URL])


@pytest.mark.parametrize("text", ["http://host", "https://host:65535/path", "http://[::1]:1/"])
def test_a_url_that_names_a_host_is_kept(text: str) -> None:
    assert URLS.validate_python(text) == text


@pytest.mark.parametrize("text", ["http://:80", "http://host:0", "http://host:65536", "http://host:x", "http://[x"])
def test_a_url_without_a_host_or_with_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="must name a host, and a port from 1 to 65535"):
        URLS.validate_python(text)


@pytest.mark.parametrize("text", ["host", "ftp://host", "http://user:word@host", "http://host/a b", "http://host\n"])
def test_a_text_that_is_no_url_or_holds_a_password_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="must begin with http:// or https://, and hold no user or password"):
        URLS.validate_python(text)
