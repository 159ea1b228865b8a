"""Lines of the snapshot file."""

import json
import re
import zlib

import msgspec
import pytest
from msgspec.structs import replace
from tests.builders import deployment, fields, incident

from dora_exporter.dora.events import Commit, PullRequest, Remediation, Shipped, Verdict
from dora_exporter.dora.records import Cursor, Deletion, Judgement, Record
from dora_exporter.storage import file
from dora_exporter.storage.file import encode, header_line
from dora_exporter.storage.file.line_format import Unreadable, decode, decode_header, decode_many


def test_a_line_is_a_record_beside_the_checksum_of_its_bytes() -> None:
    line = encode(deployment(service="café", version="1\n2"))
    whole = json.loads(line)
    assert list(whole) == ["crc", "rec"]
    assert whole["rec"]["service"] == "café"
    assert line == b'{"crc": "%08x", "rec": %b}\n' % (zlib.crc32(line[27:-2]), line[27:-2])


def test_what_an_event_does_not_have_takes_no_room() -> None:
    part = Shipped("host/a", "a", (Commit("a", 1),), pull_requests=(PullRequest(2),), further=(Shipped("host/b", "b"),))
    verdict = Verdict(change_failure=True, remediation=Remediation("rollback"))
    event = msgspec.json.decode(encode(replace(deployment(), shipped=part, verdict=verdict)))["rec"]
    assert event["shipped"] == {
        "repository": "host/a",
        "commit_sha": "a",
        "commits": [{"sha": "a", "authored_at": 1}],
        "pull_requests": [{"merged_at": 2}],
        "further": [{"repository": "host/b", "commit_sha": "b"}],
    }
    assert event["verdict"] == {"change_failure": True, "remediation": {"type": "rollback"}}
    assert event.keys() == {
        *("type", "id", "service", "environment", "started_at", "finished_at", "shipped", "verdict")
    }
    assert b"null" not in encode(incident()) + encode(Cursor("a")) + encode(Deletion("incident", "a", 1))
    assert b"null" not in encode(Judgement("a")) + header_line()


def test_lines_are_decoded_together_as_one_by_one() -> None:
    records: list[Record] = [deployment(), incident(), Cursor("pagerduty", {"since": 1})]
    lines = [encode(each).rstrip() for each in records]
    assert fields(decode_many(lines)) == fields([decode(line) for line in lines]) == fields(records)


def test_a_line_that_a_person_wrote_again_is_read() -> None:
    body = b'{"type": "cursor",  "source": "a"}'
    line = b'{ "rec" : %b , "crc":"%08x" }' % (body, zlib.crc32(body))
    assert decode(line) == Cursor("a")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"null",
        b'{"crc": "00000000", "rec": }',
        encode(Cursor("a"))[:-2],
        encode(Cursor("a")).replace(b'"a"', b'"b"'),
        encode(Cursor("a")).replace(b'{"crc"', b'{"more": 1, "crc"'),
        b'{"rec": {"type":"cursor","source":"a"}}',
        b'{"crc": "%08x", "rec": {"type":"comet"}}' % zlib.crc32(b'{"type":"comet"}'),
        b'{"crc": "%08x", "rec": %b}' % (zlib.crc32(b"[" * 100_000), b"[" * 100_000),
        b'{"crc": "%08x", "rec": "\xff"}' % zlib.crc32(b'"\xff"'),
    ],
)
def test_other_lines_are_unreadable(line: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(line)
    with pytest.raises(Unreadable):
        decode_many([encode(Cursor("a")).rstrip(), line])
    with pytest.raises(Unreadable):
        decode_header(line)


def test_the_documented_lines_are_lines_of_this_format() -> None:
    header, example = re.findall(r"^ {4}(\{.*)$", file.__doc__ or "", re.MULTILINE)
    assert header.encode() == header_line().rstrip()
    assert encode(decode(example.encode())) == example.encode() + b"\n"
