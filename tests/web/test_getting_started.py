"""The first steps that the page shows while there is no series."""

import json
import shlex

import pytest
from pytest_aiohttp import AiohttpClient
from tests.builders import NOW_MS, deployment
from tests.web.site import Page, Site


def command(page: Page) -> list[str]:
    """The words of the command, as a shell takes them."""
    _, _, rest = page.source.partition("<pre")
    text = "".join(Page(200, {}, f"<pre{rest.partition('</pre>')[0]}</pre>").words)
    return shlex.split(text.replace("\\\n", ""))


def asked(page: Page) -> str:
    return next(word for word in command(page) if "://" in word)


async def test_an_empty_daemon_shows_a_command_that_sends_a_deployment(aiohttp_client: AiohttpClient) -> None:
    browser = await Site().start(aiohttp_client)
    page = await browser.open("/")

    curl, *_, data_flag, data = command(page)
    assert (curl, data_flag) == ("curl", "-d")
    assert json.loads(data)["data"]["attributes"] == {
        "service": "checkout",
        "env": "production",
        "version": "v1.0.0",
        "started_at": NOW_MS // 1000 - 300,
        "finished_at": NOW_MS // 1000,
    }
    assert page.named("form") == []
    assert asked(page) == str(browser.client.make_url("/api/v2/dora/deployment"))


async def test_the_steps_go_with_the_first_series(aiohttp_client: AiohttpClient) -> None:
    for path in ("/", "/?q=nobody"):
        page = await (await Site([deployment()]).start(aiohttp_client)).open(path)
        assert "Getting started" not in page.text
        assert page.named("pre") == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "http://dora.test:8080"),
        ("/", "http://dora.test:8080"),
        ("/dora", "http://dora.test:8080/dora"),
        ("https://metrics.test", "https://metrics.test"),
        ("https://metrics.test/dora", "https://metrics.test/dora"),
    ],
)
async def test_the_command_asks_where_the_reader_is(aiohttp_client: AiohttpClient, url: str, expected: str) -> None:
    browser = await Site(url=url).start(aiohttp_client)
    page = await browser.open("/", Host="dora.test:8080")

    assert asked(page) == f"{expected}/api/v2/dora/deployment"
    assert f"{expected}/metrics" in page.text


async def test_a_proxy_that_ends_tls_is_asked_by_https(aiohttp_client: AiohttpClient) -> None:
    browser = await Site().start(aiohttp_client)

    for said, scheme in (("https", "https"), ("http", "http"), ("javascript", "http")):
        page = await browser.open("/", **{"Host": "dora.test", "X-Forwarded-Proto": said})
        assert asked(page) == f"{scheme}://dora.test/api/v2/dora/deployment"


@pytest.mark.parametrize("host", ["$(id)", "a'b", "<script>", "a b", "", "x" * 300, "a:b:c"])
async def test_a_host_that_is_none_is_a_placeholder(aiohttp_client: AiohttpClient, host: str) -> None:
    page = await (await Site().start(aiohttp_client)).open("/", Host=host)

    assert asked(page) == "http://YOUR_HOST/api/v2/dora/deployment"


async def test_the_command_has_a_placeholder_for_the_key_where_keys_are_configured(
    aiohttp_client: AiohttpClient,
) -> None:
    closed = await (await Site(api_keys=["s3cret"]).start(aiohttp_client)).open("/", Authorization="Basic eDp5")
    behind_password = await (await Site().start(aiohttp_client)).open("/", Authorization="Basic eDp5")
    is_open = await (await Site().start(aiohttp_client)).open("/")

    assert "DD-API-KEY: YOUR_API_KEY" in command(closed)
    assert "-u" not in command(closed)
    assert "s3cret" not in closed.source
    assert command(behind_password)[3:5] == ["-u", "YOUR_USER"]
    assert not {"-H", "-u"} & {*command(is_open)}
    assert "API key" not in is_open.text
