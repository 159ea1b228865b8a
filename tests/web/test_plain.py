import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import Decoder
from tests.builders import fields
from tests.web.running import NOW, SHA

from dora_exporter.dora.events import DAY_MS, Deployment, Event
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file.line_format import encode_many
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.api.schema.events import Intake
from dora_exporter.web.api.schema.fast_path import PlainIntake
from dora_exporter.web.api.schema.requests import DeploymentLine, DeploymentRequest, Line
from dora_exporter.web.server.errors import BadRequest
from dora_exporter.web.server.limits import Rules

HELD_ID = "held-since-long-ago"
GIT = {"commit_sha": SHA, "repository_url": "https://bot:secret@git.example.com/shop/checkout.git"}
FULL = {
    "id": "deployment-1:2.3_4",
    "service": "checkout",
    "env": "prod",
    "version": "1.2.3",
    "team": "shop",
    "started_at": NOW - 1000,
    "finished_at": NOW,
    "git": GIT,
    "custom_tags": ["tier:1", "", "eu"],
}
FAILURE = {"services": ["web", "checkout"], "started_at": NOW, "name": "down"}


class Both:
    """The short way and the long way, over one store."""

    def __init__(self) -> None:
        store, rules = EventStore(), Rules(default_environment="none")
        store.apply(Deployment(HELD_ID, "checkout", "prod", 1, 2))
        self.intake = Intake(store=store, clock=lambda: NOW, rules=lambda: rules)
        self.plain = PlainIntake(self.intake, store=store, clock=lambda: NOW, rules=lambda: rules)
        self.lines = Parser(Decoder(Line))
        self.requests = Parser(Decoder(DeploymentRequest))

    def long(self, line: bytes) -> Event:
        parsed = self.lines.parse(line)
        if isinstance(parsed, DeploymentLine):
            return self.intake.deployment(parsed.attributes)
        return self.intake.incident(parsed.attributes)


def line_of(attributes: object, kind: str = "deployment", dumps: Callable[[object], str] = json.dumps) -> bytes:
    return dumps({"type": kind, "attributes": attributes}).encode()


def body_of(attributes: object) -> bytes:
    return json.dumps({"data": {"attributes": attributes}}).encode()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"id": None},
        {"env": None, "version": None, "team": None, "git": None, "custom_tags": None},
        {"env": "", "version": "", "team": "", "custom_tags": [""]},
        {"service": "s" * 200},
        {"finished_at": NOW + 600_000},
        {"id": HELD_ID, "started_at": NOW - 500 * DAY_MS, "finished_at": NOW - 500 * DAY_MS},
        {"started_at": NOW // 1000, "finished_at": NOW // 1000},
        {"started_at": NOW // 1000, "finished_at": NOW},
        {"started_at": NOW * 1_000_000, "finished_at": NOW * 1_000_000},
        {"env": None, "environment": "live"},
        {"env": "", "environment": "live"},
        {"environment": "not this"},
    ],
)
def test_what_most_senders_write_goes_the_short_way_to_the_same_event(change: dict[str, object]) -> None:
    both, attributes = Both(), {**FULL, **change}
    assert fields(both.plain.lines([line_of(attributes)])) == fields([both.long(line_of(attributes))])
    assert fields(both.plain.request(body_of(attributes))) == fields(both.long(line_of(attributes)))


