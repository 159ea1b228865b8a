"""What an alertmanager source makes of notifications, whatever their order."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import permutations
from time import process_time
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import ValidationError
from tests.builders import fields
from tests.sources.account import Account, an_account
from tests.sources.deliveries import delivery_head

from dora_exporter.dora.events import MINUTE_MS, Incident
from dora_exporter.sources.alertmanager.alert_history import SETTLING_MS
from dora_exporter.sources.alertmanager.matchers import parse_matcher
from dora_exporter.sources.alertmanager.settings import AlertmanagerSettings
from dora_exporter.sources.alertmanager.source import Alertmanager
from dora_exporter.web.application import application
from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.webhooks import endpoint

KEY = "key-of-an-alertmanager"
BEGAN = 1_749_990_000_000
PATH = "/webhooks/alertmanager"


def written(moment_ms: int | None) -> str:
    """A moment as Alertmanager writes it; the zero date for none."""
    if moment_ms is None:
        return "0001-01-01T00:00:00Z"
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z"


def alert(
    fingerprint: str = "f1", began: int = BEGAN, ended: int | None = None, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """An alert that fires, or that ended."""
    return {
        "status": "firing" if ended is None else "resolved",
        "labels": {"alertname": "Down", "service": "checkout", **(labels or {})},
        "annotations": {},
        "startsAt": written(began),
        "endsAt": written(ended),
        "generatorURL": "",
        "fingerprint": fingerprint,
    }


def notification(*alerts: dict[str, Any], group: str = "{}:{}") -> dict[str, Any]:
    """What Alertmanager sends about a group."""
    is_firing = any(each["status"] == "firing" for each in alerts)
    return {
        "version": "4",
        "groupKey": group,
        "truncatedAlerts": 0,
        "status": "firing" if is_firing else "resolved",
        "receiver": "dora",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": list(alerts),
    }


@asynccontextmanager
async def alerted(**settings: object) -> AsyncIterator[Account]:
    """A daemon with one alertmanager source."""
    async with an_account() as account:
        await account.sources.configure({"am": AlertmanagerSettings.model_validate(settings)}, account.context)
        yield account


async def notify(account: Account, *notifications: dict[str, Any]) -> None:
    for each in notifications:
        source = account.running.source
        assert isinstance(source, Alertmanager)
        sink = account.sources.sink(account.running)
        await source.ingest(delivery_head(received_ms=account.clock()), json.dumps(each).encode(), sink)


def spans(account: Account) -> list[tuple[int, int | None]]:
    """Beginning and end of each incident."""
    return sorted(((each.started_at, each.finished_at) for each in account.store.incidents.values()), key=str)


async def test_an_alert_opens_an_incident_and_its_end_closes_it() -> None:
    async with alerted() as account:
        labels = {"environment": "production", "severity": "critical", "team": "buyers"}
        await notify(account, notification(alert(labels=labels)))
        (incident,) = account.store.incidents.values()
        assert fields(incident) == fields(
            Incident(
                f"am:f1:{BEGAN}",
                ("checkout",),
                "production",
                BEGAN,
                name="Down",
                severity="critical",
                team="buyers",
                source="am",
            )
        )
        assert account.sources.open_items(account.running) == 1
        await notify(account, notification(alert(ended=BEGAN + MINUTE_MS, labels=labels)))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]
        assert account.items == {"created": 1, "updated": 1}


@pytest.mark.parametrize("ended", [BEGAN, BEGAN + MINUTE_MS])
@pytest.mark.parametrize("group", ["alert", "group"])
async def test_repeats_and_reordering_change_nothing(ended: int, group: str) -> None:
    firing, resolved = notification(alert()), notification(alert(ended=ended))
    for order in permutations((firing, resolved, firing, resolved)):
        async with alerted(group=group == "group") as account:
            account.clock.now_ms = ended + SETTLING_MS
            await notify(account, *order)
            assert spans(account) == [(BEGAN, ended)]


async def test_what_one_notification_says_twice_is_told_once() -> None:
    async with alerted() as account:
        ended = alert(ended=BEGAN + MINUTE_MS)
        await notify(account, notification(ended))
        await notify(account, notification(alert(), alert()))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS)]
        await notify(account, notification(alert()))
        assert spans(account) == [(BEGAN, None)]


async def test_an_alert_that_ended_before_it_began_lasted_no_time_and_is_counted_once() -> None:
    async with alerted() as account:
        turned_round = notification(alert(ended=BEGAN - MINUTE_MS))
        await notify(account, turned_round, turned_round)
        assert spans(account) == [(BEGAN, BEGAN)]
        assert account.running.health.ends_clamped == 1


async def test_an_alert_that_fires_anew_is_another_incident() -> None:
    async with alerted() as account:
        again = BEGAN + 10 * MINUTE_MS
        await notify(account, notification(alert(ended=BEGAN + MINUTE_MS)), notification(alert(began=again)))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS), (again, None)]


async def test_matchers_labels_and_the_environment_follow_the_settings() -> None:
    settings = {
        "matchers": ['severity=~"critical|page"', "silent!=yes", 'team!~"x.*"'],
        "labels": {"service": "app", "environment": "stage"},
        "environment": "production",
    }
    async with alerted(**settings) as account:
        await notify(
            account,
            notification(
                alert("a", labels={"severity": "critical", "app": "shop"}),
                alert("b", labels={"severity": "warning", "app": "shop"}),
                alert("c", labels={"severity": "page", "app": "shop", "silent": "yes"}),
                alert("d", labels={"severity": "page", "app": "shop", "team": "xy"}),
                alert("e", labels={"severity": "page", "app": "shop", "stage": "staging"}),
            ),
        )
        placed = {each.id: (each.services, each.environment) for each in account.store.incidents.values()}
        assert placed == {
            f"am:a:{BEGAN}": (("shop",), "production"),
            f"am:e:{BEGAN}": (("shop",), "staging"),
        }
        assert account.items == {"created": 2, "skipped": 3}


@pytest.mark.parametrize(
    "matcher",
    [
        "severity",
        'a="b',
        'a="b"c',
        'a=~"("',
        'a=~"b"c',
        'a=~"b" d="e"',
        "a b=c",
        "a,b=c",
        '""=c',
        '"a=b',
        "'a'=b",
        '"\\xff"=b',
        'a="\\ud800"',
        'a=~"(?=b)"',
        7,
    ],
)
async def test_a_wrong_matcher_is_refused(matcher: object) -> None:
    with pytest.raises(ValidationError):
        AlertmanagerSettings(matchers=(matcher,))


async def test_a_team_without_a_service_counts_in_the_team_and_neither_is_left_out() -> None:
    async with alerted() as account:
        bad_times = {**alert("c"), "startsAt": "0001-01-01T00:00:00Z"}
        await notify(
            account,
            notification(
                alert("a", labels={"service": "", "team": "buyers"}),
                alert("b", labels={"service": ""}),
                bad_times,
                {"status": "firing"},
            ),
        )
        assert [(each.services, each.team) for each in account.store.incidents.values()] == [((), "buyers")]
        assert account.items == {"created": 1, "quarantined": 3}


async def test_a_group_is_one_incident_until_none_of_its_alerts_fires() -> None:
    minute = [BEGAN + each * MINUTE_MS for each in range(10)]
    story = [
        notification(alert("a")),
        notification(alert("a"), alert("b", began=minute[1], labels={"service": "search"})),
        notification(alert("a", ended=minute[2]), alert("b", began=minute[1], labels={"service": "search"})),
        notification(alert("b", began=minute[1], ended=minute[3], labels={"service": "search"})),
        notification(alert("c", began=minute[6])),
    ]
    for order in permutations(story[:4]):
        async with alerted(group=True) as account:
            account.clock.now_ms = minute[6]
            await notify(account, *order, story[4], *order)
            assert spans(account) == [(BEGAN, minute[3]), (minute[6], None)]
            first = min(account.store.incidents.values(), key=lambda each: each.started_at)
            assert first.services == ("checkout", "search")


async def test_an_alert_that_ended_before_the_group_began_does_not_move_its_beginning() -> None:
    async with alerted(group=True) as account:
        await notify(account, notification(alert("a", BEGAN + 2 * MINUTE_MS)))
        await notify(account, notification(alert("old", ended=BEGAN + MINUTE_MS)))
        assert spans(account) == [(BEGAN + 2 * MINUTE_MS, None)]


async def test_groups_are_kept_apart_and_outlive_a_restart() -> None:
    async with alerted(group=True) as account:
        await notify(account, notification(alert("a"), group="one"), notification(alert("b"), group="two"))
        await account.start()
        await account.sources.configure({"am": AlertmanagerSettings(group=True)}, account.context)
        await notify(account, notification(alert("a", ended=BEGAN + MINUTE_MS), group="one"))
        assert spans(account) == [(BEGAN, BEGAN + MINUTE_MS), (BEGAN, None)]


@pytest.mark.parametrize(
    ("body", "headers", "path", "status"),
    [
        (notification(alert()), {"Authorization": f"Bearer {KEY}"}, PATH, 200),
        (notification(alert()), {"Authorization": f"Bearer {KEY}"}, f"{PATH}?source=am", 200),
        (notification(alert()), {"Authorization": f"Bearer {KEY}"}, f"{PATH}?source=other", 404),
        (notification(alert()), {"Authorization": "Bearer wrong"}, PATH, 403),
        (notification(alert()), {}, PATH, 403),
        ({"alerts": 3}, {"Authorization": f"Bearer {KEY}"}, PATH, 400),
    ],
)
async def test_who_may_notify_of_what(body: object, headers: dict[str, str], path: str, status: int) -> None:
    async with alerted() as account, _client(account) as client:
        async with client.post(path, json=body, headers=headers) as response:
            assert response.status == status
        assert len(account.store.incidents) == (status == 200)


async def test_what_is_nested_too_deeply_is_broken_or_left_out() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    whole = json.dumps(notification(alert("good")))
    headers = {"Authorization": f"Bearer {KEY}"}
    async with alerted() as account, _client(account) as client:
        for body, status in (
            (whole.replace('"version"', f'"x": {deep}, "version"'), 400),
            (whole.replace('"alerts": [', f'"alerts": [{{"fingerprint": "deep", "x": {deep}}}, '), 400),
            (f"\ufeff{whole}", 200),
        ):
            async with client.post(PATH, data=body, headers=headers) as response:
                assert response.status == status
        assert list(account.store.incidents) == [f"am:good:{BEGAN}"]


@pytest.mark.parametrize(
    ("matcher", "label", "value"),
    [
        ('"service.name"="shop"', "service.name", "shop"),
        ("service.name=shop", "service.name", "shop"),
        ('{"service.name"="shop"}', "service.name", "shop"),
        (' "service name" = "sh op" ', "service name", "sh op"),
        ('"dienst.größe"="groß 🙂"', "dienst.größe", "groß 🙂"),
        ("🙂=x", "🙂", "x"),
        ("1a=b", "1a", "b"),
        (r'"a\"b\\c"="d\"e"', 'a"b\\c', 'd"e'),
        (r'"a=~\"b"="x\ty\n"', 'a=~"b', "x\ty\n"),
        (r'"\u00e9\xc3\xa9\303\251\U0001F642"=x', "ééé🙂", "x"),
        ('"service.name"=""', "service.name", ""),
        ('"service.name"=', "service.name", ""),
        (r'"service.name"=~"v\d+"', "service.name", "v12"),
        (r'"service.name"=~"v\\d+"', "service.name", "v12"),
        ('"service.name"=~"shop|basket"', "service.name", "basket"),
    ],
)
def test_a_matcher_may_name_any_label(matcher: str, label: str, value: str) -> None:
    assert parse_matcher(matcher).matches({label: value})
    assert not parse_matcher(matcher).matches({label: "something else"})
    opposite = matcher.replace("=~", "!~", 1) if '"=~"' in matcher else matcher.replace("=", "!=", 1)
    if "a=~" not in matcher:
        assert not parse_matcher(opposite).matches({label: value})


@pytest.mark.parametrize(
    "text",
    ['"a.b"=~"x|y,z","c"!="d"', '{a.b=~"x|y,z", c!=d}', 'a.b=~"x|y,z",c!="d",', ' { a.b =~ "x|y,z" , c != "d", } '],
)
def test_several_matchers_in_one_text_must_all_hold(text: str) -> None:
    matcher = parse_matcher(text)
    assert matcher.matches({"a.b": "y,z"})
    assert not matcher.matches({"a.b": "y,z", "c": "d"})
    assert not matcher.matches({"a.b": "y"})


@pytest.mark.usefixtures("no_garbage_search")
def test_a_matcher_takes_no_longer_for_a_value_that_is_made_for_that() -> None:
    matcher = parse_matcher('team=~"(a+)+b"')
    began = process_time()
    assert not matcher.matches({"team": "a" * 100_000})
    assert process_time() - began < 1


@pytest.mark.usefixtures("no_garbage_search")
async def test_a_large_group_is_told_again_in_no_time() -> None:
    alerts = [alert(f"f{number}") for number in range(5000)]
    async with alerted(group=True) as account:
        await notify(account, notification(*alerts))
        began = process_time()
        await notify(account, notification(*alerts))
        assert process_time() - began < 1
        assert len(account.store.incidents) == 1


async def test_a_large_notification_is_taken_a_few_alerts_at_a_time() -> None:
    async with alerted() as account:
        await notify(account, notification(*(alert(f"f{number}") for number in range(3000))))
        assert len(account.store.incidents) == 3000
        assert account.log.largest_append < 1500


async def test_several_sources_must_be_named_and_a_full_disk_is_503() -> None:
    async with alerted() as account, _client(account) as client:
        headers = {"Authorization": f"Bearer {KEY}"}
        account.log.is_full = True
        async with client.post(PATH, json=notification(alert()), headers=headers) as response:
            assert response.status == 503
        account.log.is_full = False
        both = {"am": AlertmanagerSettings(), "other": AlertmanagerSettings()}
        await account.sources.configure(both, account.context)
        async with client.post(PATH, json=notification(alert()), headers=headers) as response:
            assert response.status == 400
        async with client.post(f"{PATH}?source=other", json=notification(alert()), headers=headers) as response:
            assert response.status == 200
        assert list(account.store.incidents) == [f"other:f1:{BEGAN}"]


@asynccontextmanager
async def _client(account: Account) -> AsyncIterator[TestClient[Any, Any]]:
    access = Access(api_keys=[KEY])
    routes = endpoint.routes(
        sources=account.sources, context=lambda: account.context, may_write=access.holds_key, clock=account.clock
    )
    async with TestClient(TestServer(application(routes=routes, operations=(), access=access))) as client:
        yield client
