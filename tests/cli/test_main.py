"""The command line, as a process of its own and as a function."""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE

import pytest

from dora_exporter import __version__
from dora_exporter.app.settings import Settings
from dora_exporter.cli import Command, main
from dora_exporter.config.errors import ConfigError

DEADLINE_SECONDS = 30


def run(*arguments: str, folder: Path, **variables: str) -> tuple[int, str, str]:
    """The exit code, the output and the error output of the command in a folder."""
    with command(*arguments, folder=folder, **variables) as process:
        output, errors = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, output, errors


@contextmanager
def command(*arguments: str, folder: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The running command, which does not outlive the test. The tests' own variables are kept from it."""
    passed = {name: value for name, value in os.environ.items() if not name.startswith(("DORA_", "CREDENTIALS_"))}
    with subprocess.Popen(
        [sys.executable, "-m", "dora_exporter", *arguments],
        cwd=folder,
        env={**passed, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_version_is_told(tmp_path: Path) -> None:
    code, output, errors = run("--version", folder=tmp_path)
    assert (code, errors) == (0, "")
    assert output.startswith(f"dora-exporter {__version__} ")


def test_a_good_configuration_is_said_to_be_good(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("retention: 1y")
    assert run("--config.file=config.yaml", "--config.check", folder=tmp_path) == (0, "the configuration is good\n", "")
    assert [each.name for each in tmp_path.iterdir()] == ["config.yaml"]


def test_every_mistake_of_a_bad_configuration_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("retension: 1y\ndefault_environment: NO\napi_keys: hunter2\n")
    lines = [
        "config.yaml:1: retension: unknown key, did you mean retention?",
        "config.yaml:2: default_environment: must be text, but unquoted it is true or false in YAML: put it in quotes",
        "config.yaml:3: api_keys: must be a list",
        "environment variable DORA_FOO: is unknown",
    ]
    told = (1, "", "".join(f"{line}\n" for line in lines))
    assert run("--config.file=config.yaml", "--config.check", folder=tmp_path, DORA_FOO="hunter2") == told
    assert run("--config.file=config.yaml", folder=tmp_path, DORA_FOO="hunter2") == told


def test_files_that_are_read_later_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "config.yaml").write_text(
        "sources:\n  pd: {kind: pagerduty, token_file: token,\n    webhook_secrets_file: nowhere}\n"
        "repositories:\n  shop: {url: 'https://git.example/shop', ssh_key_file: /nowhere/key}\n"
        "store: {url_file: url}\n"
    )
    errors = "".join(
        f"config.yaml:{line}: {key}: the file cannot be read: No such file or directory\n"
        for line, key in (
            (3, "sources.pd.webhook_secrets_file"),
            (5, "repositories.shop.ssh_key_file"),
            (6, "store.url_file"),
        )
    )
    assert run("--config.file=config.yaml", "--config.check", folder=tmp_path) == (1, "", errors)


def test_a_web_configuration_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("tls_server: {}")
    code, output, errors = run("--web.config.file=web.yml", "--config.check", folder=tmp_path)
    assert (code, output) == (1, "")
    assert errors == "web.yml:1: tls_server: unknown key, did you mean tls_server_config?\n"


def test_mistakes_in_both_files_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "web.yml").write_text("tls_server: {}")
    (tmp_path / "config.yaml").write_text("web:\n  config_file: web.yml\nretension: 1y\n")
    assert run("--config.file=config.yaml", "--config.check", folder=tmp_path) == (
        1,
        "",
        (
            "config.yaml:3: retension: unknown key, did you mean retention?\n"
            "web.yml:1: tls_server: unknown key, did you mean tls_server_config?\n"
        ),
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--log.level=loud",),
        ("--log.format=xml",),
        ("--nonsense",),
        ("--config.fil=x",),
        ("serve",),
        ("impot", "events.csv"),
        ("--config.file",),
    ],
)
def test_a_wrong_call_is_answered_with_the_usage(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("usage: dora-exporter")


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("impot", "did you mean import?"),
        ("histroy", "did you mean history?"),
        ("xyz", "commands are demo, import, export, history, catalogue, digest, send, webhook, completion"),
    ],
)
def test_a_command_that_does_not_exist_is_answered_with_the_one_that_was_meant(
    typed: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([typed])
    assert capsys.readouterr().err.endswith(f"dora-exporter: error: unknown command '{typed}', {hint}\n")


def test_the_log_begins_and_becomes_ready_with_the_url_of_the_page(tmp_path: Path) -> None:
    flags = ("--web.listen-address=127.0.0.1:0", "--web.route-prefix=/dora")
    with command(*flags, folder=tmp_path) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(3)]
    starting, listening, ready = lines
    port = re.findall(r"address=127\.0\.0\.1:(\d+)", listening)[0]
    assert 'page="at a free port"' in starting
    assert f"page=http://127.0.0.1:{port}/dora/" in ready


