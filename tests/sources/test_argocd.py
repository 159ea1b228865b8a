"""Argo CD's notifications, rendered from Datadog's ConfigMap: which are deployments, and what they are called."""

import json
import re
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.builders import MINUTE_MS, fields
from tests.sources.argocd_daemon import KEY, START_MS, UID, ArgoCdDaemon, a_daemon, application, workload
from tests.sources.argocd_notifications import notifications

from dora_exporter.dora.events import Deployment
from dora_exporter.runtime.timestamps import iso

PAGE = Path(__file__).parents[2] / "docs/sources/argocd.md"
V1, V2 = "registry.example/shop/checkout:v1", "registry.example/shop/checkout:v2"
MULTI = {"dd_multiservice": "true", "dd_env": "prod"}


def told(daemon: ArgoCdDaemon) -> tuple[str, str, str]:
    return daemon.told[0]


def versions(daemon: ArgoCdDaemon) -> list[tuple[str, str | None, str | None]]:
    """Service, version and outcome of what is held, in order of time."""
    in_order = sorted(daemon.deployments, key=lambda each: (each.started_at, each.service))
    return [(each.service, each.version, each.outcome) for each in in_order]


async def test_a_sync_is_a_deployment_of_what_its_annotations_say() -> None:
    annotations = {"dd_env": "prod", "dd_service": "checkout", "dd_customtags": "region:us1-east, team:backend"}
    async with a_daemon() as daemon:
        assert await daemon.notify(application(phase="Running", annotations=annotations)) == [202]
        assert daemon.deployments == []
        assert told(daemon)[1:] == ("ignored", "no deployment or incident in a state that counts")

        assert await daemon.notify(application(annotations=annotations)) == [202]
        (event,) = daemon.deployments
        assert (event.id, event.source) == (f"argocd:{UID}:{event.started_at}", "argocd")
        assert (event.service, event.environment, event.team) == ("checkout", "prod", "backend")
        assert (iso(event.started_at), iso(event.finished_at)) == (
            iso(START_MS + 60 * MINUTE_MS),
            iso(START_MS + 62 * MINUTE_MS),
        )
        assert (event.version, event.tags) == ("v1", ("region:us1-east", "team:backend"))
        assert (event.commit_sha, event.repository) == (None, None)
        assert told(daemon) == ("Succeeded, Healthy", "1 created", "")


async def test_the_config_map_of_the_manual_does_the_same() -> None:
    block = re.search(r"```yml\n(apiVersion: v1\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    async with a_daemon() as daemon:
        for phase in ("Running", "Succeeded"):
            (request,) = notifications(application(phase=phase), key=KEY, config_map=block[1])
            assert await daemon.post(request.body, request.headers, path=request.path) == 202
        assert versions(daemon) == [("shop", "v1", None)]


async def test_without_annotations_it_is_called_after_the_application() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application(), by_name=True)
        (event,) = daemon.deployments
        assert (event.service, event.environment, event.team, event.tags) == ("shop", "none", None, ())


async def test_the_settings_name_what_the_application_does_not() -> None:
    services = {"shop": {"service": "web", "environment": "eu", "team": "crew"}}
    async with a_daemon(services=services, environment="prod") as daemon:
        await daemon.notify(application())
        await daemon.notify(application(2, images=[V2], annotations={"dd_service": "x", "dd_customtags": "team:y"}))
        assert [(each.service, each.environment, each.team) for each in daemon.deployments] == [
            ("web", "eu", "crew"),
            ("x", "eu", "y"),
        ]


async def test_a_source_need_not_be_configured() -> None:
    async with a_daemon() as daemon:
        await daemon.sources.configure({}, daemon.context)
        assert await daemon.notify(application()) == [202]
        assert [each.source for each in daemon.deployments] == ["argocd"]
        assert [each.name for each in daemon.sources] == ["argocd"]


async def test_of_several_sources_the_path_names_one() -> None:
    async with a_daemon() as daemon:
        settings = daemon.running.settings
        await daemon.sources.configure({"argocd": settings, "other": settings}, daemon.context)
        assert await daemon.notify(application()) == [400]
        assert await daemon.notify(application(), by_name=True) == [200]
        assert [each.source for each in daemon.deployments] == ["argocd"]


