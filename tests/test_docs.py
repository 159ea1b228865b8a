"""The documentation is true: its commands run as written, its tables are current, its configurations are good."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import yaml
from tests.docs import endpoint_table, metric_tables, pipeline, readme, setting_table
from tests.docs.living import Documented, documented
from tests.e2e.daemon import Daemon, RunningDaemon
from tests.e2e.programs import program

from dora_exporter import app, config, web_config
from dora_exporter.commands import daemon
from dora_exporter.config import Settings

MARKDOWN = readme.text()
EXAMPLES = list(readme.examples(MARKDOWN))
CONFIGURATIONS = readme.blocks(MARKDOWN, "yaml")
ADDRESS = "127.0.0.1:3672"
SECONDS = 60


def lines(blocks: list[readme.Block]) -> list[str]:
    """Names for tests about blocks."""
    return [f"line{block.line}" for block in blocks]


def configurations(of: str | None) -> list[readme.Block]:
    """The YAML blocks of a file that their first line names, or the configurations of the daemon."""
    return [
        block
        for block in CONFIGURATIONS
        if (named[1] if (named := re.match(r"# (\w+\.yml|\w+\.yaml)\n", block.text)) else None) == of
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon with the rules that the examples ask for."""
    folder = tmp_path_factory.mktemp("examples")
    rules = next(block.text for block in CONFIGURATIONS if block.text.startswith("failures:"))
    (folder / "rules.yaml").write_text(rules)
    settings = config.load(file=folder / "rules.yaml", flags=[], variables={}, secrets_folder=None)
    with Daemon(folder, {"failures": settings.failures.model_dump(mode="json")}).running() as daemon:
        yield daemon


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documented]:
    """A daemon that has keys and a sample in every family."""
    with documented(tmp_path_factory.mktemp("tables")) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def printed(running: RunningDaemon) -> list[subprocess.CompletedProcess[str]]:
    """What the examples print, run one after the other as they stand."""
    program("curl")
    return [run(example.commands.text.replace(ADDRESS, f"{running.host}:{running.port}")) for example in EXAMPLES]


def run(commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("sh"), "-c", commands], capture_output=True, encoding="utf-8", check=False, timeout=SECONDS
    )


@pytest.mark.parametrize("place", range(len(EXAMPLES)), ids=lines([example.commands for example in EXAMPLES]))
def test_the_commands_print_what_they_promise(place: int, printed: list[subprocess.CompletedProcess[str]]) -> None:
    assert printed[place].stderr == ""
    assert printed[place].stdout.strip() == (EXAMPLES[place].output or "").strip()


@pytest.mark.e2e
def test_the_python_example_sends_a_deployment(running: RunningDaemon, tmp_path: Path) -> None:
    (script,) = readme.blocks(MARKDOWN, "python")
    (tmp_path / "send.py").write_text(script.text.replace(ADDRESS, f"{running.host}:{running.port}"))

    subprocess.run([sys.executable, tmp_path / "send.py"], check=True, env={**os.environ, "DD_API_KEY": "any"})

    assert running.sample("dora_deployments", service="search", environment="production", window="7d") == 1


@pytest.mark.e2e
def test_the_commands_of_pipelines_succeed(tmp_path: Path) -> None:
    commands = "".join(block.text for block in readme.blocks(MARKDOWN, "bash"))

    assert pipeline.run(commands, tmp_path) == {"checkout": commands.count("dora deployment")}


def test_the_quick_start_names_one_command_for_each_purpose() -> None:
    run, test, _demo = (block.text for block in readme.blocks(MARKDOWN, "shell"))

    assert re.fullmatch(r"python3 -m venv .* --config\.file=config\.example\.yaml\n", run)
    assert re.fullmatch(r"python3 -m venv .* -m pytest\n", test)


def test_the_tables_of_metrics_are_the_exposition(living: Documented) -> None:
    found = metric_tables.families(living.exposition())

    assert readme.table(MARKDOWN, "metrics") == metric_tables.rows(found)
    assert readme.table(MARKDOWN, "own metrics") == metric_tables.own_rows(found)
    assert readme.table(MARKDOWN, "database metrics") == metric_tables.database_rows()
    assert metric_tables.orphans(found) == []
    assert {name for name in metric_tables.unsampled(found) if "compaction" not in name} == set()


