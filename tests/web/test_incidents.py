from typing import Any

import pytest
from tests.builders import fields
from tests.web.running import NOW, SHA, Api, incident

from dora_exporter.dora.derived_ids import former_incident_id
from dora_exporter.dora.events import DAY_MS, Incident
from dora_exporter.dora.records import Deletion

SECONDS = NOW // 1000
_UNIX = "a Unix time in seconds, milliseconds or nanoseconds"
_FRACTION = "invalid type number with a fraction or an exponent, expected integer"


async def test_an_incident_is_kept_as_it_was_sent(api: Api) -> None:
    given = incident(
        id="incident-of-the-day",
        services=["web", "cart", "web"],
        team="shop",
        env="prod",
        name="Checkout is\nslow",
        severity="SEV-1",
        version="7",
        finished_at=NOW - 1,
        git={"commit_sha": SHA, "repository_url": "git@github.com:acme/shop.git"},
        custom_tags=["a:b"],
    )
    assert await api.fail(**given) == (200, {"data": {"id": "incident-of-the-day", "type": "dora_failure"}})
    assert fields(api.log.records) == fields(
        [
            Incident(
                id="incident-of-the-day",
                services=("cart", "web"),
                environment="prod",
                started_at=NOW - 60_000,
                finished_at=NOW - 1,
                name="Checkout is\nslow",
                severity="SEV-1",
                team="shop",
                version="7",
                commit_sha=SHA,
                repository="github.com/acme/shop",
                tags=("a:b",),
            )
        ]
    )


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ({"commit_sha": SHA}, {"commit_sha": SHA, "repository_id": None, "repository_url": None}),
        (
            {"repository": "github.com/acme/shop"},
            {
                "commit_sha": None,
                "repository_id": "github.com/acme/shop",
                "repository_url": "https://github.com/acme/shop",
            },
        ),
    ],
)
async def test_of_the_code_what_is_known_is_shown(
    api: Api, known: dict[str, str], shown: dict[str, str | None]
) -> None:
    api.store.apply(Incident("one", ("checkout",), "prod", NOW - 1, **known))  # type: ignore[arg-type]
    _, answer = await api.send("GET", "/api/v2/dora/failures/one")
    assert answer["data"]["attributes"]["git"] == shown


async def test_it_is_shown_with_the_names_of_the_api(api: Api) -> None:
    git = {"commit_sha": SHA, "repository_url": "git@github.com:acme/shop.git"}
    await api.fail(**incident(id="incident-of-the-day", finished_at=NOW, git=git, severity="High"))
    shown = {
        "services": ["checkout"],
        "env": "none",
        "started_at": "2027-01-15T07:59:00Z",
        "finished_at": "2027-01-15T08:00:00Z",
        "time_to_restore": 60.0,
        "source": "api",
        "severity": "High",
        "git": {
            "commit_sha": SHA,
            "repository_id": "github.com/acme/shop",
            "repository_url": "https://github.com/acme/shop",
        },
    }
    found = {"id": "incident-of-the-day", "type": "dora_failure", "attributes": shown}
    assert await api.send("GET", "/api/v2/dora/failures/incident-of-the-day") == (200, {"data": found})
    asked = {"data": {"type": "dora_failures_list_request"}}
    assert await api.send("POST", "/api/v2/dora/failures", json=asked) == (200, {"data": [found]})


async def test_its_beginning_and_its_end_meet_without_an_id(api: Api) -> None:
    began = await api.fail(**incident(services=["web", "cart"], team="shop"))
    ended = await api.fail(**incident(services=["cart", "web"], team="shop", finished_at=NOW, name="it broke"))
    assert began == ended
    assert [each.finished_at for each in api.store.incidents.values()] == [NOW]


@pytest.mark.parametrize(("first", "second"), [(None, "shop"), ("shop", None), ("shop", "till"), ("", "shop")])
async def test_a_team_that_only_one_report_names_makes_no_second_incident(
    api: Api, first: str | None, second: str | None
) -> None:
    began = await api.fail(**incident(team=first))
    ended = await api.fail(**incident(team=second, finished_at=NOW))
    assert began == ended
    assert [(each.team, each.finished_at) for each in api.store.incidents.values()] == [(second, NOW)]


async def test_an_incident_begun_under_an_earlier_version_is_ended_under_its_id(api: Api) -> None:
    facts: dict[str, Any] = {
        "services": ("checkout",),
        "team": "shop",
        "environment": "none",
        "started_at": NOW - 60_000,
    }
    api.store.apply(Incident(former_incident_id(**facts), **facts))
    await api.fail(**incident(team="shop", finished_at=NOW))
    assert [each.finished_at for each in api.store.incidents.values()] == [NOW]


async def test_two_incidents_of_two_teams_without_services_are_two(api: Api) -> None:
    for team in ("shop", "till"):
        await api.fail(**incident(services=None, team=team))
    assert len(api.store.incidents) == 2


@pytest.mark.parametrize(
    "other", [{"services": ["cart"]}, {"services": ["cart", "checkout"]}, {"env": "prod"}, {"started_at": SECONDS - 61}]
)
async def test_two_different_incidents_are_two(api: Api, other: dict[str, Any]) -> None:
    await api.fail(**incident())
    await api.fail(**incident(**other))
    assert len(api.store.incidents) == 2


async def test_a_report_without_an_end_opens_it_again(api: Api) -> None:
    await api.fail(**incident(finished_at=NOW))
    await api.fail(**incident())
    assert [each.finished_at for each in api.store.incidents.values()] == [None]


