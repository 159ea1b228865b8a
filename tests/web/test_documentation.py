"""The addresses of the documentation: made by version, and leading to what the repository has."""

import pytest
from pytest_aiohttp import AiohttpClient
from tests.builders import deployment
from tests.docs import manual
from tests.web.site import Site

from dora_exporter import __version__
from dora_exporter.web.pages import documentation


@pytest.mark.parametrize("subject", documentation.PLACES)
def test_a_subject_leads_to_a_heading_of_a_file_of_the_repository(subject: str) -> None:
    path, _, heading = documentation.PLACES[subject].partition("#")

    assert (manual.ROOT / path).is_file()
    assert not heading or heading in manual.anchors(manual.page(path).text)


@pytest.mark.parametrize("path", ["/", "/sources", "/names", "/series", "/explain"])
async def test_a_page_links_to_the_documentation_of_its_version(aiohttp_client: AiohttpClient, path: str) -> None:
    page = await (await Site().start(aiohttp_client)).open(path)

    address = documentation.documentation("documentation")
    assert address.startswith(
        f"https://github.com/dora-exporter/dora-exporter/blob/{'main' if 'dev' in __version__ else f'v{__version__}'}/"
    )
    assert page.links["Documentation"] == page.links[f"Documentation of {__version__}"] == address


@pytest.mark.parametrize("path", ["/", "/explain?service=checkout&environment=production"])
async def test_numbers_link_to_their_definitions(aiohttp_client: AiohttpClient, path: str) -> None:
    page = await (await Site([deployment(service="checkout", environment="production")]).start(aiohttp_client)).open(
        path
    )

    assert page.links["How the numbers are defined"] == documentation.documentation("metrics")


async def test_markdown_is_not_served(aiohttp_client: AiohttpClient) -> None:
    browser = await Site().start(aiohttp_client)

    assert (await browser.open("/readme")).status == 404
