"""A typo is not silent: attributes that nobody knows are counted, logged once, and named in bulk's answer."""

import json
from codecs import BOM_UTF8
from io import BytesIO

import pytest
from msgspec import to_builtins
from msgspec.json import Decoder
from tests.web.running import NOW, SHA, Api, deployment, incident

from dora_exporter.dora.events import Event
from dora_exporter.web.api.schema.decode import MOST_NAMES, Parser, UnknownAttributes
from dora_exporter.web.api.schema.lines import parse_line
from dora_exporter.web.api.schema.requests import Line

BULK = "/api/v1/events"


def request(**attributes: object) -> bytes:
    return json.dumps({"data": {"type": 5, "attributes": attributes}}).encode()


def line(kind: str = "deployment", **attributes: object) -> bytes:
    return json.dumps({"type": kind, "attributes": attributes}).encode()


def test_each_name_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    unknown = UnknownAttributes()
    unknown.in_deployment(request(service="a", enviroment="prod", git={"commit_sha": SHA, "branch": "main"}))
    unknown.in_deployment(request(service="a", enviroment="prod", services=[], git=[{"branch": "x"}, {"branch": "y"}]))
    unknown.in_failure(request(services=["a"], finishedAt=1, git=None))
    assert unknown.counts == {"enviroment": 2, "git.branch": 2, "services": 1, "finishedAt": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "unknown attribute ignored name='enviroment'",
        "unknown attribute ignored name='git.branch'",
        "unknown attribute ignored name='services'",
        "unknown attribute ignored name='finishedAt'",
    ]


def test_what_is_known_is_not_counted() -> None:
    unknown = UnknownAttributes()
    unknown.in_deployment(request(**deployment(environment="x", commits=[], git={"commit_sha": 1}, team=None)))
    unknown.in_failure(request(**incident(environment="x", service="a", severity="b", git=[1])))
    assert unknown.counts == {}


def test_no_more_than_a_hundred_names_are_told_apart() -> None:
    unknown = UnknownAttributes()
    for number in range(MOST_NAMES + 20):
        unknown.in_deployment(request(**{f"name{number}": 1, "name0": 1}))
    assert len(unknown.counts) == MOST_NAMES + 1
    assert unknown.counts["_other"] == 20
    assert unknown.counts["name0"] == MOST_NAMES + 20


def test_a_name_is_a_label_of_bounded_length() -> None:
    unknown = UnknownAttributes()
    unknown.in_deployment(request(**{"n" * 5000: 1, "a\nb": 1, "_other": 1}))
    assert sorted(unknown.counts) == ["_other_", "a\N{REPLACEMENT CHARACTER}b", "n" * 200]


@pytest.mark.parametrize("is_atomic", [False, True])
async def test_bulk_warns_of_each_name_at_its_first_line(api: Api, *, is_atomic: bool) -> None:
    lines = [
        line(**deployment()),
        line(**deployment(enviroment="prod")),
        line("failure", **incident(enviroment="prod", started="x")),
        line(**deployment(service="", enviroment="prod")) if not is_atomic else b"",
    ]
    path = f"{BULK}?atomic=true" if is_atomic else BULK
    status, answer = await api.send("POST", path, data=BytesIO(b"\n".join(lines)))
    assert (status, answer["errors_total"]) == (200, int(not is_atomic))
    assert answer["warnings"] == [
        {"detail": 'attribute "enviroment" is unknown and ignored, did you mean environment?', "line": 2},
        {"detail": 'attribute "started" is unknown and ignored, did you mean started_at?', "line": 3},
    ]


async def test_no_more_than_a_hundred_warnings_are_shown(api: Api) -> None:
    lines = [line(**deployment(version=str(number), **{f"name{number}": 1})) for number in range(150)]
    _, answer = await api.send("POST", BULK, data=BytesIO(b"\n".join(lines)))
    assert (answer["created"], len(answer["warnings"])) == (150, 100)


@pytest.mark.parametrize(
    ("attributes", "kept"),
    [
        ({"env": "a", "environment": "b"}, "a"),
        ({"env": "", "environment": "b"}, "b"),
        ({"env": None, "environment": "b"}, "b"),
        ({"environment": "größe"}, "größe"),
        ({"environment": ""}, "none"),
    ],
)
async def test_environment_is_another_name_of_env(api: Api, attributes: dict[str, str | None], kept: str) -> None:
    given = {"env": None, **attributes}
    assert (await api.deploy(**deployment(**given)))[0] == 200
    assert (await api.fail(**incident(**given)))[0] == 200
    body = b"\n".join([line(**deployment(version="2", **given)), line("failure", **incident(name="2", **given))])
    assert (await api.send("POST", BULK, data=body))[1]["created"] == 1
    held: list[Event] = [*api.store.deployments.values(), *api.store.incidents.values()]
    assert [each.environment for each in held] == [kept] * 3


async def test_what_is_wrong_with_environment_is_named(api: Api) -> None:
    status, answer = await api.deploy(environment="_other", service="a", started_at=NOW, finished_at=NOW)
    assert status == 400
    assert answer["errors"][0]["detail"].startswith('attribute "environment" must not be "_other"')


GIT = {"commit_sha": SHA, "repository_url": "https://git.example/shop"}


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        (line(**deployment(git=GIT, commits=[{"sha": SHA, "timestamp": 1_700_000_000, "files": 3}])), []),
        (line(**deployment(git=[GIT, GIT])), []),
        (line(**deployment(git={**GIT, "branch": "main"})), ["git.branch"]),
        (line(**deployment(git=[GIT, {**GIT, "branch": "main"}], tags=[])), ["tags", "git.branch"]),
        (line("failure", **incident(git={**GIT, "tag": "v1"}, custom_tags=["a:b"])), ["git.tag"]),
        (BOM_UTF8 + line(**deployment(a=1)), ["a"]),
        (line(**deployment()).replace(b'{"type"', b'{"line": 7, "type"'), []),
    ],
)
def test_a_line_is_read_the_same_whatever_is_unknown_in_it(text: bytes, unknown: list[str]) -> None:
    read, found = parse_line(text)
    assert to_builtins(read) == to_builtins(Parser[Line](Decoder(Line)).parse(text))
    assert [each.name for each in found] == unknown
