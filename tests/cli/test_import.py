"""Events from a file into the snapshot file."""

import json
from pathlib import Path

import pytest
from tests.builders import DAY_MS, deployment
from tests.cli.calling import NAME, Called, call, kept, state, store_of
from tests.storage.file.logs import opened

from dora_exporter.dora.events import Checkout, Deployment, Incident, same_content
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import encode

NOW = system_clock() // 1000
SNAPSHOT = f"--snapshot.path={NAME}"
SHA = "A" * 40
LOOP = "loop: cannot be read: Too many levels of symbolic links"
LOOP_OF_SNAPSHOT = "snapshot file loop cannot be used: Too many levels of symbolic links"
ID = "0123456789abcdef"


def line(kind: str = "deployment", **attributes: object) -> str:
    given = {"service": "checkout", "started_at": NOW - 60, "finished_at": NOW - 30, **attributes}
    return json.dumps({"type": kind, "attributes": {name: each for name, each in given.items() if each is not None}})


def written(text: str, name: str = "given") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_lines_of_the_bulk_endpoint_are_taken(called: Called) -> None:
    failure = line("failure", service=None, services=["cart"], finished_at=None)
    ended = called("import", written(f"{line(version='v1')}\n\n{failure}"), SNAPSHOT)
    assert (ended.code, ended.output, ended.errors) == (0, "2 created, 0 updated, 0 unchanged; 0 wrong\n", "")
    store = store_of(Path(NAME))
    assert [each.version for each in store.deployments.values()] == ["v1"]
    assert [each.services for each in store.incidents.values()] == [("cart",)]


def test_what_is_imported_again_changes_nothing(called: Called) -> None:
    file = written(line())
    called("import", file, SNAPSHOT)
    before = state(store_of(Path(NAME)))
    assert called("import", file, SNAPSHOT).output == "0 created, 0 updated, 1 unchanged; 0 wrong\n"
    assert state(store_of(Path(NAME))) == before


def test_standard_input_is_a_file_too(tmp_path: Path) -> None:
    ended = call("import", "-", SNAPSHOT, folder=tmp_path, given=f"{line()}\n{{}}\n")
    assert ended.code == 1
    assert ended.output == "1 created, 0 updated, 0 unchanged; 1 wrong\n"
    assert ended.errors.startswith("-:2: ")


def test_the_default_environment_is_the_configured_one(called: Called) -> None:
    written("default_environment: live", "config.yaml")
    called("import", written(line()), SNAPSHOT, "--config.file=config.yaml")
    assert [each.environment for each in store_of(Path(NAME)).deployments.values()] == ["live"]


def test_wrong_lines_are_told_by_number_and_the_others_kept(called: Called) -> None:
    wrong = [line(service=""), "{", line(finished_at=NOW - 90), line("release"), line(finished_at=NOW - 500 * 86_400)]
    ended = called("import", written("\n".join([line(), *wrong, line(version="v2")])), SNAPSHOT)
    assert (ended.code, ended.output) == (1, "2 created, 0 updated, 0 unchanged; 5 wrong\n")
    told = ended.errors.splitlines()
    assert [each.split(": ")[0] for each in told] == [f"given:{number}" for number in range(2, 7)]
    assert told[0] == 'given:2: attribute "service" must not be empty'
    assert told[2] == 'given:4: attribute "finished_at" must not be before started_at'


def test_an_attribute_that_is_unknown_is_told_at_its_first_line(called: Called) -> None:
    odd = [line(id=name * 32, serivce="x") for name in "ab"]
    ended = called("import", written("\n".join([line(), *odd])), SNAPSHOT)
    assert (ended.code, ended.output) == (0, "3 created, 0 updated, 0 unchanged; 0 wrong\n")
    assert ended.errors == 'given:2: attribute "serivce" is unknown and ignored, did you mean service?\n'


def test_no_more_than_a_hundred_wrong_lines_are_told(called: Called) -> None:
    ended = called("import", written("{\n" * 150), SNAPSHOT)
    assert len(ended.errors.splitlines()) == 101
    assert ended.errors.endswith("given: 150 lines are wrong in all\n")