async def test_without_a_key_a_notification_is_refused() -> None:
    async with a_daemon() as daemon:
        for request in notifications(application(), key="wrong"):
            assert await daemon.post(request.body, request.headers, path=request.path) == 403
        assert daemon.deployments == []


async def test_without_its_header_the_path_is_not_argo_cds() -> None:
    async with a_daemon() as daemon:
        (request,) = notifications(application(), key=KEY)
        assert await daemon.post(request.body, {"DD-API-KEY": KEY}, path=request.path) == 400
        assert daemon.deployments == []


STATES = [
    application(phase="Running", health="Degraded"),
    application(),
    application(health="Degraded", since=3),
    application(since=6),
    application(health="Degraded", since=100),
]


async def test_the_states_of_a_sync_in_any_order_are_one_event() -> None:
    found = []
    for order in permutations(STATES):
        async with a_daemon() as daemon:
            for app in order:
                await daemon.take_state(app)
            found.append(fields(daemon.deployments))
            assert versions(daemon) == [("shop", "v1", None)]
    assert all(each == found[0] for each in found)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(STATES), min_size=1, max_size=12).flatmap(lambda some: st.permutations([*some, *STATES])),
    st.data(),
)
async def test_any_order_any_repetition_and_restarts_between_give_one_event(
    order: list[dict[str, Any]], data: st.DataObject
) -> None:
    async with a_daemon() as daemon:
        for app in order:
            if data.draw(st.booleans()):
                await daemon.start()
            await daemon.take_state(app)
        assert versions(daemon) == [("shop", "v1", None)]
        assert daemon.deployments[0].revision == START_MS + 68 * MINUTE_MS


async def test_the_same_state_told_ten_times_is_written_once() -> None:
    async with a_daemon() as daemon:
        for _ in range(10):
            await daemon.notify(application())
        assert len(daemon.lines) == 1
        assert told(daemon) == ("Succeeded, Healthy", "1 unchanged", "")


@pytest.mark.parametrize("state", [{"phase": "Failed"}, {"phase": "Error"}, {"health": "Degraded"}])
async def test_what_fails_is_an_attempt(state: dict[str, Any]) -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application())
        await daemon.notify(application(2, images=[V1, V2], **state))
        assert versions(daemon) == [("shop", "v1", None), ("shop", "v2", "failed")]


@pytest.mark.parametrize("health", ["Progressing", "Suspended", "Missing", "Unknown", ""])
async def test_what_has_no_result_yet_is_no_deployment(health: str) -> None:
    async with a_daemon() as daemon:
        (request,) = notifications(application(), key=KEY)
        body = request.body.replace(b'"status": "Healthy"', f'"status": "{health}"'.encode())
        assert await daemon.post(body, request.headers) == 200
        assert told(daemon)[1:] == ("ignored", "no deployment or incident in a state that counts")
        assert daemon.deployments == []


async def test_health_that_is_lost_long_after_a_sync_changes_nothing() -> None:
    async with a_daemon(degraded_within="10m") as daemon:
        await daemon.notify(application())
        await daemon.notify(application(health="Degraded", since=11))
        assert told(daemon)[1:] == ("ignored", "a newer state is held")
        await daemon.notify(application(health="Degraded", since=10))
        assert versions(daemon) == [("shop", "v1", "failed")]


async def test_another_health_costs_a_deployment_no_commit_that_was_told_of_its_image() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application(health="Degraded"))
        (told_of,) = daemon.deployments
        await daemon.log.append([replace(told_of, repository="git.example/shop/checkout", commit_sha="a" * 40)])
        await daemon.notify(application(since=1))
        (event,) = daemon.deployments
        assert (event.outcome, event.repository, event.commit_sha) == (None, "git.example/shop/checkout", "a" * 40)


async def test_a_late_result_counts_where_there_is_no_other() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application(since=300))
        assert versions(daemon) == [("shop", "v1", None)]


