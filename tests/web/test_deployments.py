import json
from codecs import BOM_UTF8
from typing import Any

import pytest
from tests.builders import fields
from tests.web.running import NOW, SHA, Api, deployment

from dora_exporter.dora.events import DAY_MS, Checkout, Commit, Deployment
from dora_exporter.dora.records import Deletion

SECONDS = NOW // 1000
UNIX = ": a Unix time in seconds, milliseconds or nanoseconds"
_FRACTION = "invalid type number with a fraction or an exponent, expected integer"
URL = "https://github.com/acme/shop"


def said(detail: str) -> tuple[int, Any]:
    return 400, {"errors": [{"status": "400", "title": "Bad Request", "detail": detail}]}


async def test_a_deployment_is_kept_as_it_was_sent(api: Api) -> None:
    given = deployment(
        id="deployment-of-the-day",
        env="prod",
        version="1.10",
        team="web",
        git={"commit_sha": SHA.upper(), "repository_url": "https://user:secret@github.com/acme/shop.git?a#b"},
        custom_tags=["language:python", "loose", ""],
        unknown={"is": "ignored"},
    )
    assert await api.deploy(**given) == (200, {"data": {"id": "deployment-of-the-day", "type": "dora_deployment"}})
    assert fields(api.log.records) == fields(
        [
            Deployment(
                id="deployment-of-the-day",
                service="checkout",
                environment="prod",
                started_at=NOW - 60_000,
                finished_at=NOW - 30_000,
                version="1.10",
                commit_sha=SHA,
                repository="github.com/acme/shop",
                team="web",
                tags=("language:python", "loose"),
            )
        ]
    )


CONFIG = {"commit_sha": "c" * 40, "repository_url": "https://github.com/acme/config"}
CODE = {"commit_sha": SHA, "repository_url": URL}


async def test_a_deployment_of_several_repositories_is_one(api: Api) -> None:
    given = deployment(id="deployment-of-the-day", git=[CODE, CONFIG])
    assert (await api.deploy(**given))[0] == 200
    held = api.store.deployments["deployment-of-the-day"]
    assert (held.repository, held.commit_sha) == ("github.com/acme/shop", SHA)
    assert held.further == (Checkout("github.com/acme/config", "c" * 40),)
    shown = (await api.send("GET", "/api/v2/dora/deployments/deployment-of-the-day"))[1]["data"]["attributes"]
    assert shown["git"] == {"commit_sha": SHA, "repository_id": "github.com/acme/shop"}
    assert shown["further_git"] == [{"commit_sha": "c" * 40, "repository_id": "github.com/acme/config"}]
    for query in (f"git.commit_sha:{'c' * 40}", "repository_id:github.com/acme/config", f"commit_sha:{SHA}"):
        assert await api.list_deployments(query=query) == ["deployment-of-the-day"]


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ({"commit_sha": SHA}, {"commit_sha": SHA, "repository_id": None}),
        ({"repository": "github.com/acme/shop"}, {"commit_sha": None, "repository_id": "github.com/acme/shop"}),
    ],
)
async def test_of_the_code_what_is_known_is_shown(
    api: Api, known: dict[str, str], shown: dict[str, str | None]
) -> None:
    api.store.apply(Deployment("one", "checkout", "prod", NOW - 2, NOW - 1, **known))  # type: ignore[arg-type]
    _, answer = await api.send("GET", "/api/v2/dora/deployments/one")
    assert answer["data"]["attributes"]["git"] == shown


@pytest.mark.parametrize("git", [CODE, [CODE], [CODE, CODE]])
async def test_a_list_of_one_repository_is_as_good_as_that_repository(api: Api, git: object) -> None:
    given = deployment(id="deployment-of-the-day", git=git)
    await api.deploy(**given)
    shown = (await api.send("GET", "/api/v2/dora/deployments/deployment-of-the-day"))[1]["data"]["attributes"]
    assert shown["git"] == {"commit_sha": SHA, "repository_id": "github.com/acme/shop"}
    assert "further_git" not in shown


async def test_an_empty_list_of_repositories_is_none(api: Api) -> None:
    await api.deploy(**deployment(id="deployment-of-the-day", git=[]))
    held = api.store.deployments["deployment-of-the-day"]
    assert (held.repository, held.commit_sha, held.further) == (None, None, ())


