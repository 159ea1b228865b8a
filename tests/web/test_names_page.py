"""The page of the names that no entry of the configuration knows."""

from pytest_aiohttp import AiohttpClient
from tests.builders import HOUR_MS, NOW_MS, deployment, incident
from tests.web.site import Site

from dora_exporter.dora.catalogue.catalogue import Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.series.unmapped_names import LARGEST_LIST

MANY = 1200
HEADING = ["Name", "Kind", "Events", "Last event"]
KNOWN = Catalogue(
    (Entry("cart"), Entry("suffixes", aliases=("*-svc",), template=r"\1")),
    (Entry("live", aliases=("prod",)), Entry("review", aliases=("pr-*",), ignore=True)),
)


async def test_names_without_an_entry_are_listed_with_their_events(aiohttp_client: AiohttpClient) -> None:
    browser = await Site(
        [
            deployment(service="cart", environment="prod"),
            deployment(service="till-svc", environment="live"),
            deployment(service="<b>&", environment="staging", finished_at=NOW_MS - 3 * HOUR_MS),
            incident(
                services=("<b>&", "cart"), environment="prod",
                started_at=NOW_MS - 2 * HOUR_MS, finished_at=NOW_MS - HOUR_MS,
            ),
            incident(services=("cart", "cart-svc"), environment="staging", started_at=NOW_MS - 2 * HOUR_MS),
            deployment(service="ignored", environment="pr-7"),
            incident(services=("merged",), environment="merged", merged_into="another"),
        ],
        catalogue=KNOWN,
    ).start(aiohttp_client)  # fmt: skip

    page = await browser.open("/names")

    assert page.rows == [
        HEADING,
        ["staging", "environment", "2", "2025-06-15 13:06 2.0 h ago"],
        ["<b>&", "service", "2", "2025-06-15 14:06 1.0 h ago"],
    ]
    assert "All names without an entry" in page.text


async def test_of_many_names_the_most_frequent_are_listed(aiohttp_client: AiohttpClient) -> None:
    often = [deployment(id=f"often-{number}", service="often", environment="live") for number in range(2)]
    others = [deployment(service=f"name-{number:03}", environment="live") for number in range(LARGEST_LIST)]
    browser = await Site([*others, *often], catalogue=KNOWN).start(aiohttp_client)

    page = await browser.open("/names")

    names = [row[0] for row in page.rows[1:]]
    assert names == ["often", *(f"name-{number:03}" for number in range(LARGEST_LIST - 1))]
    assert f"The {LARGEST_LIST} most frequent of {LARGEST_LIST + 1} names without an entry" in page.text


async def test_where_every_name_has_an_entry_the_page_says_so(aiohttp_client: AiohttpClient) -> None:
    browser = await Site([deployment(service="cart", environment="prod")], catalogue=KNOWN).start(aiohttp_client)

    page = await browser.open("/names")

    assert (page.rows, "Every name has an entry" in page.text) == ([], True)


async def test_without_a_catalogue_nothing_is_listed(aiohttp_client: AiohttpClient) -> None:
    page = await (await Site([deployment()]).start(aiohttp_client)).open("/names")

    assert (page.rows, "No names are configured" in page.text) == ([], True)


async def test_the_page_of_the_sources_leads_to_it(aiohttp_client: AiohttpClient) -> None:
    browser = await Site().start(aiohttp_client)

    sources = await browser.open("/sources")

    assert (await browser.open(sources.links["Names without an entry"])).status == 200


async def test_the_most_frequent_of_thousands_is_found_wherever_it_came(aiohttp_client: AiohttpClient) -> None:
    records = [deployment(service=f"name-{number:04}", environment="live") for number in range(2 * MANY)]
    often = [deployment(id=f"often-{number}", service=f"name-{MANY:04}", environment="live") for number in range(2)]
    browser = await Site([*records, *often], catalogue=KNOWN).start(aiohttp_client)

    page = await browser.open("/names")

    assert [row[::2] for row in page.rows[1:3]] == [[f"name-{MANY:04}", "3"], ["name-0000", "1"]]
    assert f"The {LARGEST_LIST} most frequent of 2,400 names without an entry" in page.text