CSV = f"""\
type,service,env,started_at,finished_at,version,team,id,commit_sha,repository_url,custom_tags,name,severity
deployment,a;b,production,{NOW - 60},{NOW - 30},v1,crew,{ID},{SHA},https://me:secret@git.example.com/shop.git,x:1;y,,
failure,cart;checkout,,{NOW - 60},,,,,,,,"It is
down",SEV-1
deployment,plain,,{(NOW - 60) * 1000},{(NOW - 30) * 1000},,,,,,,,

failure,"quoted, ""so"" it is",,2026-01-01T00:00:00Z,2026-01-01T01:00:00+01:00,,,,,,,,
"""


def test_csv_has_the_attributes_as_columns(called: Called) -> None:
    written("retention: 20y", "config.yaml")
    for text in (CSV, "\ufeff" + CSV.replace("\n", "\r\n")):
        Path(NAME).unlink(missing_ok=True)
        ended = called("import", written(text), SNAPSHOT, "--config.file=config.yaml")
        assert (ended.code, ended.errors, ended.output) == (0, "", "4 created, 0 updated, 0 unchanged; 0 wrong\n")
        store = store_of(Path(NAME))
        full, plain = store.deployments.values()
        several, timed = store.incidents.values()
        assert same_content(
            full,
            Deployment(
                id=ID,
                service="a;b",
                environment="production",
                started_at=(NOW - 60) * 1000,
                finished_at=(NOW - 30) * 1000,
                version="v1",
                commit_sha=SHA.lower(),
                repository="git.example.com/shop",
                team="crew",
                tags=("x:1", "y"),
            ),
        )
        assert (plain.service, plain.environment, plain.started_at) == ("plain", "none", full.started_at)
        assert (several.services, several.finished_at, several.severity) == (("cart", "checkout"), None, "SEV-1")
        assert (several.name or "").splitlines() == ["It is", "down"]
        assert timed.services == ('quoted, "so" it is',)
        assert timed.started_at == timed.finished_at == 1_767_225_600_000


def test_a_row_may_tell_an_attempt(called: Called) -> None:
    header = "type,service,started_at,finished_at,outcome\n"
    row = f"deployment,checkout,{NOW - 60},{NOW - 30},canceled\n"
    ended = called("import", written(header + row), SNAPSHOT)
    assert (ended.code, ended.errors) == (0, "")
    (attempt,) = store_of(Path(NAME)).deployments.values()
    assert attempt.outcome == "canceled"


def test_a_row_may_have_several_repositories(called: Called) -> None:
    other = "c" * 40
    header = "type,service,started_at,finished_at,commit_sha,repository_url\n"
    row = (
        f"deployment,checkout,{NOW - 60},{NOW - 30},{SHA};{other},https://git.example/shop;https://git.example/config\n"
    )
    ended = called("import", written(header + row), SNAPSHOT)
    assert (ended.code, ended.errors) == (0, "")
    (held,) = store_of(Path(NAME)).deployments.values()
    assert (held.repository, held.commit_sha) == ("git.example/shop", SHA.lower())
    assert held.further == (Checkout("git.example/config", other),)
    ended = called("import", written(header + row.replace(";https://git.example/config", "")), SNAPSHOT)
    assert "commit_sha and repository_url must have the same number of parts" in ended.errors