async def test_the_commits_of_all_repositories_tell_deployments_apart(api: Api) -> None:
    ids = [
        (await api.deploy(**deployment(git=git)))[1]["data"]["id"]
        for git in (CODE, [CODE], [CODE, CONFIG], [CODE, {**CONFIG, "commit_sha": "d" * 40}], [CODE, CONFIG])
    ]
    assert ids[0] == ids[1]
    assert ids[2] == ids[4]
    assert len({*ids}) == 3


@pytest.mark.parametrize(
    ("git", "detail"),
    [
        (
            [CODE, {**CODE, "commit_sha": "c" * 40}],
            '"git[1].repository_url" is listed twice, with different commit_sha',
        ),
        ([CODE, {"commit_sha": "c", "repository_url": URL}], '"git[1].commit_sha" must be 40 or more'),
        ([CODE, {"commit_sha": "c" * 40}], '"git[1].repository_url" is required'),
        ([{**CODE, "repository_url": f"{URL}{number}"} for number in range(21)], '"git" must not have more than 20'),
        ([CODE, "text"], '"git[1]"'),
        ("text", '"git"'),
    ],
)
async def test_a_list_of_repositories_that_is_wrong_is_refused(api: Api, git: object, detail: str) -> None:
    status, body = await api.deploy(**deployment(git=git))
    assert status == 400
    assert detail in body["errors"][0]["detail"]


async def test_it_is_shown_with_the_names_of_the_api(api: Api) -> None:
    git = {"commit_sha": SHA, "repository_url": URL}
    await api.deploy(**deployment(id="deployment-of-the-day", version="7", git=git, finished_at=NOW - 29_500))
    shown = {
        "service": "checkout",
        "env": "none",
        "version": "7",
        "started_at": "2027-01-15T07:59:00Z",
        "finished_at": "2027-01-15T07:59:30.500Z",
        "duration": 30.5,
        "source": "api",
        "change_failure": None,
        "git": {"commit_sha": SHA, "repository_id": "github.com/acme/shop"},
    }
    found = {"id": "deployment-of-the-day", "type": "dora_deployment", "attributes": shown}
    assert await api.send("GET", "/api/v2/dora/deployments/deployment-of-the-day") == (200, {"data": found})
    asked = {"data": {"type": "dora_deployments_list_request"}}
    assert await api.send("POST", "/api/v2/dora/deployments", json=asked) == (200, {"data": [found]})


async def test_the_same_request_sent_twice_is_one_event(api: Api) -> None:
    given = deployment(version="1", git={"commit_sha": SHA, "repository_url": URL})
    assert await api.deploy(**given) == await api.deploy(**given)
    assert len(api.store.deployments) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"service": "cart"},
        {"env": "prod"},
        {"started_at": SECONDS - 61},
        {"finished_at": NOW - 29_999},
        {"version": "2"},
        {"git": {"commit_sha": SHA[::-1], "repository_url": URL}},
    ],
)
async def test_two_different_deployments_in_one_second_are_two(api: Api, other: dict[str, Any]) -> None:
    given = deployment(version="1", git={"commit_sha": SHA, "repository_url": URL})
    await api.deploy(**given)
    await api.deploy(**{**given, **other})
    assert len(api.store.deployments) == 2


@pytest.mark.parametrize(
    "same",
    [
        {"env": "none"},
        {"env": ""},
        {"started_at": (SECONDS - 60) * 1000},
        {"started_at": (SECONDS - 60) * 10**9 + 499_999},
        {"git": {"commit_sha": SHA.upper(), "repository_url": URL}},
        {"team": "web"},
    ],
)
async def test_the_identity_is_taken_after_normalising(api: Api, same: dict[str, Any]) -> None:
    given = deployment(git={"commit_sha": SHA, "repository_url": URL})
    assert await api.deploy(**given) == await api.deploy(**{**given, **same})