@pytest.mark.parametrize(
    "change",
    [
        {"service": "schön"},
        {"service": "a\u0007"},
        {"service": "\u007f"},
        {"service": 'a"b'},
        {"service": ""},
        {"service": "s" * 201},
        {"service": None},
        {"env": "e" * 201},
        {"version": "v" * 1001},
        {"team": 7},
        {"id": "too short"},
        {"id": "sixteen letters!"},
        {"id": ""},
        {"started_at": NOW + 1},
        {"started_at": NOW // 1000, "finished_at": NOW // 1000 - 1},
        {"service": "_other"},
        {"env": "_other"},
        {"team": "_other"},
        {"started_at": 0},
        {"started_at": 946_684_799},
        {"started_at": 946_684_799_999},
        {"started_at": 10**11},
        {"started_at": 10**17},
        {"started_at": -1},
        {"started_at": 10**15},
        {"finished_at": 10**15},
        {"finished_at": NOW + 600_001},
        {"finished_at": None},
        {"finished_at": float(NOW)},
        {"started_at": NOW - 500 * DAY_MS, "finished_at": NOW - 500 * DAY_MS},
        {"id": None, "started_at": NOW - 500 * DAY_MS, "finished_at": NOW - 500 * DAY_MS},
        {"git": {**GIT, "commit_sha": SHA.upper()}},
        {"git": {**GIT, "commit_sha": "g" * 40}},
        {"git": {**GIT, "commit_sha": "a" * 39}},
        {"git": {**GIT, "repository_url": ""}},
        {"git": {**GIT, "repository_url": "https:///"}},
        {"custom_tags": ["a"] * 101},
        {"custom_tags": ["a" * 1001]},
        {"commits": []},
        {"unknown": {"to": ["us"]}},
        {"git": {**GIT, "branch": "main"}},
        {"env": None, "environment": "_other"},
        {"started_at": "2027-01-15T07:59:59Z"},
    ],
)
def test_what_needs_a_closer_look_does_not_go_the_short_way(change: dict[str, object]) -> None:
    both, attributes = Both(), {**FULL, **change}
    assert both.plain.lines([line_of(FULL), line_of(attributes)]) is None
    assert both.plain.request(body_of(attributes)) is None


@pytest.mark.parametrize(
    "lines",
    [
        [b""],
        [line_of(FULL), b""],
        [line_of(FULL) + b"\r"],
        [b" " + line_of(FULL)],
        [line_of(FULL) + line_of(FULL)],
        [line_of(FULL)[:-1]],
        [*line_of(FULL, dumps=partial(json.dumps, indent=1)).split(b"\n")],
        [b'{"type":"deployment","x":[{}', b'{}],"attributes":%b}{}' % json.dumps(FULL).encode()],
        [line_of(FULL, kind="banana")],
        [line_of({**FAILURE, "services": []}, kind="failure")],
        [b"[" * 100_000],
        [b'{"type":"deployment","x":' + b"[" * 100_000 + b"}"],
        [b'{"a":"\x00"}'],
        [b'{"a":"\xff"}'],
    ],
)
def test_lines_that_are_not_one_object_each_do_not_go_the_short_way(lines: Sequence[bytes]) -> None:
    assert Both().plain.lines(lines) is None


def test_incidents_go_along_in_their_order() -> None:
    both = Both()
    lines = [line_of(FAILURE, "failure"), line_of(FULL), line_of({**FAILURE, "team": "shop"}, "failure")]
    assert fields(both.plain.lines(lines)) == fields([both.long(line) for line in lines])


def test_the_default_environment_is_that_of_the_rules_in_force() -> None:
    made = Both().plain.lines([line_of({**FULL, "env": None})])
    assert made is not None
    assert [event.environment for event in made] == ["none"]


odd_texts = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "web", "a" * 199, "a" * 200, "a" * 201, "ü", "\x7f", "\x85", "a\\b", HELD_ID, SHA, SHA.upper()]
    ),
    st.text("".join(map(chr, range(0x250))), max_size=20),
    st.integers(),
)
odd_times = st.one_of(
    st.none(),
    st.floats(),
    st.integers(),
    st.integers(NOW - 500 * DAY_MS, NOW + 700_000),
    st.sampled_from([NOW, NOW // 1000, NOW * 1_000_000, 10**11 - 1, 10**11, 10**14 - 1, 10**14]),
)
odd_values = st.one_of(
    odd_texts,
    odd_times,
    st.lists(odd_texts, max_size=3),
    st.fixed_dictionaries({"commit_sha": odd_texts, "repository_url": odd_texts}),
)
names = st.sampled_from(["web", "checkout", "a b", "s" * 200])
maybe_names = st.none() | st.just("") | names
urls = st.sampled_from([GIT["repository_url"], "git@git.example.com:shop/Checkout", "https://git.example.com/a/b/"])
starts = st.sampled_from([NOW] * 9 + [NOW - 500 * DAY_MS]) | st.integers(NOW - 300 * DAY_MS, NOW)
lengths = st.sampled_from([0, 600_000] * 9 + [600_001, -1]) | st.integers(0, 600_000)
spans = st.tuples(starts, lengths).map(lambda span: (span[0], sum(span)))
in_units = st.builds(
    lambda span, unit: {"started_at": span[0] * 10**6 // unit, "finished_at": span[1] * 10**6 // unit},
    spans,
    st.sampled_from([1, 10**6, 10**6, 10**6, 10**9]),
)
plain_deployments = st.builds(
    lambda times, rest: {**times, **rest},
    in_units,
    st.fixed_dictionaries(
        {"service": names},
        optional={
            "id": st.none() | st.text("abz019-_.:", min_size=16, max_size=128) | st.just(HELD_ID),
            "env": maybe_names,
            "version": maybe_names | st.just("v" * 1000),
            "team": maybe_names,
            "git": st.none()
            | st.fixed_dictionaries({"commit_sha": st.sampled_from([SHA, "f" * 64]), "repository_url": urls}),
            "custom_tags": st.none() | st.lists(maybe_names.filter(lambda name: name is not None), max_size=3),
            "commits": st.none(),
            "unknown": odd_values,
        },
    ),
)
plain_failures = st.fixed_dictionaries(
    {"services": st.lists(names, min_size=1, max_size=2), "started_at": st.integers(NOW - 300 * DAY_MS, NOW)},
    optional={"env": names, "team": names, "name": names},
)
odd_changes = st.dictionaries(st.sampled_from(sorted(FULL)), odd_values, min_size=1, max_size=2)
lines_given = st.sampled_from(
    [
        *[st.tuples(st.just("deployment"), plain_deployments)] * 12,
        *[st.tuples(st.just("failure"), plain_failures)] * 2,
        st.tuples(st.just("deployment"), odd_changes.map(lambda change: {**FULL, **change})),
        st.tuples(st.just("failure"), odd_changes.map(lambda change: {**FULL, **FAILURE, **change})),
    ]
).flatmap(lambda line: line)


def test_the_short_way_never_leads_elsewhere_than_the_long_way() -> None:
    ways: Counter[str] = Counter()

    @given(
        st.lists(lines_given, min_size=1, max_size=3),
        st.sampled_from([json.dumps, json.dumps, json.dumps, partial(json.dumps, ensure_ascii=False)]),
    )
    def compare(given_lines: list[tuple[str, dict[str, object]]], dumps: Callable[[object], str]) -> None:
        both = Both()
        lines = [line_of(attributes, kind, dumps).replace(b"\n", b"") for kind, attributes in given_lines]
        made = both.plain.lines(lines)
        ways["long" if made is None else "short"] += 1
        if made is not None:
            long = [both.long(line) for line in lines]
            assert fields(made) == fields(long)
            assert encode_many(made) == encode_many(long)

    compare()
    assert ways["short"] > ways.total() / 3


def test_the_long_way_refuses_in_words_what_the_short_way_leaves_to_it() -> None:
    with pytest.raises(BadRequest, match="service"):
        Both().long(line_of({**FULL, "service": ""}))
