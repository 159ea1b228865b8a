"""The documentation is true: its commands run as written, its tables are current, its configurations are good."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import trustme
import yaml
from tests.builders import deployment
from tests.cli.calling import environment, kept
from tests.docs import endpoint_table, manual, metric_tables, pipeline, setting_table
from tests.docs.living import Documented, documented
from tests.e2e.daemon import Daemon
from tests.e2e.programs import program

from dora_exporter.app import daemon as app
from dora_exporter.app import load_settings
from dora_exporter.app.settings import Settings
from dora_exporter.cli import serve
from dora_exporter.dora.events import DAY_MS
from dora_exporter.runtime.clock import system_clock
from dora_exporter.web.security import web_config

PAGES = manual.pages()
EVERYTHING = "\n".join(page.text for page in PAGES)
EXAMPLES = {page.name: list(manual.examples(page.text)) for page in PAGES}
ADDRESS = "127.0.0.1:3672"
SECONDS = 60


@dataclass(frozen=True)
class Located:
    """A block, and where it stands."""

    text: str
    place: str


def blocks(*languages: str) -> list[Located]:
    """The blocks of all pages in these languages."""
    return [
        Located(block.text, f"{page.name}:{block.line}")
        for page in PAGES
        for block in manual.blocks(page.text, *languages)
    ]


def configurations(of: str | None) -> list[Located]:
    """The YAML blocks of a file that their first line names, or the configurations of the daemon."""
    return [
        block
        for block in blocks("yaml")
        if (named[1] if (named := re.match(r"# (\w+\.yml|\w+\.yaml)\n", block.text)) else None) == of
    ]


def place(block: Located) -> str:
    """The name of a test about a block."""
    return block.place


def started(folder: Path) -> Daemon:
    """A daemon with the rules that the examples ask for."""
    (rules,) = (block.text for block in blocks("yaml") if block.text.startswith("failures:"))
    (folder / "rules.yaml").write_text(rules)
    settings = load_settings.load(file=folder / "rules.yaml", flags=[], variables={}, secrets_folder=None)
    return Daemon(folder, {"failures": settings.failures.model_dump(mode="json")})


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documented]:
    """A daemon that has keys and a sample in every family."""
    with documented(tmp_path_factory.mktemp("tables")) as serve:
        yield serve


Printed = Callable[[str], list[subprocess.CompletedProcess[str]]]


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Printed:
    """What the examples of a page print, run one after the other as they stand on a daemon of their own."""
    program("curl")

    @cache
    def of(page: str) -> list[subprocess.CompletedProcess[str]]:
        with started(tmp_path_factory.mktemp("examples")).running() as running:
            address = f"{running.host}:{running.port}"
            return [run(example.commands.text.replace(ADDRESS, address)) for example in EXAMPLES[page]]

    return of


def run(commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("sh"), "-c", commands], capture_output=True, encoding="utf-8", check=False, timeout=SECONDS
    )


@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(page, number, id=f"{page}:{example.commands.line}")
        for page, examples in EXAMPLES.items()
        for number, example in enumerate(examples)
    ],
)
def test_the_commands_print_what_they_promise(page: str, number: int, printed: Printed) -> None:
    assert printed(page)[number].stderr == ""
    assert printed(page)[number].stdout.strip() == (EXAMPLES[page][number].output or "").strip()


@pytest.mark.e2e
def test_the_python_example_sends_a_deployment(tmp_path: Path) -> None:
    (script,) = blocks("python")
    with started(tmp_path).running() as running:
        (tmp_path / "send.py").write_text(script.text.replace(ADDRESS, f"{running.host}:{running.port}"))

        subprocess.run([sys.executable, tmp_path / "send.py"], check=True, env={**os.environ, "DD_API_KEY": "any"})

        assert running.sample("dora_deployments", service="search", environment="production", window="7d") == 1


@pytest.mark.e2e
def test_the_commands_of_pipelines_succeed(tmp_path: Path) -> None:
    pages = ("docs/sending-events/clients.md", "docs/lead-time.md")
    commands = "".join(block.text for name in pages for block in manual.blocks(manual.page(name).text, "bash"))

    elsewhere = "docs/operations/migration.md"  # tests/docs/test_moving_over.py runs its commands
    assert {each.place.partition(":")[0] for each in blocks("bash")} == {*pages, elsewhere}
    assert pipeline.run(commands, tmp_path) == {"checkout": commands.count("dora deployment")}


@pytest.mark.e2e
def test_the_past_becomes_few_blocks_of_prometheus(tmp_path: Path) -> None:
    """As the manual says to do it; without a limit promtool makes a block of every two hours."""
    (commands, *_) = manual.blocks(manual.page("docs/operations/history.md").text, "text")
    (tmp_path / "config.yaml").write_text("snapshot: {path: events.snapshot}\n")
    now = system_clock()
    events = [deployment(id=f"deployment-number-{n}", finished_at=now - n * DAY_MS) for n in range(100)]
    kept(tmp_path / "events.snapshot", events)
    typed = commands.text.replace("dora-exporter ", f"'{sys.executable}' -m dora_exporter ").replace("/var/lib/", "./")

    subprocess.run([program("bash"), "-ec", typed], cwd=tmp_path, env=environment(), check=True, timeout=SECONDS)

    made = [file for file in (tmp_path / "prometheus").iterdir() if (file / "meta.json").exists()]
    assert 4 <= len(made) <= 6  # of at most 20 days each


def test_the_readme_names_one_command_for_each_purpose() -> None:
    run, demo, test = (block.text for block in manual.blocks(manual.page(manual.README).text, "shell"))

    assert re.fullmatch(r"python3 -m venv .* --config\.file=config\.example\.yaml\n", run)
    assert re.fullmatch(r"\.venv/bin/dora-exporter demo .*\n", demo)
    assert re.fullmatch(r"python3 -m venv .* -m pytest -n 2 --dist loadfile\n", test)


def table(name: str) -> list[tuple[str, ...]]:
    """A table that is made from the code."""
    return manual.table(manual.page_with(name).text, name)


def test_the_tables_of_metrics_are_the_exposition(living: Documented) -> None:
    found = metric_tables.families(living.exposition())

    assert table("metrics") == metric_tables.rows(found)
    assert table("own metrics") == metric_tables.own_rows(found)
    assert table("database metrics") == metric_tables.database_rows()
    assert metric_tables.orphans(found) == []
    assert {name for name in metric_tables.unsampled(found) if "compaction" not in name} == set()


def test_the_table_of_settings_is_current() -> None:
    rows = table("settings")
    meanings = {manual.code(key): meaning for key, _, _, meaning in rows}

    assert rows == setting_table.rows(Settings, meanings)
    assert [key for key, meaning in meanings.items() if not meaning] == []


def test_the_table_of_endpoints_is_what_the_daemon_serves(living: Documented) -> None:
    rows = table("endpoints")
    serve = app.Daemon(Settings(), Settings)
    served = {(route.method, route.resource.canonical) for route in serve.routes() if route.resource}

    assert rows == endpoint_table.rows(living)
    assert {(manual.code(method), manual.code(path)) for method, path, *_ in rows} == {
        (method, path) for method, path in served if method not in {"HEAD", "OPTIONS"}
    }


def test_the_table_of_flags_is_what_the_command_line_takes() -> None:
    flags = {
        option: bool(action.metavar or action.choices)
        for action in serve.parser({})._actions
        for option in action.option_strings
    }
    text = manual.page("docs/configuration/index.md").text  # other pages have the flags of other commands
    documented_flags = re.findall(r"^\| `(--[\w.-]+)(=[A-Z:]+)?` \|", text, re.MULTILINE)

    assert {name: bool(value) for name, value in documented_flags} == {
        name: takes_value for name, takes_value in flags.items() if name not in {"-h", "--help"}
    }


@pytest.mark.parametrize("block", configurations(None), ids=place)
def test_the_configurations_are_good(block: Located, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a-key\n")
    (tmp_path / "config.yaml").write_text(block.text)

    load_settings.load(file=tmp_path / "config.yaml", flags=[], variables={}, secrets_folder=None)


@pytest.mark.parametrize("block", configurations("web.yaml"), ids=place)
def test_the_web_configurations_are_good(block: Located, tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    (tmp_path / "web.yaml").write_text(block.text)

    assert web_config.load(tmp_path / "web.yaml").users


@pytest.mark.parametrize("block", configurations("prometheus.yml"), ids=place)
def test_the_scrape_configurations_are_good(block: Located, tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(block.text)

    subprocess.run([program("promtool"), "check", "config", tmp_path / "prometheus.yml"], check=True, timeout=SECONDS)
    assert "honor_labels: true" in block.text


@pytest.mark.parametrize("block", configurations("alertmanager.yml"), ids=place)
def test_the_alertmanager_configurations_are_good(block: Located, tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text(block.text)

    subprocess.run([program("amtool"), "check-config", tmp_path / "alertmanager.yml"], check=True, timeout=SECONDS)


def test_the_queries_of_sources_are_good(tmp_path: Path) -> None:
    loaded = [yaml.safe_load(block.text) for block in configurations(None)]
    sources = [source for each in loaded for source in each.get("sources", {}).values()]
    queries = [source["query"] for source in sources if source["kind"] == "prometheus" and "query" in source]

    assert len(queries) > 1
    check_rules(queries, tmp_path)


def check_rules(expressions: list[str], folder: Path) -> None:
    """Has Prometheus parse expressions."""
    rules = [{"record": "docs", "labels": {"n": str(n)}, "expr": each} for n, each in enumerate(expressions)]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "docs", "rules": rules}]}))
    subprocess.run([program("promtool"), "check", "rules", folder / "rules.yml"], check=True, timeout=SECONDS)


@pytest.mark.parametrize("block", blocks("promql"), ids=place)
def test_the_expressions_are_good_and_use_metrics_that_exist(
    block: Located, living: Documented, tmp_path: Path
) -> None:
    named = set(re.findall(r"\bdora_\w+", block.text))

    check_rules([block.text], tmp_path)
    assert named <= set(metric_tables.families(living.exposition()))


def test_metrics_named_in_the_text_exist(living: Documented) -> None:
    named = set(re.findall(r"`(dora_[a-z_]+[a-z])(?:\{[^`]*\})?`", EVERYTHING))
    named.remove("dora_metrics_read")  # a right in Datadog

    shared = {manual.code(name) for name, *_ in metric_tables.database_rows()}
    assert named - shared - set(metric_tables.families(living.exposition())) == set()
