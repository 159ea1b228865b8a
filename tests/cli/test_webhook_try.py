"""``webhook try`` shows what a body becomes, with the code that runs live."""

import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.calling import Called, call
from tests.sources.gitlab_bodies import deployment

OPENED = {"id": 1, "began": "2026-01-31 12:00:00", "changed": "2026-01-31 12:00:00", "services": ["shop"]}
CLOSED = {"id": 1, "changed": "2026-01-31 12:09:00", "ended": "2026-01-31 12:09:00"}
SECRET = "secret-of-the-tool"
RULE = {
    "match": "id",
    "id": "id",
    "started_at": "began",
    "finished_at": "ended",
    "changed_at": "changed",
    "services": "services",
    "delete": "drill",
    "severity": '_headers."x-severity" || _query.severity',
}


@pytest.fixture
def config(tmp_path: Path) -> str:
    tool: dict[str, Any] = {"kind": "webhook", "incidents": RULE, "environment": "production"}
    signed = {**tool, "verify": {"scheme": "hmac", "header": "X-Sig"}, "webhook_secrets": [SECRET]}
    sources = {
        "tool": tool,
        "signed": signed,
        "strict": {**tool, "unmatched": 400},
        "gitlab": {"kind": "gitlab"},
        "secret-gitlab": {"kind": "gitlab", "webhook_secrets": [SECRET]},
        "prometheus": {"kind": "prometheus", "url": "http://prometheus.example"},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"sources": sources}))
    return "--config.file=config.yaml"


def body(folder: Path, said: object, name: str = "body.json") -> str:
    (folder / name).write_text(said if isinstance(said, str) else json.dumps(said))
    return name


def test_the_event_is_printed_as_the_api_shows_it(config: str, called: Called, tmp_path: Path) -> None:
    ended = called("webhook", "try", body(tmp_path, OPENED), config, "--source=tool")

    assert (ended.code, ended.errors) == (0, "body.json: incidents[0]: 1 created\n")
    assert json.loads(ended.output) == {
        "id": "tool:1",
        "type": "dora_failure",
        "attributes": {
            "services": ["shop"],
            "env": "production",
            "started_at": "2026-01-31T12:00:00Z",
            "source": "tool",
        },
    }


def test_several_bodies_are_a_life(config: str, called: Called, tmp_path: Path) -> None:
    files = body(tmp_path, OPENED, "opened"), body(tmp_path, CLOSED, "closed"), body(tmp_path, {"id": 1}, "partial")
    ended = called("webhook", "try", *files, config, "--source=tool")

    shown = [json.loads(each) for each in re.split(r"(?<=^})\n", ended.output, flags=re.MULTILINE) if each]
    assert ended.errors.splitlines() == [
        "opened: incidents[0]: 1 created",
        "closed: incidents[0]: 1 updated",
        "partial: incidents[0]: 1 updated",
    ]
    assert [each["attributes"].get("time_to_restore") for each in shown] == [None, 540, None]


@pytest.mark.parametrize(
    ("said", "source", "words"),
    [
        (
            {"id": 1, "services": ["shop"]},
            "tool",
            ["incidents[0]: 1 quarantined: started_at is missing: the body has nothing at began"],
        ),
        (
            CLOSED,
            "tool",
            ["incidents[0]: ignored: an end without a beginning: started_at is missing: the body has nothing at began"],
        ),
        ({}, "tool", ["no rule: ignored: an event that the source has no use for: no rule matches the body"]),
        (
            {},
            "strict",
            [
                "no rule: ignored: an event that the source has no use for: no rule matches the body",
                "the sender is answered 400",
            ],
        ),
        ("?", "tool", ["refused with 400: the body is not JSON: JSON is malformed: invalid character (byte 0)"]),
        (" " * 300_000, "tool", ["refused: the body is longer than 262144 bytes"]),
        ({"object_kind": "push"}, "gitlab", ["push: ignored: an event that the source has no use for"]),
    ],
)
def test_what_becomes_no_event_is_explained(
    *, said: object, source: str, words: list[str], config: str, called: Called, tmp_path: Path
) -> None:
    ended = called("webhook", "try", body(tmp_path, said), config, f"--source={source}")

    assert (ended.code, ended.output) == (1, "")
    assert ended.errors.splitlines() == [f"body.json: {each}" for each in words]