@pytest.mark.parametrize(
    ("time", "kept"),
    [
        (946_684_799, None),  # the last second before the year 2000
        (946_684_800, 946_684_800_000),
        (946_684_799_999, None),
        (946_684_800_000, 946_684_800_000),
        (946_684_800_000 * 10**6 - 500_001, None),
        (946_684_800_000 * 10**6 - 500_000, 946_684_800_000),
        (99_999_999_999, None),  # seconds, and far ahead
        (100_000_000_000, None),  # milliseconds, and long ago
        (99_999_999_999_999, None),  # milliseconds, and far ahead
        (10**14, None),
        (10**17 - 1, None),
        (SECONDS, NOW),
        (NOW - 1, NOW - 1),
        (NOW * 10**6, NOW),
        (NOW * 10**6 - 500_001, NOW - 1),
        (NOW * 10**6 - 500_000, NOW),
        (10**17, None),  # nanoseconds, and long ago
    ],
)
async def test_the_size_of_a_time_says_its_unit(api: Api, time: int, kept: int | None) -> None:
    status, _ = await api.deploy(**deployment(started_at=time, finished_at=SECONDS, id="x" * 16))
    assert status == (400 if kept is None else 200)
    assert [each.started_at for each in api.store.deployments.values()] == ([] if kept is None else [kept])