async def test_the_old_path_and_the_old_shape_still_work(api: Api) -> None:
    old = {"data": {"attributes": {"service": "checkout", "started_at": SECONDS, "env": "prod"}}}
    status, answer = await api.send("POST", "/api/v2/dora/incident", json=old)
    assert (status, answer["data"]["type"]) == (200, "dora_failure")
    assert [each.services for each in api.store.incidents.values()] == [("checkout",)]


_RESERVED = 'must not be "_other", which is reserved for the series beyond the limit'


async def test_the_first_moment_of_the_year_2000_is_an_incidents_time(api: Api) -> None:
    assert (await api.fail(**incident(started_at=946_684_800)))[0] == 200
    assert [each.started_at for each in api.store.incidents.values()] == [946_684_800_000]


async def test_what_is_just_within_its_limits_is_taken_as_it_is(api: Api) -> None:
    services = sorted(f"{number:0200}" for number in range(1000))
    status, _ = await api.fail(**incident(services=services, name="n" * 4000, severity="s" * 1000, team="t" * 200))
    assert status == 200
    (held,) = api.store.incidents.values()
    assert (list(held.services), held.name, held.severity, held.team) == (
        services,
        "n" * 4000,
        "s" * 1000,
        "t" * 200,
    )


async def test_a_team_is_enough(api: Api) -> None:
    assert (await api.fail(**incident(services=None, team="shop")))[0] == 200
    assert [each.services for each in api.store.incidents.values()] == [()]


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        ({"services": None}, 'attribute "services" or team is required'),
        ({"services": []}, 'attribute "services" or team is required'),
        ({"services": None, "team": ""}, 'attribute "services" or team is required'),
        ({"services": [""]}, 'attribute "services" must not be empty'),
        ({"services": ["a" * 201]}, 'attribute "services" must not be longer than 200 characters'),
        ({"services": [f"s{n}" for n in range(1001)]}, 'attribute "services" must not have more than 1000 services'),
        ({"services": "web"}, 'error decoding attribute "services": invalid type string, expected array or null'),
        ({"services": None, "service": ""}, 'attribute "service" must not be empty'),
        ({"started_at": None}, 'attribute "started_at" is required'),
        ({"started_at": SECONDS + 601}, 'attribute "started_at" is more than 10 minutes ahead of the clock'),
        ({"finished_at": SECONDS - 61}, 'attribute "finished_at" must not be before started_at'),
        (
            {"finished_at": 1.5},
            f'error decoding attribute "finished_at": {_FRACTION} or null: {_UNIX}',
        ),
        ({"started_at": 10**9, "finished_at": 10**9}, 'attribute "finished_at" is older than the retention'),
        ({"started_at": 0}, 'attribute "started_at" is before the year 2000'),
        ({"finished_at": 0}, 'attribute "finished_at" is before the year 2000'),
        ({"services": ["web", "_other"]}, f'attribute "services" {_RESERVED}'),
        ({"services": None, "service": "_other"}, f'attribute "service" {_RESERVED}'),
        ({"services": None, "team": "_other"}, f'attribute "team" {_RESERVED}'),
        ({"env": "_other"}, f'attribute "env" {_RESERVED}'),
        ({"id": "short"}, 'attribute "id" must be 16 to 128 characters of A-Z a-z 0-9 - _ . :'),
        ({"name": "a" * 4001}, 'attribute "name" must not be longer than 4000 characters'),
        (
            {"severity": "\x7f"},
            'attribute "severity" must not contain control characters',
        ),
    ],
)
async def test_what_is_wrong_is_named(api: Api, attributes: dict[str, Any], detail: str) -> None:
    given = {name: value for name, value in {**incident(), **attributes}.items() if value is not None}
    problem = {"status": "400", "title": "Bad Request", "detail": detail}
    assert await api.fail(**given) == (400, {"errors": [problem]})
    assert api.log.records == []


async def test_an_open_incident_is_never_too_old(api: Api) -> None:
    assert (await api.fail(**incident(started_at=SECONDS - 500 * DAY_MS // 1000)))[0] == 200


async def test_the_end_of_a_held_incident_is_never_too_old(api: Api) -> None:
    await api.fail(**incident())
    api.now += 500 * DAY_MS
    assert (await api.fail(**incident(finished_at=NOW)))[0] == 200
    assert (await api.fail(**incident(services=["unheard of"], finished_at=NOW)))[0] == 400


async def test_a_null_end_is_open(api: Api) -> None:
    assert (
        await api.send(
            "POST", "/api/v2/dora/failure", json={"data": {"attributes": {**incident(), "finished_at": None}}}
        )
    )[0] == 200
    assert [each.finished_at for each in api.store.incidents.values()] == [None]


async def test_an_incident_is_deleted_by_the_singular_path(api: Api) -> None:
    api.store.apply(Incident("pagerduty:1", ("web",), "prod", NOW, source="pagerduty"))
    assert await api.send("DELETE", "/api/v2/dora/failure/pagerduty:1") == (202, None)
    assert api.log.records == [Deletion("incident", "pagerduty:1", NOW, "pagerduty")]
    assert (await api.send("DELETE", "/api/v2/dora/failure/pagerduty:1"))[0] == 404
    assert (await api.send("GET", "/api/v2/dora/failures/pagerduty:1"))[0] == 404