@pytest.mark.parametrize("source", ["gitlab", "secret-gitlab"])
def test_the_body_of_any_source_that_is_pushed_to_can_be_tried(
    *, source: str, config: str, called: Called, tmp_path: Path
) -> None:
    ended = called("webhook", "try", body(tmp_path, deployment()), config, f"--source={source}")

    assert (ended.code, ended.errors) == (0, "body.json: deployment: 1 created\n")
    assert json.loads(ended.output)["attributes"]["service"] == "test-deployment-webhooks"


@pytest.mark.parametrize(
    ("signature", "code", "word"),
    [(None, 0, "incidents[0]: 1 created"), ("right", 0, "the signature is right"), ("wrong", 1, "refused with 403")],
)
def test_a_signature_is_checked_if_there_is_one(
    *, signature: str | None, code: int, word: str, config: str, called: Called, tmp_path: Path
) -> None:
    file = body(tmp_path, OPENED)
    made = hmac.new(SECRET.encode(), (tmp_path / file).read_bytes(), "sha256").hexdigest()
    header = [] if signature is None else ["-H", f"x-sig: {made if signature == 'right' else made[::-1]}"]
    ended = called("webhook", "try", file, config, "--source=signed", *header)

    assert (ended.code, word in ended.errors) == (code, True), ended.errors
    assert SECRET not in ended.errors + ended.output


@pytest.mark.parametrize("head", [["-H", "X-Severity: high"], ["--query", "severity=high"]])
def test_the_head_of_the_request_can_be_given(head: list[str], config: str, called: Called, tmp_path: Path) -> None:
    ended = called("webhook", "try", body(tmp_path, OPENED), config, "--source=tool", *head)

    assert json.loads(ended.output)["attributes"]["severity"] == "high"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--source=other"], "--source: the configuration has no source of this name; it has gitlab, prometheus, "),
        (["--source=prometheus"], "a source of kind prometheus accepts no webhook requests"),
        (["--source=tool", "-H", "nonsense"], "-H: must be a name and a value with ':' between them"),
    ],
)
def test_what_cannot_be_tried_is_one_line(
    arguments: list[str], reason: str, config: str, called: Called, tmp_path: Path
) -> None:
    ended = called("webhook", "try", body(tmp_path, OPENED), config, *arguments)

    assert (ended.code, ended.output) == (1, "")
    assert ended.errors.startswith(reason)
    assert ended.errors.count("\n") == 1


def test_the_manual_shows_what_is_printed(called: Called, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/sources/webhook.md").read_text(encoding="utf-8")
    (tmp_path / "config.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    (tmp_path / "status-tool-secrets").write_text("secret")
    said = {
        "id": 4711,
        "opened_at": "2026-11-30 12:00:00 +0100",
        "impact": "major",
        "components": [{"name": "Web shop"}],
    }
    for name, incident in (("opened.json", said), ("empty.json", {"id": 4712})):
        body(tmp_path, {"event": "incident.changed", "incident": incident}, name)
        ended = called("webhook", "try", name, "--config.file=config.yaml", "--source=status-tool")

        assert f"{ended.errors}{ended.output}" in page


def test_a_file_that_is_not_there_is_one_line(config: str, called: Called) -> None:
    ended = called("webhook", "try", "nowhere.json", config, "--source=tool")

    assert (ended.code, ended.errors) == (1, "nowhere.json: No such file or directory\n")


def test_a_body_may_come_by_standard_input(config: str, tmp_path: Path) -> None:
    ended = call("webhook", "try", "-", config, "--source=tool", folder=tmp_path, given=json.dumps(OPENED))

    assert (ended.code, ended.errors) == (0, "-: incidents[0]: 1 created\n")


def test_an_unknown_preset_is_named_after_the_command(called: Called, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        called("webhook", "try", "body.json", "--preset=rotly")

    assert left.value.code == 2
    assert "\ndora-exporter webhook try: error: argument --preset: invalid choice: 'rotly'" in capsys.readouterr().err
