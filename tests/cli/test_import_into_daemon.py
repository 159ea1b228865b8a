"""Events from a file into a running daemon."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.builders import deployment
from tests.cli.calling import Called, kept
from tests.e2e.daemon import Daemon, RunningDaemon
from typing_extensions import override

from dora_exporter.runtime.clock import system_clock

KEY = "a-key-that-writes"
NOW = system_clock() // 1000


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    folder = tmp_path_factory.mktemp("daemon")
    with Daemon(folder, {"api_keys": [KEY], "default_environment": "live"}).running() as running:
        yield running


@pytest.fixture
def flags(daemon: RunningDaemon, tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "key").write_text(f"{KEY}\n")
    return f"--url={daemon.url}/", "--api-key-file=key"


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """The address of a server that answers every request alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status, "")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def line(service: str, **attributes: object) -> str:
    given = {"service": service, "started_at": NOW - 60, "finished_at": NOW - 30, **attributes}
    return json.dumps({"type": "deployment", "attributes": given})


def test_lines_go_to_the_daemon_and_nothing_to_a_file(
    daemon: RunningDaemon, flags: tuple[str, str], called: Called
) -> None:
    Path("given").write_text(line("one"))
    ended = called("import", "given", *flags)
    assert (ended.code, ended.errors, ended.output) == (0, "", "1 created, 0 updated, 0 unchanged; 0 wrong\n")
    assert called("import", "given", *flags).output == "0 created, 0 updated, 1 unchanged; 0 wrong\n"
    assert daemon.sample("dora_deployments", service="one", environment="live", window="7d") == 1
    assert sorted(each.name for each in Path().iterdir()) == ["given", "key"]


def test_mistakes_that_the_daemon_finds_have_the_numbers_of_the_file(flags: tuple[str, str], called: Called) -> None:
    lines = [line("many", version=f"v{number}") for number in range(1100)]
    lines[2] = ""
    lines[700] = line("")
    lines[1099] = "{"
    Path("given").write_text("\n".join(lines))
    ended = called("import", "given", *flags)
    assert (ended.code, ended.output) == (1, "1097 created, 0 updated, 0 unchanged; 2 wrong\n")
    first, second = ended.errors.splitlines()
    assert first == 'given:701: attribute "service" must not be empty'
    assert second.startswith("given:1100: the body is not JSON")


def test_unknown_attributes_are_told_once_and_are_no_mistakes(
    flags: tuple[str, str], called: Called, tmp_path: Path
) -> None:
    lines = [line("odd"), line("odd", enviroment="x", version="1"), line("odd", enviroment="x", version="2")]
    Path("given").write_text("\n".join(lines))
    for ended in (called("import", "given", *flags), called("import", "given", f"--snapshot.path={tmp_path}/s")):
        assert (ended.code, ended.output) == (0, "3 created, 0 updated, 0 unchanged; 0 wrong\n")
        assert ended.errors == 'given:2: attribute "enviroment" is unknown and ignored, did you mean environment?\n'


def test_all_mistakes_count_also_those_that_the_daemon_does_not_tell(flags: tuple[str, str], called: Called) -> None:
    Path("given").write_text("{\n" * 450)
    ended = called("import", "given", *flags)
    assert ended.output == "0 created, 0 updated, 0 unchanged; 450 wrong\n"
    assert len(ended.errors.splitlines()) == 101


def test_csv_goes_to_the_daemon_too(daemon: RunningDaemon, flags: tuple[str, str], called: Called) -> None:
    rows = f'failure,"it\nis {{}}",{NOW - 60},\ndeployment,table,{NOW - 60},{{}}\n'
    text = rows.format("down", NOW - 30) + rows.format("bad", "soon") + rows.format("so", NOW - 90)
    Path("given").write_text("type,name,started_at,finished_at,service\n" + text)
    ended = called("import", "given", *flags)
    assert ended.code == 1
    assert ended.output.endswith("; 6 wrong\n"), "five lack a service, whose cell is the last"
    Path("given").write_text(f"type,service,started_at,finished_at\ndeployment,table,{NOW - 60},{NOW - 30}\n")
    assert called("import", "given", *flags).code == 0
    assert daemon.sample("dora_deployments", service="table", environment="live", window="7d") == 1