_UNIT = "is not a Unix time in seconds, milliseconds or nanoseconds"


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        ({"service": None}, 'attribute "service" is required'),
        ({"service": ""}, 'attribute "service" must not be empty'),
        ({"service": "a" * 201}, 'attribute "service" must not be longer than 200 characters'),
        (
            {"service": "a\nb"},
            'attribute "service" must not contain control characters',
        ),
        (
            {"env": "a\x00"},
            'attribute "env" must not contain control characters',
        ),
        ({"service": 7}, 'error decoding attribute "service": invalid type number, expected string'),
        ({"env": ["prod"]}, 'error decoding attribute "env": invalid type array, expected string or null'),
        ({"env": "a" * 201}, 'attribute "env" must not be longer than 200 characters'),
        ({"started_at": None}, 'attribute "started_at" is required'),
        ({"finished_at": None}, 'attribute "finished_at" is required'),
        ({"started_at": "1"}, 'error decoding attribute "started_at": invalid type string, expected integer' + UNIX),
        ({"started_at": True}, 'error decoding attribute "started_at": invalid type bool, expected integer' + UNIX),
        (
            {"started_at": 1.7e21},
            f'error decoding attribute "started_at": {_FRACTION}{UNIX}',
        ),
        (
            {"finished_at": float(SECONDS)},
            f'error decoding attribute "finished_at": {_FRACTION}{UNIX}',
        ),
        ({"started_at": float("nan")}, 'attribute "started_at" must not be NaN'),
        ({"finished_at": float("-inf")}, 'attribute "finished_at" must not be -Infinity'),
        ({"started_at": -1}, 'attribute "started_at" must not be negative'),
        ({"started_at": 0}, 'attribute "started_at" is before the year 2000'),
        ({"started_at": 946_684_799}, 'attribute "started_at" is before the year 2000'),
        ({"finished_at": 0}, 'attribute "finished_at" is before the year 2000'),
        ({"started_at": 99_999_999_999}, 'attribute "started_at" is more than 10 minutes ahead of the clock'),
        ({"started_at": 10**11}, 'attribute "started_at" is before the year 2000'),
        ({"started_at": 10**14 - 1}, 'attribute "started_at" is more than 10 minutes ahead of the clock'),
        ({"started_at": 10**17}, 'attribute "started_at" is before the year 2000'),
        (
            {"service": "_other"},
            'attribute "service" must not be "_other", which is reserved for the series beyond the limit',
        ),
        (
            {"env": "_other"},
            'attribute "env" must not be "_other", which is reserved for the series beyond the limit',
        ),
        (
            {"team": "_other"},
            'attribute "team" must not be "_other", which is reserved for the series beyond the limit',
        ),
        ({"started_at": 10**14}, f'attribute "started_at" {_UNIT}'),
        ({"started_at": 10**17 - 1}, f'attribute "started_at" {_UNIT}'),
        ({"started_at": SECONDS + 601}, 'attribute "started_at" is more than 10 minutes ahead of the clock'),
        ({"finished_at": NOW + 600_001}, 'attribute "finished_at" is more than 10 minutes ahead of the clock'),
        ({"finished_at": 10**19}, 'attribute "finished_at" is more than 10 minutes ahead of the clock'),
        ({"finished_at": 10**30}, f'attribute "finished_at" {_UNIT}'),
        (
            {"commits": [{"sha": SHA, "timestamp": 253_402_300_799 * 10**9}]},
            f'attribute "commits[0].timestamp" {_UNIT}',
        ),
        ({"finished_at": SECONDS - 61}, 'attribute "finished_at" must not be before started_at'),
        ({"started_at": 10**9, "finished_at": 10**9}, 'attribute "finished_at" is older than the retention'),
        ({"id": "fifteen-letters"}, 'attribute "id" must be 16 to 128 characters of A-Z a-z 0-9 - _ . :'),
        ({"id": "a" * 129}, 'attribute "id" must be 16 to 128 characters of A-Z a-z 0-9 - _ . :'),
        ({"id": "sixteen-letters!"}, 'attribute "id" must be 16 to 128 characters of A-Z a-z 0-9 - _ . :'),
        ({"id": "sixteen-letters-\n"}, 'attribute "id" must be 16 to 128 characters of A-Z a-z 0-9 - _ . :'),
        ({"id": ""}, 'attribute "id" must be 16 to 128 characters of A-Z a-z 0-9 - _ . :'),
        ({"git": {"repository_url": URL}}, 'attribute "git.commit_sha" is required'),
        ({"git": {"commit_sha": SHA}}, 'attribute "git.repository_url" is required'),
        (
            {"git": {"commit_sha": SHA[1:], "repository_url": URL}},
            'attribute "git.commit_sha" must be 40 or more (at most 128) hexadecimal digits',
        ),
        (
            {"git": {"commit_sha": SHA + "g", "repository_url": URL}},
            'attribute "git.commit_sha" must be 40 or more (at most 128) hexadecimal digits',
        ),
        ({"git": {"commit_sha": SHA, "repository_url": ""}}, 'attribute "git.repository_url" must not be empty'),
        ({"git": "x"}, 'error decoding attribute "git": invalid type string, expected object or array or null'),
        ({"custom_tags": ["a:b"] * 101}, 'attribute "custom_tags" must not have more than 100 tags'),
        ({"custom_tags": ["a:b"] * 100_001}, 'attribute "custom_tags" must not have more than 100 tags'),
        ({"custom_tags": "a:b"}, 'error decoding attribute "custom_tags": invalid type string, expected array or null'),
        (
            {"custom_tags": ["a", None]},
            'error decoding attribute "custom_tags[1]": invalid type null, expected string',
        ),
        ({"commits": [{"sha": SHA}]}, 'attribute "commits[0].timestamp" is required'),
        (
            {"commits": [{"sha": "abc", "timestamp": 1}]},
            'attribute "commits[0].sha" must be 40 or more (at most 128) hexadecimal digits',
        ),
        (
            {"commits": [{"sha": SHA, "timestamp": 1}, {"sha": SHA, "timestamp": 10**15}]},
            f'attribute "commits[1].timestamp" {_UNIT}',
        ),
    ],
)
async def test_what_is_wrong_is_named(api: Api, attributes: dict[str, Any], detail: str) -> None:
    assert await api.deploy(**deployment(**{**deployment(), **attributes})) == said(detail)
    assert api.log.records == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "the body is not JSON: Input data was truncated"),
        (b"{", "the body is not JSON: Input data was truncated"),
        (b"[]", 'error decoding attribute "body": invalid type array, expected object'),
        (b"null", 'error decoding attribute "body": invalid type null, expected object'),
        (b"{}", 'attribute "data" is required'),
        (b'{"data": {}}', 'attribute "attributes" is required'),
        (b'{"data": []}', 'error decoding attribute "data": invalid type array, expected object'),
        (b'{"data": {"attributes": {"started_at": null}}}', "started_at"),
        (b'{"data": {"attributes": {"service": "\xff"}}}', 'attribute "service" must be UTF-8'),
        (b'{"data": {"attributes": {"service": "\\ud800"}}}', 'attribute "service" must be UTF-8'),
        (b'{"data": {"attributes": {"service": "\xed\xa0\x80"}}}', 'attribute "service" must be UTF-8'),
        (b'{"unknown": ' + b"[" * 100_000, "the body is nested too deeply"),
        ('{"data": {}}'.encode("utf-16"), "the body must be UTF-8, and it looks like UTF-16"),
        ('{"data": {}}'.encode("utf-16-be"), "the body must be UTF-8, and it looks like UTF-16"),
        (b'{"data": {"attributes": {"started_at": ' + b"9" * 10_000 + b"}}}", "started_at"),
    ],
)
async def test_what_is_no_request_is_refused(api: Api, body: bytes, detail: str) -> None:
    status, answer = await api.send("POST", "/api/v2/dora/deployment", data=body)
    assert status == 400
    assert detail in answer["errors"][0]["detail"]


