import asyncio
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.exposition.worlds import World, odd_names

from dora_exporter.exposition import Format

Parse = Callable[[str], Iterable[Metric]]
DEPLOYMENTS = ("dora_deployments", "prod", "checkout")


def from_scratch(world: World) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(world)
    return registry


async def test_the_text_is_what_prometheus_client_renders_followed_by_the_daemons_own_families() -> None:
    world = odd_names()

    text = await world.text()

    assert text.startswith(generate_latest(from_scratch(world)))
    assert b"\ndora_exporter_build_info{" in text


async def test_openmetrics_is_what_prometheus_client_renders() -> None:
    world = odd_names()
    render, _ = choose_encoder("application/openmetrics-text; version=1.0.0")

    text = await world.text(Format.OPENMETRICS)

    assert text.startswith(render(from_scratch(world)).removesuffix(b"# EOF\n"))
    assert text.endswith(b"\n# EOF\n")
    assert text.count(b"\n# EOF\n") == 1


@pytest.mark.parametrize(("wanted", "parse"), [(Format.TEXT, parse_text), (Format.OPENMETRICS, parse_openmetrics)])
async def test_the_parser_of_the_format_reads_every_value(wanted: Format, parse: Parse) -> None:
    world = odd_names()

    parsed = {
        (sample.name, sample.labels["environment"], sample.labels.get("service") or sample.labels["team"]): sample.value
        for family in parse((await world.text(wanted)).decode())
        for sample in family.samples
        if "environment" in sample.labels
    }

    assert parsed == world.values


async def test_while_nothing_changes_a_scrape_gives_the_same_body() -> None:
    world = odd_names()
    first = await world.exposition.scrape(Format.TEXT, gzip=True)
    await world.text(Format.OPENMETRICS)

    assert await world.exposition.scrape(Format.TEXT, gzip=True) is first


async def test_a_change_is_in_the_next_scrape() -> None:
    world = World({("dora_deployments", "prod", "checkout"): 1})
    assert b'dora_deployments{environment="prod",service="checkout"} 1.0\n' in await world.text()

    world.values["dora_deployments", "prod", "checkout"] = 2

    assert b'dora_deployments{environment="prod",service="checkout"} 2.0\n' in await world.text()


async def test_a_dropped_group_leaves_the_exposition() -> None:
    world = World({("dora_deployments", "prod", "checkout"): 1})
    await world.text()

    del world.values["dora_deployments", "prod", "checkout"]
    world.series.drop(("prod", "checkout"))

    assert b"checkout" not in await world.text()


async def test_now_is_read_once_for_all_slices_of_a_scrape() -> None:
    world = World(slices=3)
    begun_at = world.now_ms

    await world.exposition.scrape(Format.TEXT, gzip=True)

    assert world.nows == [begun_at] * 4
    assert world.now_ms > begun_at


async def test_other_tasks_run_between_the_slices() -> None:
    world = World(slices=10)
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count_turns())
    await world.exposition.scrape(Format.TEXT, gzip=True)
    other.cancel()

    assert turns >= 10


async def test_scrapes_at_once_share_the_work() -> None:
    world = odd_names()
    world.slices = 5

    bodies = await asyncio.gather(*(world.exposition.scrape(Format.TEXT, gzip=True) for _ in range(4)))

    assert all(body is bodies[0] for body in bodies)


async def test_time_never_runs_backwards_between_scrapes_at_once() -> None:
    world = World(slices=5)

    await asyncio.gather(*(world.exposition.scrape(Format.TEXT, gzip=True) for _ in range(3)))

    assert world.nows == sorted(world.nows)


@pytest.mark.parametrize("wanted", list(Format))
async def test_names_select_families_of_both_kinds(wanted: Format) -> None:
    text = await odd_names().text(wanted, ["dora_deployments", "dora_exporter_build_info", "unknown"])

    families = {row.split()[2] for row in text.decode().splitlines() if row.startswith("# TYPE")}
    own = {Format.TEXT: "dora_exporter_build_info", Format.OPENMETRICS: "dora_exporter_build"}[wanted]
    assert families == {"dora_deployments", own}
    assert text.endswith(b"# EOF\n") is (wanted is Format.OPENMETRICS)


@pytest.mark.e2e
async def test_promtool_has_no_complaint() -> None:
    text = await odd_names().text()

    promtool = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    complaints = await promtool.communicate(text)

    assert (promtool.returncode, *complaints) == (0, b"", b"")


async def test_while_much_is_to_be_taken_over_a_scrape_gets_what_was_whole_last() -> None:
    world = World(values={DEPLOYMENTS: 1.0})
    before = await world.text()
    world.values[DEPLOYMENTS] = 2.0
    world.is_behind = True
    assert await world.text() == before
    await world.exposition.update()
    assert await world.text() != before


async def test_a_scrape_waits_only_so_long_for_what_is_left_to_do() -> None:
    world = World(values={DEPLOYMENTS: 1.0})
    before = await world.text()
    world.values[DEPLOYMENTS] = 2.0
    world.slices, world.seconds_per_slice = 100, 0.1
    assert await world.text() == before
    assert 80 <= world.slices <= 95
    await world.exposition.update()
    assert await world.text() != before


async def test_the_first_scrape_waits_however_long_it_takes() -> None:
    world = World(values={DEPLOYMENTS: 1.0}, slices=100, seconds_per_slice=1.0, is_behind=True)
    assert b"dora_deployments{" in await world.text()