async def test_a_sync_that_changed_no_image_is_no_deployment() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application())
        await daemon.start()
        await daemon.notify(application(2))
        assert told(daemon)[1:] == (
            "ignored",
            "no deployment or incident in a state that counts: no image changed",
        )
        await daemon.notify(application(3, images=[V2]))
        assert versions(daemon) == [("shop", "v1", None), ("shop", "v2", None)]


SYNCS = [application(1), application(2), application(3, revision="2".rjust(40, "c")), application(4, images=[V2])]


async def test_syncs_in_any_order_and_each_twice_are_counted_alike() -> None:
    for order in permutations(SYNCS):
        async with a_daemon() as daemon:
            for app in (*order, *order):
                await daemon.take_state(app)
            assert versions(daemon) == [("shop", "v1", None), ("shop", "v2", None)]


async def test_another_sync_of_one_revision_is_nothing_in_any_order() -> None:
    for order in permutations(SYNCS):
        async with a_daemon(count_unchanged_images=True) as daemon:
            for app in (*order, *order):
                await daemon.take_state(app)
            assert len(daemon.deployments) == 3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([V1, V2, "registry.example/shop/checkout:v3"]), min_size=1, max_size=8), st.data())
async def test_a_history_of_syncs_with_repetitions_counts_what_changed(images: list[str], data: st.DataObject) -> None:
    syncs = [application(number, images=[each]) for number, each in enumerate(images)]
    async with a_daemon() as daemon:
        for number, app in enumerate(syncs):
            if data.draw(st.booleans()):
                await daemon.start()
            for again in (app, *data.draw(st.lists(st.sampled_from(syncs[: number + 1]), max_size=3))):
                await daemon.take_state(again)
        changes = [each for number, each in enumerate(images) if number == 0 or each != images[number - 1]]
        assert [version for _, version, _ in versions(daemon)] == [each.rpartition(":")[2] for each in changes]


async def test_a_sync_that_changed_no_image_is_counted_where_that_is_asked_for() -> None:
    async with a_daemon(count_unchanged_images=True) as daemon:
        first = application()
        await daemon.notify(first)
        await daemon.notify(application(2))
        assert versions(daemon) == [("shop", "v1", None), ("shop", "2".rjust(40, "c"), None)]
        await daemon.notify(application(3, revision="2".rjust(40, "c")))
        assert told(daemon)[2].endswith(": neither the revision nor an image changed")
        assert len(daemon.deployments) == 2


@pytest.mark.parametrize("sync", [{"autoHealAttemptsCount": 1}, {"dryRun": True}])
@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_self_heal_and_dry_runs_are_nothing(sync: dict[str, object], phase: str) -> None:
    async with a_daemon(count_unchanged_images=True) as daemon:
        await daemon.notify(application())
        await daemon.notify(application(2, phase=phase, images=[V2], operation={"sync": sync}))
        assert told(daemon)[2].endswith(": self-heal, or a dry run")
        assert len(daemon.deployments) == 1


async def test_pods_that_are_about_to_end_are_no_news() -> None:
    """Also not when the version before comes back."""
    async with a_daemon() as daemon:
        await daemon.notify(application())
        await daemon.notify(application(2, images=[V1, V2]))
        await daemon.notify(application(3, images=[V2, V1]))
        await daemon.notify(application(4, images=[V1]))
        assert versions(daemon) == [("shop", "v1", None), ("shop", "v2", None), ("shop", "v1", None)]


async def test_going_back_from_what_was_degraded_is_a_deployment() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application())
        await daemon.notify(application(2, health="Degraded", images=[V2]))
        await daemon.notify(application(3, images=[V1]))
        assert versions(daemon) == [("shop", "v1", None), ("shop", "v2", "failed"), ("shop", "v1", None)]


async def test_a_second_try_of_what_was_degraded_is_a_deployment() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application())
        await daemon.notify(application(2, health="Degraded", images=[V2]))
        await daemon.notify(application(3, images=[V2]))
        assert versions(daemon) == [("shop", "v1", None), ("shop", "v2", "failed"), ("shop", "v2", None)]