def test_the_table_of_settings_is_current() -> None:
    rows = readme.table(MARKDOWN, "settings")
    meanings = {readme.code(key): meaning for key, _, _, meaning in rows}

    assert rows == setting_table.rows(Settings, meanings)
    assert [key for key, meaning in meanings.items() if not meaning] == []


def test_the_table_of_endpoints_is_what_the_daemon_serves(living: Documented) -> None:
    rows = readme.table(MARKDOWN, "endpoints")
    daemon = app.Daemon(Settings(), Settings)
    served = {
        (route.method, route.resource.canonical) for route in daemon._runner.app.router.routes() if route.resource
    }

    assert rows == endpoint_table.rows(living)
    assert {(readme.code(method), readme.code(path)) for method, path, *_ in rows} == {
        (method, path) for method, path in served if method != "HEAD"
    }


def test_the_table_of_flags_is_what_the_command_line_takes() -> None:
    flags = {
        option: bool(action.metavar or action.choices)
        for action in daemon._parser(())._actions
        for option in action.option_strings
    }
    documented_flags = re.findall(r"^\| `(--[\w.-]+)(=[A-Z:]+)?` \|", MARKDOWN, re.MULTILINE)

    assert {name: bool(value) for name, value in documented_flags} == {
        name: takes_value for name, takes_value in flags.items() if name not in {"-h", "--help"}
    }


@pytest.mark.parametrize("block", configurations(None), ids=lines(configurations(None)))
def test_the_configurations_are_good(block: readme.Block, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a-key\n")
    (tmp_path / "config.yaml").write_text(block.text)

    config.load(file=tmp_path / "config.yaml", flags=[], variables={}, secrets_folder=None)


@pytest.mark.parametrize("block", configurations("web.yaml"), ids=lines(configurations("web.yaml")))
def test_the_web_configurations_are_good(block: readme.Block, tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    (tmp_path / "web.yaml").write_text(block.text)

    assert web_config.load(tmp_path / "web.yaml").users


@pytest.mark.parametrize("block", configurations("prometheus.yml"), ids=lines(configurations("prometheus.yml")))
def test_the_scrape_configurations_are_good(block: readme.Block, tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(block.text)

    subprocess.run([program("promtool"), "check", "config", tmp_path / "prometheus.yml"], check=True, timeout=SECONDS)
    assert "honor_labels: true" in block.text


@pytest.mark.parametrize("block", configurations("alertmanager.yml"), ids=lines(configurations("alertmanager.yml")))
def test_the_alertmanager_configurations_are_good(block: readme.Block, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("block", readme.blocks(MARKDOWN, "promql"), ids=lines(readme.blocks(MARKDOWN, "promql")))
def test_the_expressions_are_good_and_use_metrics_that_exist(
    block: readme.Block, living: Documented, tmp_path: Path
) -> None:
    named = set(re.findall(r"\bdora_\w+", block.text))

    check_rules([block.text], tmp_path)
    assert named <= set(metric_tables.families(living.exposition()))


def test_metrics_named_in_the_text_exist(living: Documented) -> None:
    named = set(re.findall(r"`(dora_[a-z_]+[a-z])(?:\{[^`]*\})?`", MARKDOWN))
    named.remove("dora_metrics_read")  # a right in Datadog

    shared = {readme.code(name) for name, *_ in metric_tables.database_rows()}
    assert named - shared - set(metric_tables.families(living.exposition())) == set()


def test_links_within_the_repository_lead_somewhere() -> None:
    anchors = readme.anchors(MARKDOWN)
    inside = [target for target in readme.links(MARKDOWN) if "://" not in target]

    assert [target for target in inside if not _leads_somewhere(target, anchors)] == []


def _leads_somewhere(target: str, anchors: set[str]) -> bool:
    path, _, anchor = target.partition("#")
    return (readme.PATH.parent / path).exists() and (not anchor or bool(path) or anchor in anchors)