@pytest.mark.parametrize(
    "service", ["a" * 200, " padded ", 'back\\slash "quoted"', "\u00fc\U0001f680\u2028\u00a0", "{}"]
)
async def test_any_printable_service_is_kept_as_it_is(api: Api, service: str) -> None:
    assert (await api.deploy(**deployment(service=service)))[0] == 200
    assert [each.service for each in api.store.deployments.values()] == [service]


@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.api+json", "application/json; a=b", "x"])
async def test_the_content_type_does_not_matter(api: Api, content_type: str) -> None:
    body = (
        b'{"data": {"type": "whatever", "attributes": {"service": "a", "started_at": 1800000000000, '
        b'"finished_at": 1800000000000}}}'
    )
    headers = {"Content-Type": content_type}
    assert (await api.send("POST", "/api/v2/dora/deployment", data=body, headers=headers))[0] == 200


async def test_clocks_may_differ_by_ten_minutes(api: Api) -> None:
    assert (await api.deploy(**deployment(started_at=NOW + 600_000, finished_at=NOW + 600_000)))[0] == 200


@pytest.mark.parametrize(
    "attributes",
    [
        {"service": "\xe4" * 200},
        {"env": "\xe4" * 200},
        {"team": "\xe4" * 200},
        {"version": "\xe4" * 1000},
        {"id": "a" * 16, "custom_tags": ["\xe4"]},
        {"id": "a" * 128, "custom_tags": ["\xe4"]},
        {"git": {"commit_sha": "A" * 128, "repository_url": URL}},
        {"custom_tags": ["\xe4" * 1000] * 100},
        {"finished_at": NOW + 600_000},
        {"started_at": SECONDS - 30, "finished_at": SECONDS - 30},
    ],
)
async def test_what_is_just_within_its_limits_is_taken_as_it_is(api: Api, attributes: dict[str, Any]) -> None:
    assert (await api.deploy(**deployment(**attributes)))[0] == 200
    (held,) = api.store.deployments.values()
    assert [held.service, held.environment, held.team, held.version, held.commit_sha, list(held.tags)] == [
        attributes.get("service", "checkout"),
        attributes.get("env", "none"),
        attributes.get("team"),
        attributes.get("version"),
        "a" * 128 if "git" in attributes else None,
        attributes.get("custom_tags", []),
    ]


async def test_age_is_measured_at_the_end(api: Api) -> None:
    oldest = NOW - 400 * DAY_MS
    assert (await api.deploy(**deployment(started_at=10**9, finished_at=oldest)))[0] == 200
    assert (await api.deploy(**deployment(started_at=10**9, finished_at=oldest - 1)))[0] == 400


async def test_the_update_of_a_held_event_is_never_too_old(api: Api) -> None:
    given = deployment(id="a-held-deployment")
    await api.deploy(**given)
    api.now += 500 * DAY_MS
    assert (await api.deploy(**{**given, "version": "2"}))[0] == 200
    assert api.store.deployments["a-held-deployment"].version == "2"


async def test_commits_are_kept_newest_first_and_each_once(api: Api) -> None:
    others = [f"{number:040x}" for number in range(3)]
    commits = [
        {"sha": others[0], "timestamp": 10},
        {"sha": others[1], "timestamp": 30},
        {"sha": others[2], "timestamp": 20},
        {"sha": others[1].upper(), "timestamp": 40},
    ]
    await api.deploy(**deployment(id="a-deployment-with-commits", commits=commits))
    kept = (Commit(others[1], 30_000), Commit(others[2], 20_000), Commit(others[0], 10_000))
    assert api.store.deployments["a-deployment-with-commits"].commits == kept
    _, answer = await api.send("GET", "/api/v2/dora/deployments/a-deployment-with-commits")
    assert answer["data"]["attributes"]["number_of_commits"] == 3
    assert answer["data"]["attributes"]["commits"][0] == {"sha": others[1], "timestamp": "1970-01-01T00:00:30Z"}


async def test_a_list_counts_the_commits_and_leaves_them_out(api: Api) -> None:
    await api.deploy(**deployment(commits=[{"sha": SHA, "timestamp": 1}]))
    asked = {"data": {"type": "dora_deployments_list_request"}}
    _, answer = await api.send("POST", "/api/v2/dora/deployments", json=asked)
    (found,) = answer["data"]
    assert found["attributes"]["number_of_commits"] == 1
    assert "commits" not in found["attributes"]


