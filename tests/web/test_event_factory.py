import json
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.json import Decoder
from msgspec.structs import replace
from tests.builders import fields
from tests.web.running import NOW, SHA

from dora_exporter.dora.events import DAY_MS, Deployment, Event
from dora_exporter.dora.store import EventStore
from dora_exporter.storage.file.line_format import encode_many
from dora_exporter.web.api.schema.decode import Parser
from dora_exporter.web.api.schema.events import EventFactory
from dora_exporter.web.api.schema.requests import DeploymentLine, DeploymentRequest, FailureRequest, Line
from dora_exporter.web.server.errors import BadRequest
from dora_exporter.web.server.limits import CurrentRules, Rules

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
Dumps = Callable[[object], str]
FAILURE = {"services": ["web", "checkout"], "started_at": NOW, "name": "down"}


class Ways:
    """The two ways by which an event comes in, a request of its own and a line among many, over one store."""

    def __init__(self) -> None:
        store, rules = EventStore(), Rules(default_environment="none")
        store.apply(Deployment(HELD_ID, "checkout", "prod", 1, 2))
        self.factory = EventFactory(store=store, clock=lambda: NOW, rules=CurrentRules(rules))
        self.lines = Parser(Decoder(Line))
        self.deployments = Parser(Decoder(DeploymentRequest))
        self.failures = Parser(Decoder(FailureRequest))

    def line(self, line: bytes) -> Event:
        """The event of a line."""
        parsed = self.lines.parse(line)
        if isinstance(parsed, DeploymentLine):
            return self.factory.deployment(parsed.attributes)
        return self.factory.incident(parsed.attributes)

    def request(self, attributes: object, kind: str = "deployment", dumps: Dumps = json.dumps) -> Event:
        """The event of a request."""
        body = dumps({"data": {"attributes": attributes}}).encode()
        if kind == "deployment":
            return self.factory.deployment(self.deployments.parse(body).data.attributes)
        return self.factory.incident(self.failures.parse(body).data.attributes)

    def refusals(self, attributes: object) -> list[str]:
        """Why both ways refuse a deployment."""
        with pytest.raises(BadRequest) as from_line:
            self.line(line_of(attributes))
        with pytest.raises(BadRequest) as from_request:
            self.request(attributes)
        return [from_line.value.detail, from_request.value.detail]


def line_of(attributes: object, kind: str = "deployment", dumps: Callable[[object], str] = json.dumps) -> bytes:
    return dumps({"type": kind, "attributes": attributes}).encode()


EVENT = Deployment(
    id="deployment-1:2.3_4",
    service="checkout",
    environment="prod",
    started_at=NOW - 1000,
    finished_at=NOW,
    version="1.2.3",
    commit_sha=SHA,
    repository="git.example.com/shop/checkout",
    team="shop",
    tags=("tier:1", "eu"),
)
LONG_AGO = {"started_at": NOW - 500 * DAY_MS, "finished_at": NOW - 500 * DAY_MS}
ABSENT: dict[str, object] = {"environment": "none", "version": None, "team": None, "tags": ()}
IN_SECONDS = NOW // 1000 * 1000


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({}, {}),
        (
            {"env": None, "version": None, "team": None, "git": None, "custom_tags": None},
            {**ABSENT, "commit_sha": None, "repository": None},
        ),
        ({"env": "", "version": "", "team": "", "custom_tags": [""]}, ABSENT),
        ({"service": "s" * 200}, {"service": "s" * 200}),
        ({"service": "schön"}, {"service": "schön"}),
        ({"service": 'a"b\\c'}, {"service": 'a"b\\c'}),
        ({"finished_at": NOW + 600_000}, {"finished_at": NOW + 600_000}),
        ({"id": HELD_ID, **LONG_AGO}, {"id": HELD_ID, **LONG_AGO}),
        ({"started_at": IN_SECONDS // 1000}, {"started_at": IN_SECONDS}),
        ({"started_at": 946_684_800}, {"started_at": 946_684_800_000}),
        ({"started_at": 946_684_800_000}, {"started_at": 946_684_800_000}),
        ({"started_at": NOW * 1_000_000, "finished_at": NOW * 1_000_000}, {"started_at": NOW}),
        ({"env": None, "environment": "live"}, {"environment": "live"}),
        ({"env": "", "environment": "live"}, {"environment": "live"}),
        ({"environment": "not this"}, {}),
        ({"git": {**GIT, "commit_sha": "A" * 64}}, {"commit_sha": "a" * 64}),
        ({"git": {**GIT, "branch": "main"}}, {}),
        ({"git": []}, {"commit_sha": None, "repository": None}),
        ({"unknown": {"to": ["us"]}}, {}),
        ({"commits": []}, {"commits": ()}),
    ],
)
def test_a_deployment_becomes_the_same_event_in_a_request_and_in_a_line(
    change: dict[str, object], made: dict[str, object]
) -> None:
    ways, attributes = Ways(), {**FULL, **change}
    assert fields(ways.line(line_of(attributes))) == fields(replace(EVENT, **made))
    assert fields(ways.request(attributes)) == fields(replace(EVENT, **made))