def test_the_daemon_says_where_it_listens_and_stops_when_told(tmp_path: Path) -> None:
    addresses = ("--web.listen-address=127.0.0.1:0", "--web.listen-address=localhost:0")
    with command(*addresses, folder=tmp_path) as process:
        assert process.stderr is not None
        heard = ""
        while "msg=ready" not in heard:
            line = process.stderr.readline()
            assert line, heard
            heard += line
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, output) == (0, "")
    ports = re.findall(r"msg=listening address=\S+:(\d+) tls=false", heard)
    assert len(ports) >= 2
    assert "0" not in ports


def test_the_daemon_may_have_as_many_files_open_as_the_system_allows_it(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        with command("--web.listen-address=127.0.0.1:0", folder=tmp_path) as process:
            assert process.stderr is not None
            assert any("msg=ready" in line for line in process.stderr)
            assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_daemon_that_cannot_start_says_why_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, output, errors = run("--snapshot.path=file/events", "--web.listen-address=127.0.0.1:0", folder=tmp_path)
    assert (code, output) == (1, "")
    starting, reason = errors.splitlines()
    assert "msg=starting" in starting
    assert 'level=error logger=dora_exporter.app.daemon msg="cannot start"' in reason
    assert str(tmp_path / "file/events") in reason


def test_a_command_gets_the_arguments_after_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dora_exporter.cli.COMMANDS", {"count": Command("builtins:len", "counts")})
    assert main(["count", "--version", "x"]) == 2


Served = Callable[..., tuple[Settings, Callable[[], Settings]]]


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Runs the command line up to where the daemon starts: with which settings, and how these are read again."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("DORA_", "CREDENTIALS_"))]:
        monkeypatch.delenv(name)

    def serve(*arguments: str) -> tuple[Settings, Callable[[], Settings]]:
        calls: list[tuple[Settings, Callable[[], Settings]]] = []

        def note(settings: Settings, *, load: Callable[[], Settings]) -> int:
            calls.append((settings, load))
            return 7

        monkeypatch.setattr(
            "dora_exporter.runtime.log_setup.set_up", lambda *_: None
        )  # the test run has a log of its own
        monkeypatch.setattr("logging.captureWarnings", lambda **_: None)
        monkeypatch.setattr("dora_exporter.app.daemon.serve", note)
        assert main(arguments) == 7
        return calls[0]

    return serve


def test_flags_are_settings(served: Served, tmp_path: Path) -> None:
    (tmp_path / "web.yml").touch()
    settings, _ = served(
        "--web.listen-address=127.0.0.1:0",
        "--web.listen-address=[::1]:0",
        "--web.config.file=web.yml",
        "--web.enable-lifecycle",
        "--snapshot.path=events",
        "--log.level=warn",
        "--log.format=json",
    )
    assert settings.web.model_dump(mode="json", include={"listen_addresses", "config_file", "enable_lifecycle"}) == {
        "listen_addresses": ["127.0.0.1:0", "[::1]:0"],
        "config_file": "web.yml",
        "enable_lifecycle": True,
    }
    assert settings.snapshot.path == Path("events")
    assert settings.log.model_dump() == {"level": "warn", "format": "json"}


def test_without_flags_the_file_and_the_defaults_decide(served: Served, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("web: {enable_lifecycle: true}\nlog: {level: error}")
    settings, _ = served("--config.file=config.yaml")
    assert (settings.web.enable_lifecycle, settings.log.level, settings.log.format) == (True, "error", "logfmt")


@pytest.mark.parametrize("variable", ["DORA_SECRETS_DIR", "CREDENTIALS_DIRECTORY", None])
def test_the_folder_of_secrets_is_named_by_a_flag_or_a_variable(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/DORA_API_KEYS").write_text("first\n")
    if variable:
        monkeypatch.setenv(variable, "secrets")
    settings, _ = served(*(() if variable else ("--secrets-dir=secrets",)))
    assert [key.get_secret_value() for key in settings.api_keys] == ["first"]


def test_settings_are_read_again_from_where_they_came(served: Served, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("retention: 1y\nlog: {level: error}")
    _, load = served("--config.file=config.yaml", "--log.level=debug")
    (tmp_path / "config.yaml").write_text("retention: 2y\nlog: {level: error}")
    settings = load()
    assert (settings.retention.text, settings.log.level) == ("2y", "debug")
    (tmp_path / "config.yaml").write_text("retention: 2")
    with pytest.raises(ConfigError):
        load()