def of_services(*names: str, version: str = "v2", **changes: object) -> list[dict[str, Any]]:
    return [{**workload(name, images=[f"registry.example/shop/{name}:{version}"]), **changes} for name in names]


@pytest.mark.parametrize("is_told", ["told", "not told"])
async def test_a_sync_that_changed_two_services_is_two_deployments(is_told: str) -> None:
    resources = [
        *of_services("cart", "checkout"),
        *of_services("search", version="v1", message="deployment.apps/search unchanged"),
        workload("checkout", kind="Service", message="service/checkout configured"),
        workload("migrate", kind="Job", hookType="PreSync"),
        workload("settings", kind="ConfigMap"),
    ]
    if is_told == "not told":
        resources = [{key: value for key, value in each.items() if key != "images"} for each in resources]
    images = [f"registry.example/shop/{each}" for each in ("cart:v2", "checkout:v2", "search:v1")]
    async with a_daemon() as daemon:
        for _ in range(2):
            await daemon.notify(application(annotations=MULTI, images=images, resources=resources))
        assert versions(daemon) == [("cart", "v2", None), ("checkout", "v2", None)]
        assert len({each.id for each in daemon.deployments}) == 2
        assert {each.environment for each in daemon.deployments} == {"prod"}

        await daemon.notify(
            application(
                2,
                annotations=MULTI,
                images=[*images[1:], images[0] + "1"],
                resources=of_services("cart", version="v21"),
            )
        )
        assert versions(daemon)[2:] == [("cart", "v21", None)]


async def test_labels_and_settings_name_the_services_of_workloads() -> None:
    label = {"tags.datadoghq.com/service": "basket"}
    resources = [
        *of_services("cart", labels=label),
        *of_services("web", metadata={"labels": {"tags.datadoghq.com/service": "storefront"}}),
        *of_services("search-v5"),
        workload("basket", kind="Service", labels=label),
    ]
    async with a_daemon(services={"search-v5": "search"}) as daemon:
        await daemon.notify(application(annotations=MULTI, resources=resources))
        assert versions(daemon) == [("basket", "v2", None), ("search", "v2", None), ("storefront", "v2", None)]


async def test_labels_may_be_among_the_resources_of_the_application_and_name_a_team() -> None:
    labels = {"tags.datadoghq.com/service": "basket", "team": "crew"}
    for key, value in (("labels", labels), ("metadata", {"labels": labels})):
        app = application(annotations=MULTI, resources=of_services("cart"))
        app["status"]["resources"] = [{"kind": "Deployment", "name": "other"}, {**workload("cart"), key: value}]
        async with a_daemon() as daemon:
            await daemon.notify(app)
            assert [(each.service, each.team) for each in daemon.deployments] == [("basket", "crew")]


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (["r.example/a:1", "r.example/b:2"], [("cart", "1".rjust(40, "c")), ("checkout", "1".rjust(40, "c"))]),
        (["r.example/cart:1", "r.example/b:2"], [("cart", "1"), ("checkout", "2")]),
        (["r.example/cart:1"], [("cart", "1")]),
    ],
)
async def test_images_that_are_called_like_no_service_may_be_of_those_without(
    images: list[str], expected: list[tuple[str, str]]
) -> None:
    async with a_daemon() as daemon:
        resources = [workload("cart"), workload("checkout")]
        await daemon.notify(application(annotations=MULTI, images=images, resources=resources))
        assert versions(daemon) == [(service, version, None) for service, version in expected]


async def test_an_application_with_very_many_workloads_is_taken() -> None:
    names = [f"svc-{number}" for number in range(1000)]
    images = [f"registry.example/shop/{name}:v2" for name in names]
    async with a_daemon() as daemon:
        app = application(annotations=MULTI, images=images, resources=of_services(*names))
        assert await daemon.notify(app) == [202]
        assert await daemon.notify(application(2, annotations=MULTI, images=images, resources=app_resources(app))) == [
            202
        ]
        assert len(daemon.deployments) == 100