HEADER = "type,service,started_at,finished_at\n"
TIME = "must be a Unix time in seconds, milliseconds or nanoseconds, or an RFC 3339 date-time such as"
GOOD = f"deployment,checkout,{NOW - 60},{NOW - 30}\n"
ROW = "deployment,checkout,NOW,NOW\n"
"""A row whose test fills the clock in, so that no test is named by the time."""


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("type,servise,started_at\n", "1: column 'servise' is unknown: there are type, service, env, environment, "),
        ("type,service,service,started_at\n", "1: column 'service' is there twice"),
        ("type,service,finished_at\n", "1: column 'started_at' is missing"),
        (HEADER + ROW + "deployment,checkout,NOW,NOW,x\n", "3: has more cells than the first line"),
        (HEADER + ROW + "deployment,checkout\n", '3: attribute "started_at" is required'),
        (HEADER + ROW + "deployment,,NOW,NOW\n", '3: attribute "service" is required'),
        (HEADER + "release,checkout,NOW,NOW\n", '2: attribute "type" must be "deployment" or "failure"'),
        (HEADER + ",checkout,NOW,NOW\n", '2: attribute "type" must be "deployment" or "failure"'),
        (HEADER + "deployment,checkout,yesterday,today\n", f'2: attribute "started_at" {TIME}'),
        (HEADER + "deployment,checkout,NOW.5,NOW\n", f'2: attribute "started_at" {TIME}'),
        (HEADER + "deployment,checkout,0,NOW\n", '2: attribute "started_at" is before the year 2000'),
        (
            HEADER + "deployment,checkout,1999-12-31T23:59:59Z,NOW\n",
            '2: attribute "started_at" is before the year 2000',
        ),
        (HEADER + "deployment,_other,NOW,NOW\n", '2: attribute "service" must not be "_other"'),
        (HEADER + "failure,a;_other,NOW,\n", '2: attribute "services" must not be "_other"'),
        (HEADER + "deployment,checkout,-1,NOW\n", '2: attribute "started_at" must not be negative'),
        (HEADER + f"deployment,checkout,{'9' * 5000},1\n", f'2: attribute "started_at" {TIME}'),
        (HEADER + 'failure,"a\nb",NOW,\n' + "x,,,\n", '4: attribute "type" must be "deployment" or "failure"'),
        (HEADER + 'deployment,"a"b,NOW,NOW\n' + ROW, "2: is no CSV: ',' expected after '\"'; the rest is not "),
        (HEADER + 'deployment,"open,NOW,NOW\n', "2: is no CSV: unexpected end of data; the rest is not read"),
        ("type,service,started_at,commit_sha\n" + "failure,x,NOW,SHA\n", '2: attribute "git.repository_url" is '),
    ],
)
def test_mistakes_in_csv_are_told_by_line(text: str, mistake: str, called: Called) -> None:
    ended = called("import", written(text.replace("NOW", str(NOW)).replace("SHA", SHA)), SNAPSHOT)
    assert ended.code == 1
    assert ended.errors.splitlines()[-1].startswith(f"given:{mistake}")


def test_a_row_that_is_not_utf_8_is_wrong_alone(called: Called) -> None:
    rows = (HEADER + GOOD + GOOD.replace("checkout", "caf\xe9") + GOOD.replace("checkout", "cart")).encode("latin-1")
    Path("given").write_bytes(rows)
    ended = called("import", "given", SNAPSHOT)
    assert (ended.code, ended.errors) == (1, "given:3: is not UTF-8\n")
    assert {each.service for each in store_of(Path(NAME)).deployments.values()} == {"checkout", "cart"}


def test_an_export_with_wrong_lines_is_told_by_number(called: Called) -> None:
    kept(Path("export"), [deployment(id="one"), deployment(id="two"), deployment(id="three")])
    lines = Path("export").read_bytes().splitlines(keepends=True)
    flipped = lines[2].replace(b"checkout", b"checkins")
    Path("export").write_bytes(b"".join([*lines[:2], flipped, lines[3], b'{"crc": "0', b"\n"]))
    ended = called("import", "export", SNAPSHOT)
    assert (ended.code, ended.output) == (1, "2 created, 0 updated, 0 unchanged; 2 wrong\n")
    assert [each.split(": ")[0] for each in ended.errors.splitlines()] == ["export:3", "export:5"]
    assert ended.errors.startswith("export:3: the checksum does not match\n")
    assert list(store_of(Path(NAME)).deployments) == ["one", "three"]


@pytest.mark.parametrize("first", [b'{"crc": "00000000", "rec": {}}\n', encode(deployment())])
def test_an_export_of_another_version_is_not_read(first: bytes, called: Called) -> None:
    Path("export").write_bytes(first + encode(deployment()))
    ended = called("import", "export", SNAPSHOT)
    assert (ended.code, ended.output) == (1, "0 created, 0 updated, 0 unchanged; 1 wrong\n")
    assert ended.errors == "export:1: is not the first line of an export of version 1; the rest is not read\n"


def test_an_export_keeps_what_is_older_than_the_retention(called: Called) -> None:
    kept(Path("export"), [deployment(finished_at=system_clock() - 4000 * DAY_MS)])
    assert called("import", "export", SNAPSHOT).output == "1 created, 0 updated, 0 unchanged; 0 wrong\n"


