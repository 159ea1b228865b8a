"""Every expression of a dashboard or rule can be parsed, uses what exists, and finds data in a real Prometheus."""

from collections.abc import Iterator
from math import isnan
from pathlib import Path
from urllib.parse import urlencode

import promql_parser
import pytest
from tests.docs import manual, metric_tables
from tests.e2e.prometheus import Prometheus
from tests.grafana.dashboards import FILES, Query, label_queries, queries, result_queries
from tests.grafana.monitoring import ask
from tests.grafana.rules import Rule, alerts, recorded, rules
from tests.grafana.shop import Shop
from tests.storage.postgresql.waiting import until

pytestmark = pytest.mark.e2e

PROMETHEUS_OWN = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}
WITH_A_DATABASE = "dora_exporter_log_"
"""What only replicas on PostgreSQL have."""
WITH_PULL_REQUESTS = "dora_exporter_pull_requests_"
"""What exists only where a provider of them is configured."""
ONCE_A_DAY = "dora_exporter_snapshot_last_compaction_"
"""What exists only after the first compaction."""

WITH_BAD_LUCK = ":growth7d"
"""What exists where something got worse."""

ALL_QUERIES = [query for file in FILES for query in queries(file)]
each_query = pytest.mark.parametrize("query", ALL_QUERIES, ids=lambda query: query.place)


@pytest.fixture(scope="module")
def exported(shop: Shop) -> set[str]:
    """The names of the samples that the daemon can have, whether or not it has them now."""
    exposition = shop.daemon.get("/metrics").body.decode()
    with_a_database = {manual.code(row[0]) for row in metric_tables.database_rows()}
    return with_a_database | {line.split(" ")[2] for line in exposition.splitlines() if line.startswith("# TYPE ")}


@each_query
def test_a_query_uses_only_metrics_that_exist(query: Query, exported: set[str]) -> None:
    used = names_in(query.expression)
    assert used
    assert used - exported - recorded() - PROMETHEUS_OWN == set()


@each_query
def test_a_query_finds_data(query: Query, shop: Shop) -> None:
    may_be_empty = ONCE_A_DAY in query.expression or WITH_BAD_LUCK in query.expression
    found = (shop.prometheus.query if may_be_empty else shop.prometheus.wait_for)(query.expression)
    assert not any(map(isnan, found.values())), found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_variable_has_something_to_choose(file: Path, shop: Shop) -> None:
    for selector, label in label_queries(file):
        assert ask(shop.prometheus, f"/api/v1/label/{label}/values?{urlencode({'match[]': selector})}"), selector


@pytest.mark.parametrize("file", [file for file in FILES if list(result_queries(file))], ids=lambda file: file.stem)
def test_windows_stand_in_order_of_their_length(file: Path, shop: Shop) -> None:
    for expression, pattern in result_queries(file):
        shop.prometheus.wait_for(expression)
        answer = shop.prometheus.get("/api/v1/query", query=expression)["data"]["result"]
        shown = [" ".join(f'{name}="{value}"' for name, value in each["metric"].items()) for each in answer]
        found = [pattern.search(each) for each in shown]
        assert [each and each[1] for each in found] == ["7d", "30d", "90d"]


@pytest.mark.parametrize("rule", list(rules()), ids=lambda rule: rule.name)
def test_a_rule_uses_only_metrics_that_exist(rule: Rule, exported: set[str]) -> None:
    assert names_in(rule.expression) - exported - recorded() == set()


@pytest.mark.parametrize("name", sorted(recorded()))
def test_what_is_recorded_has_data(name: str, shop: Shop) -> None:
    found = shop.prometheus.wait_for(name)
    assert not any(map(isnan, found.values())), found


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_what_an_alert_looks_at_has_data(alert: Rule, shop: Shop) -> None:
    """An alert that is quiet because it looks at nothing would always be quiet."""
    for selector in selectors_in(alert.expression):
        if "outcome=" not in selector and not selector.startswith(
            (WITH_A_DATABASE, WITH_PULL_REQUESTS)
        ):  # no upstream has refused anything
            assert shop.prometheus.wait_for(selector)


def test_prometheus_evaluates_every_rule_without_a_complaint(shop: Shop) -> None:
    until(lambda: "unknown" not in [told for told, _ in health_of_rules(shop.prometheus).values()])
    health = health_of_rules(shop.prometheus)
    assert health.keys() == {rule.name for rule in rules()}
    assert {name: told for name, told in health.items() if told[0] != "ok"} == {}


def health_of_rules(server: Prometheus) -> dict[str, tuple[str, str | None]]:
    """What Prometheus says of each rule; unknown before its first evaluation."""
    groups = ask(server, "/api/v1/rules")["groups"]
    return {rule["name"]: (rule["health"], rule.get("lastError")) for group in groups for rule in group["rules"]}


def test_a_rollup_is_the_sum_over_the_sum(shop: Shop) -> None:
    """All asked at one moment: what leaves a window reaches the rule a scrape and an evaluation later."""
    failed = 'sum(dora_failed_deployments{environment="production", window="30d"})'
    deployments = 'sum(dora_deployments{environment="production", window="30d"})'
    rollup = 'sum(environment_window:dora_change_failure_rate:ratio{environment="production", window="30d"})'
    assert shop.prometheus.wait_for(f"abs({rollup} - {failed} / {deployments}) < 1e-9")


def names_in(expression: str) -> set[str]:
    """The metrics that an expression reads."""
    return {selector.name or "a selector without a name" for selector in _selectors(expression)}


def selectors_in(expression: str) -> set[str]:
    """What an expression reads, with its matchers."""
    return {selector.prettify() for selector in _selectors(expression)}


def _selectors(expression: str) -> Iterator[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return iter(found)