def test_a_dry_run_sends_nothing(daemon: RunningDaemon, flags: tuple[str, str], called: Called) -> None:
    Path("given").write_text(f"{line('dry')}\n{line('')}")
    ended = called("import", "given", *flags, "--dry-run")
    counts = "1 created, 0 updated, 0 unchanged; 1 wrong"
    assert (ended.code, ended.output) == (1, f"nothing is stored; it would be {counts}\n")
    assert daemon.sample("dora_deployments", service="dry", environment="live", window="7d") is None


def test_an_export_is_refused_because_it_would_not_arrive_whole(flags: tuple[str, str], called: Called) -> None:
    kept(Path("export"), [deployment()])
    ended = called("import", "export", *flags)
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors.startswith("an export cannot go to a running daemon, whose API has no place for cursors")
    assert len(ended.errors.splitlines()) == 1


def test_a_wrong_key_is_refused_and_not_told(flags: tuple[str, str], called: Called) -> None:
    Path("given").write_text(f"\n{line('one')}")
    Path("key").write_text("secret-but-wrong")
    ended = called("import", "given", *flags)
    reason = "127.0.0.1 accepts nothing from line 2 on: it answered 403 Forbidden\n"
    assert (ended.code, ended.output, ended.errors) == (1, "", reason)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b" \n", "is empty"),
        (b"\xff\xfes\x00", "is not UTF-8 text"),
        (b"one\ntwo", "must contain one key in printable ASCII"),
    ],
)
def test_a_file_without_a_key_is_told(content: bytes, said: str, flags: tuple[str, str], called: Called) -> None:
    Path("given").write_text(line("one"))
    Path("key").write_bytes(content)
    ended = called("import", "given", *flags)
    assert (ended.code, ended.output, ended.errors) == (1, "", f"key: {said}\n")


def test_a_byte_order_mark_is_no_part_of_the_key(flags: tuple[str, str], called: Called) -> None:
    Path("given").write_text(line("marked"))
    Path("key").write_text(f"\ufeff{KEY}\r\n", encoding="utf-8")
    assert called("import", "given", *flags).code == 0


def test_where_no_daemon_is_the_line_is_told(called: Called) -> None:
    Path("given").write_text(line("one"))
    ended = called("import", "given", "--url=http://user:secret@127.0.0.1:9")
    assert (ended.code, ended.output) == (1, "")
    assert ended.errors == "127.0.0.1 accepts nothing from line 1 on: connection refused (port 9)\n"


def test_another_server_is_told_from_the_daemon(daemon: RunningDaemon, called: Called) -> None:
    Path("given").write_text(line("one"))
    ended = called("import", "given", f"--url={daemon.url}/elsewhere")
    assert (ended.code, ended.errors) == (1, "127.0.0.1 accepts nothing from line 1 on: it answered 400 Bad Request\n")


COUNTS = {"created": 0, "updated": 0, "unchanged": 0, "errors_total": 1}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (599, {**COUNTS, "errors": [{}]}, "it answered 599"),
        (503, {**COUNTS, "errors": [{"detail": ""}]}, "it answered 503 Service Unavailable"),
        (503, {**COUNTS, "errors": [{"detail": "the disk is full"}]}, "the disk is full"),
        (502, "", "it answered 502 Bad Gateway"),
        (599, "", "it answered 599"),
    ],
)
def test_an_answer_without_words_is_put_into_words(status: int, body: object, said: str, called: Called) -> None:
    Path("given").write_text(line("one"))
    with answering(status, json.dumps(body).encode()) as url:
        ended = called("import", "given", f"--url={url}")
    assert (ended.code, ended.errors) == (1, f"127.0.0.1 accepts nothing from line 1 on: {said}\n")


def test_a_wrong_line_without_words_is_called_wrong(called: Called) -> None:
    Path("given").write_text(line("one"))
    with answering(200, json.dumps({**COUNTS, "errors": [{"line": 1, "detail": ""}]}).encode()) as url:
        ended = called("import", "given", f"--url={url}")
    assert (ended.code, ended.errors) == (1, "given:1: is wrong\n")


def test_most_events_may_be_older_than_the_retention_of_the_daemon(flags: tuple[str, str], called: Called) -> None:
    old = {"started_at": "2010-01-01T00:00:00Z", "finished_at": "2010-01-01T01:00:00Z"}
    Path("given").write_text("\n".join(line("old", version=str(number), **old) for number in range(3)))
    lines = called("import", "given", *flags).errors.splitlines()
    assert lines[0].startswith("given: 3 of the first 3 events are older than the retention of 400d")
    assert lines[-1].startswith(
        "given: 3 of 3 events were not kept, because they are older than the daemon's retention"
    )