def test_a_deployment_without_an_id_gets_the_one_that_its_facts_give() -> None:
    ways = Ways()
    first, again = ways.line(line_of({**FULL, "id": None})), ways.request({**FULL, "id": None, "team": "other"})
    assert first.id == again.id
    assert first.id != ways.request({**FULL, "id": None, "version": "1.2.4"}).id


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"service": "a\u0007"}, "control characters"),
        ({"service": "\u007f"}, "control characters"),
        ({"service": ""}, "must not be empty"),
        ({"service": "s" * 201}, "longer than 200"),
        ({"service": None}, "expected string"),
        ({"env": "e" * 201}, "longer than 200"),
        ({"version": "v" * 1001}, "longer than 1000"),
        ({"team": 7}, "expected string or null"),
        ({"id": "sixteen letters!"}, "to 128 characters"),
        ({"id": "a" * 129}, "to 128 characters"),
        ({"id": ""}, "to 128 characters"),
        ({"started_at": NOW + 1}, "must not be before started_at"),
        ({"started_at": NOW // 1000, "finished_at": NOW // 1000 - 1}, "must not be before started_at"),
        ({"service": "_other"}, "is reserved"),
        ({"env": "_other"}, "is reserved"),
        ({"team": "_other"}, "is reserved"),
        ({"env": None, "environment": "_other"}, "is reserved"),
        ({"started_at": 0}, "before the year 2000"),
        ({"started_at": 946_684_799}, "before the year 2000"),
        ({"started_at": 946_684_799_999}, "before the year 2000"),
        ({"started_at": 10**11}, "before the year 2000"),
        ({"started_at": 10**17}, "before the year 2000"),
        ({"started_at": -1}, "must not be negative"),
        ({"started_at": 10**15}, "is not a Unix time"),
        ({"finished_at": 10**15}, "is not a Unix time"),
        ({"finished_at": NOW + 600_001}, "ahead of the clock"),
        ({"finished_at": None}, "expected integer"),
        ({"finished_at": float(NOW)}, "expected integer"),
        (LONG_AGO, "older than the retention"),
        ({**LONG_AGO, "id": None}, "older than the retention"),
        ({"git": {**GIT, "commit_sha": "g" * 40}}, "hexadecimal digits"),
        ({"git": {**GIT, "commit_sha": "a" * 39}}, "hexadecimal digits"),
        ({"git": {**GIT, "repository_url": ""}}, "must not be empty"),
        ({"git": {**GIT, "repository_url": "https:///"}}, "repository_url"),
        ({"custom_tags": ["a"] * 101}, "more than 100 tags"),
        ({"custom_tags": ["a" * 1001]}, "longer than 1000"),
    ],
)
def test_a_deployment_that_breaks_a_rule_is_refused_with_the_reason(change: dict[str, object], problem: str) -> None:
    for detail in Ways().refusals({**FULL, **change}):
        assert problem in detail


def test_a_text_that_was_refused_is_refused_again() -> None:
    ways = Ways()
    for _ in range(2):
        assert "is reserved" in "".join(ways.refusals({**FULL, "team": "_other"}))


def test_a_line_may_have_a_date_where_a_request_may_not() -> None:
    dated = {**FULL, "started_at": "2027-01-15T07:59:59Z"}
    assert Ways().line(line_of(dated)).started_at == NOW - 1000
    with pytest.raises(BadRequest, match="started_at"):
        Ways().request(dated)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        line_of(FULL) + line_of(FULL),
        line_of(FULL)[:-1],
        line_of(FULL, dumps=partial(json.dumps, indent=1)).split(b"\n")[0],
        b'{"type":"deployment","x":[{}',
        b'{}],"attributes":%b}{}' % json.dumps(FULL).encode(),
        line_of(FULL, kind="banana"),
        line_of({**FAILURE, "services": []}, kind="failure"),
        b"[" * 100_000,
        b'{"type":"deployment","x":' + b"[" * 100_000 + b"}",
        b'{"a":"\x00"}',
        b'{"a":"\xff"}',
    ],
)
def test_a_line_that_is_not_one_event_is_refused(line: bytes) -> None:
    with pytest.raises(BadRequest):
        Ways().line(line)


@pytest.mark.parametrize("line", [line_of(FULL) + b"\r", b" " + line_of(FULL), b"\xef\xbb\xbf" + line_of(FULL)])
def test_space_and_a_byte_order_mark_around_a_line_do_not_count(line: bytes) -> None:
    assert fields(Ways().line(line)) == fields(EVENT)


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


def outcome(make: Callable[[], Event]) -> object:
    """The fields and the bytes of an event, or None where it is refused."""
    try:
        event = make()
    except BadRequest:
        return None
    return fields(event), encode_many([event])


def test_a_request_and_a_line_never_disagree() -> None:
    outcomes: Counter[bool] = Counter()

    @given(lines_given, st.sampled_from([json.dumps, partial(json.dumps, ensure_ascii=False)]))
    @example(("deployment", {**FULL, "service": ""}), json.dumps)
    def compare(line: tuple[str, dict[str, object]], dumps: Dumps) -> None:
        ways, (kind, attributes) = Ways(), line
        if any(isinstance(attributes.get(name), str) for name in ("started_at", "finished_at")):
            return  # dates are for lines only
        of_line = outcome(lambda: ways.line(line_of(attributes, kind, dumps)))
        outcomes[of_line is not None] += 1
        assert of_line == outcome(lambda: ways.request(attributes, kind, dumps))

    compare()
    assert outcomes[True] > outcomes.total() / 3
    assert outcomes[False]