def app_resources(app: dict[str, Any]) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = app["status"]["operationState"]["syncResult"]["resources"]
    return resources


async def test_without_workloads_several_services_are_one() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application(annotations={**MULTI, "dd_service": "all"}, resources=[]))
        assert versions(daemon) == [("all", "v1", None)]


async def test_of_several_images_the_one_that_is_called_like_the_service_is_its_version() -> None:
    images = ["proxy:9", "registry.example:5000/shop/checkout:v7", "registry.example/agent:1"]
    async with a_daemon() as daemon:
        await daemon.notify(application(images=images, annotations={"dd_service": "checkout"}))
        assert versions(daemon) == [("checkout", "v7", None)]


async def test_the_configurations_commit_is_never_taken_for_the_sources() -> None:
    async with a_daemon(count_unchanged_images=True) as daemon:
        for number, health in enumerate(("Healthy", "Degraded", "Healthy")):
            await daemon.notify(application(number, health=health, images=[]))
        assert [(each.commit_sha, each.repository, each.further) for each in daemon.deployments] == [
            (None, None, ())
        ] * 3
        told = [(each.upstream or {})["configuration"] for each in daemon.deployments]
        assert told == [[f"{number}".rjust(40, "c")] for number in range(3)]


async def test_a_commit_that_was_told_of_a_sync_outlives_its_next_notifications() -> None:
    async with a_daemon() as daemon:
        await daemon.notify(application())
        (event,) = daemon.deployments
        with_commit = {**{name: getattr(event, name) for name in event.__struct_fields__}, "commit_sha": "a" * 40}
        await daemon.log.append([Deployment(**with_commit)])
        await daemon.notify(application())
        assert [each.commit_sha for each in daemon.deployments] == ["a" * 40]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"nonsense", b'{"app": ', b"[" * 100_000])
async def test_what_holds_no_application_is_refused(body: bytes) -> None:
    async with a_daemon() as daemon:
        assert await daemon.post(body, {"DD-API-KEY": KEY}) == 400


BROKEN: list[Any] = [
    None,
    5,
    {},
    {"metadata": {"name": "a", "uid": 5}},
    application(startedAt="whenever"),
    application(finishedAt="whenever"),
    application(startedAt=None),
    {**application(), "metadata": {"name": "a", "uid": "a:b"}},
    {**application(), "metadata": {"name": "a", "uid": ""}},
    {**application(), "status": {"operationState": {"phase": ["x"], "startedAt": "x"}}},
]


@pytest.mark.parametrize("app", BROKEN)
async def test_an_application_that_is_malformed_is_counted_and_not_refused(app: object) -> None:
    async with a_daemon() as daemon:
        assert await daemon.post(json.dumps({"app": app}).encode(), {"DD-API-KEY": KEY}) == 200
        assert daemon.deployments == []
        assert daemon.running.health.items["quarantined"] == 1


async def test_an_application_that_was_never_synced_is_nothing() -> None:
    async with a_daemon() as daemon:
        body = json.dumps({"app": {**application(), "status": {}}}).encode()
        assert await daemon.post(body, {"DD-API-KEY": KEY}) == 200
        assert told(daemon)[1] == "ignored"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, item in inner for each in places(item, (*path, key)))]


def changed(value: object, path: tuple[str | int, ...], to: object) -> object:
    if not path:
        return to
    if isinstance(value, dict):
        return {key: changed(item, path[1:], to) if key == path[0] else item for key, item in value.items()}
    assert isinstance(value, list)
    return [changed(item, path[1:], to) if place == path[0] else item for place, item in enumerate(value)]


WHOLE = application(annotations={**MULTI, "dd_customtags": "a:b"}, resources=of_services("cart", labels={}))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(places(WHOLE)), _json), min_size=1, max_size=10))
async def test_an_application_with_anything_in_any_place_is_taken_or_counted(
    changes: list[tuple[tuple[str | int, ...], object]],
) -> None:
    async with a_daemon() as daemon:
        for path, value in changes:
            await daemon.take(json.dumps({"app": changed(WHOLE, path, value)}).encode())