@pytest.mark.parametrize("exists", [True, False])
def test_a_dry_run_says_what_would_happen_and_stores_nothing(called: Called, *, exists: bool) -> None:
    if exists:
        called("import", written(line(id=ID)), SNAPSHOT)
    before = {each.name: each.read_bytes() for each in Path().iterdir()}
    text = f"{line(id=ID, version='v2')}\n{line()}\n{{\n"
    ended = called("import", written(text, "more"), SNAPSHOT, "--dry-run")
    counts = "1 created, 1 updated" if exists else "2 created, 0 updated"
    assert (ended.code, ended.output) == (1, f"nothing is stored; it would be {counts}, 0 unchanged; 1 wrong\n")
    assert ended.errors.startswith("more:3: ")
    Path("more").unlink()
    assert {each.name: each.read_bytes() for each in Path().iterdir()} == before


async def test_a_file_in_use_is_refused_in_one_line_but_a_dry_run_may_look(tmp_path: Path) -> None:
    (tmp_path / "given").write_text(line())
    async with opened(tmp_path / NAME):
        ended = call("import", "given", SNAPSHOT, folder=tmp_path)
        rehearsed = call("import", "given", SNAPSHOT, "--dry-run", folder=tmp_path)
    assert (ended.code, ended.output) == (1, "")
    reason = "is in use by another process: if that is the daemon, send it the file with --url"
    assert ended.errors == f"snapshot file {tmp_path / NAME} {reason}\n"
    assert (rehearsed.code, rehearsed.errors) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("absent",), "absent: No such file or directory"),
        ((".",), ".: Is a directory"),
        (("given", "--api-key-file=key"), "--api-key-file needs --url: the snapshot file needs no key"),
        (("given", "--url=localhost:3672"), "--url must be a URL such as http://127.0.0.1:3672"),
        (("given", "--url=http://[x"), "--url must be a URL such as http://127.0.0.1:3672"),
        (("given", "--url=http://127.0.0.1:9", "--api-key-file=absent"), "absent: no such file"),
        (("given", "--url=http://127.0.0.1:9", "--api-key-file=loop"), LOOP),
        (("loop",), "loop: Too many levels of symbolic links"),
        (("given", "--snapshot.path=loop"), LOOP_OF_SNAPSHOT),
        (("given", "--dry-run", "--snapshot.path=loop"), LOOP_OF_SNAPSHOT),
        (("given", "--config.file=loop"), LOOP),
        (("given", "--config.file=absent.yaml"), "absent.yaml: no such file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: tuple[str, ...], reason: str, called: Called) -> None:
    written(line())
    Path("loop").symlink_to("loop")
    ended = called("import", SNAPSHOT, *arguments)
    assert (ended.code, ended.output, ended.errors.replace(f"{Path.cwd()}/", "")) == (1, "", f"{reason}\n")


@pytest.mark.parametrize("arguments", [(), ("one", "two"), ("one", "--nonsense"), ("one", "--dry")])
def test_a_wrong_call_is_answered_with_the_usage(arguments: tuple[str, ...], called: Called) -> None:
    with pytest.raises(SystemExit) as left:
        called("import", *arguments)
    assert left.value.code == 2


def test_an_incident_may_name_only_a_team(called: Called) -> None:
    text = f"type,service,team,started_at\nfailure,,crew,{NOW}\n"
    assert called("import", written(text), SNAPSHOT).code == 0
    [only] = store_of(Path(NAME)).incidents.values()
    assert same_content(only, Incident(only.id, (), "none", NOW * 1000, team="crew"))


TABLE = (
    ("type", "service", "environment", "started_at", "finished_at", "custom_tags"),
    ("deployment", "größe", "live", str(NOW - 60), str(NOW - 30), "a:1"),
    ("failure", "cart", "", "2026-01-01T00:00:00Z", "", ""),
)
"""What a spreadsheet holds."""


def saved(delimiter: str, *, ending: str = "\r\n", width: int = 0, before: str = "") -> str:
    """The table as a spreadsheet saves it: rows as wide as the widest, and blank rows in between."""
    rows = [delimiter.join(row) + delimiter * width for row in TABLE]
    blank = delimiter * (len(TABLE[0]) - 1 + width)
    return before + ending.join([rows[0], blank, rows[1], "", rows[2], blank, ""])


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "text",
    [
        saved(","),
        saved(";"),
        saved("\t"),
        saved(";", width=3),
        saved(",", ending="\n"),
        saved(";", ending="\r"),
        saved(";", before=";;;\r\n\r\n"),
        saved("\t", before="sep=\t\r\n"),
        saved(";", before="SEP=;\r\n"),
        saved(";").replace("live", '"live"').replace("service", ' "service" '.strip()),
        saved(";").rstrip("\r\n;"),
    ],
    ids=[
        "commas",
        "semicolons",
        "tabs",
        "wide",
        "newlines",
        "returns",
        "blank",
        "hint",
        "other hint",
        "quoted",
        "open",
    ],
)
def test_csv_is_taken_as_spreadsheets_write_it(text: str, coding: str, called: Called) -> None:
    mark = {"utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}.get(coding, "")
    Path("given").write_bytes((mark + text).encode(coding))
    Path("config.yaml").write_text("retention: 20y")
    ended = called("import", "given", SNAPSHOT, "--config.file=config.yaml")
    assert (ended.code, ended.errors, ended.output) == (0, "", "2 created, 0 updated, 0 unchanged; 0 wrong\n")
    [held] = store_of(Path(NAME)).deployments.values()
    [failure] = store_of(Path(NAME)).incidents.values()
    assert (held.service, held.environment, held.started_at, held.tags) == (
        "größe",
        "live",
        (NOW - 60) * 1000,
        ("a:1",),
    )
    assert (failure.services, failure.environment, failure.finished_at) == (("cart",), "none", None)


def test_mistakes_in_a_spreadsheet_have_its_line_numbers(called: Called) -> None:
    text = f"sep=;\n;;\ntype;service;started_at;finished_at;;\n\ndeployment;a;{NOW},5;{NOW};;\ndeployment;a;;{NOW};;x\n"
    ended = called("import", written(text), SNAPSHOT)
    assert sorted(ended.errors.splitlines()) == [
        f'given:5: attribute "started_at" {TIME} 2026-01-31T12:00:00Z',
        "given:6: has more cells than the first line",
    ]


@pytest.mark.parametrize("end", [b"\x00", b"\x00\xd8a\x00\n\x00"], ids=["half a unit", "half a pair"])
def test_what_begins_like_utf_16_and_is_none_is_told(end: bytes, called: Called) -> None:
    Path("given").write_bytes(f"{saved(';')}\n".encode("utf-16") + end)
    ended = called("import", "given", SNAPSHOT, "--dry-run")
    assert ended.code == 1
    assert "starts like UTF-16 but is not" in ended.errors


def test_lines_in_utf_16_are_taken_too(called: Called) -> None:
    Path("given").write_bytes(f"\n{line()}\r\n".encode("utf-16"))
    assert called("import", "given", SNAPSHOT).output == "1 created, 0 updated, 0 unchanged; 0 wrong\n"


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
def test_an_import_that_mostly_hits_the_retention_says_so_before_and_after(
    flags: tuple[str, ...], called: Called
) -> None:
    old = {"started_at": "2010-01-01T00:00:00Z", "finished_at": "2010-01-01T01:00:00Z"}
    text = "\n".join([line(), "{", *(line(version=str(number), **old) for number in range(3))])
    lines = called("import", written(text), SNAPSHOT, *flags).errors.splitlines()
    assert lines[0] == (
        "given: 3 of the first 5 events are older than the retention of 400d, which does not keep them: "
        "to have them, raise retention first"
    )
    assert lines[1].startswith("given:2: the body is not JSON")
    assert lines[-1] == (
        "given: 3 of 5 events were not kept, because they are older than the retention of 400d: "
        "raise it and import them again"
    )


def test_an_import_that_seldom_hits_the_retention_names_the_lines_only(called: Called) -> None:
    old = {"started_at": "2010-01-01T00:00:00Z", "finished_at": "2010-01-01T01:00:00Z"}
    text = "\n".join([line(), line(version="1"), line(version="2", **old), line(version="3", **old)])
    ended = called("import", written(text), SNAPSHOT)
    assert [each.split(": ")[0] for each in ended.errors.splitlines()] == ["given:3", "given:4"]