async def test_no_more_than_the_newest_5000_commits_are_kept(api: Api) -> None:
    commits = [{"sha": f"{number:040x}", "timestamp": number} for number in range(5001)]
    await api.deploy(**deployment(commits=commits))
    (event,) = api.store.deployments.values()
    assert event.commits is not None
    assert [len(event.commits), event.commits[0].authored_at, event.commits[-1].authored_at] == [5000, 5_000_000, 1000]


async def test_a_commit_may_be_of_any_time_that_a_calendar_has(api: Api) -> None:
    commits = [{"sha": SHA, "timestamp": 253_402_300_798 * 10**9}]
    await api.deploy(**deployment(id="a-deployment-with-commits", commits=commits))
    _, answer = await api.send("GET", "/api/v2/dora/deployments/a-deployment-with-commits")
    assert answer["data"]["attributes"]["commits"] == [{"sha": SHA, "timestamp": "9999-12-31T23:59:58Z"}]


async def test_an_empty_list_of_commits_is_explicit(api: Api) -> None:
    await api.deploy(**deployment(commits=[]))
    assert [each.commits for each in api.store.deployments.values()] == [()]


async def test_a_deployment_is_deleted_by_the_singular_path(api: Api) -> None:
    await api.deploy(**deployment(id="a-deployment-to-go"))
    assert await api.send("DELETE", "/api/v2/dora/deployment/a-deployment-to-go") == (202, None)
    assert api.store.deployments == {}
    assert (await api.send("DELETE", "/api/v2/dora/deployment/a-deployment-to-go"))[0] == 404
    assert (await api.send("GET", "/api/v2/dora/deployments/a-deployment-to-go"))[0] == 404


async def test_the_deletion_of_a_polled_deployment_names_its_source(api: Api) -> None:
    api.store.apply(Deployment("apm:1", "checkout", "prod", NOW, NOW, source="apm"))
    assert (await api.send("DELETE", "/api/v2/dora/deployment/apm%3A1"))[0] == 202
    assert api.log.records == [Deletion("deployment", "apm:1", NOW, "apm")]


async def test_a_write_that_cannot_be_made_durable_is_503(api: Api) -> None:
    api.log.reason = "the disk is full"
    problem = {"status": "503", "title": "Service Unavailable", "detail": "the disk is full"}
    assert await api.deploy(**deployment()) == (503, {"errors": [problem]})
    assert api.store.deployments == {}


async def test_a_byte_order_mark_before_the_body_is_skipped(api: Api) -> None:
    body = BOM_UTF8 + json.dumps({"data": {"attributes": deployment()}}).encode()
    status, answer = await api.send("POST", "/api/v2/dora/deployment", data=body)
    assert (status, list(api.store.deployments)) == (200, [answer["data"]["id"]])
    asked = BOM_UTF8 + json.dumps({"data": {"type": "dora_deployments_list_request"}}).encode()
    status, answer = await api.send("POST", "/api/v2/dora/deployments", data=asked)
    assert (status, len(answer["data"])) == (200, 1)


@pytest.mark.parametrize("outcome", ["failed", "canceled"])
async def test_an_attempt_is_kept_and_shown_with_its_outcome_until_it_is_corrected(api: Api, outcome: str) -> None:
    assert (await api.deploy(**deployment(id="attempt-number-one", outcome=outcome)))[0] == 200
    assert api.store.deployments["attempt-number-one"].outcome == outcome
    _, shown = await api.send("GET", "/api/v2/dora/deployments/attempt-number-one")
    assert shown["data"]["attributes"]["outcome"] == outcome
    assert (await api.deploy(**deployment(id="attempt-number-one", outcome="succeeded")))[0] == 200
    assert api.store.deployments["attempt-number-one"].outcome is None
    _, shown = await api.send("GET", "/api/v2/dora/deployments/attempt-number-one")
    assert "outcome" not in shown["data"]["attributes"]


@pytest.mark.parametrize("outcome", ["", "success", "FAILED"])
async def test_an_outcome_is_one_of_three(api: Api, outcome: str) -> None:
    assert await api.deploy(**deployment(outcome=outcome)) == said(
        'attribute "outcome" must be one of "succeeded failed canceled"'
    )
