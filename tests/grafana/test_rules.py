"""The rules as files: promtool proves them, and each alert tells people what to do."""

import re
import subprocess

import pytest
from tests.docs import manual
from tests.e2e.programs import program
from tests.grafana.rules import FILE, PROOFS, Rule, alerts, rules

from dora_exporter.web.pages.documentation import REPOSITORY

ALERTS = {
    "DoraChangeFailureRateHigh",
    "DoraChangeFailureRateWorse",
    "DoraTimeToRestoreHigh",
    "DoraLeadTimeRegressed",
    "DoraIncidentOpenTooLong",
    "DoraDeploymentOverdue",
    "DoraSourceDown",
    "DoraSourceStale",
    "DoraSourceMisconfigured",
    "DoraRepositoryMisconfigured",
    "DoraPullRequestsMisconfigured",
    "DoraSnapshotFailing",
    "DoraSnapshotLinesLost",
    "DoraDatabaseAway",
    "DoraDatabaseRowsLost",
    "DoraEventsRejected",
    "DoraSeriesOverflow",
    "DoraSeriesBroken",
    "DoraLogLinesDropped",
    "DoraConfigurationBroken",
    "DoraExporterAbsent",
}
RUNBOOKS = "docs/alerts.md"

each_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)


def test_there_is_an_alert_for_everything_that_one_must_know() -> None:
    assert {alert.name for alert in alerts()} == ALERTS


@each_alert
def test_an_alert_has_what_people_and_routes_need(alert: Rule) -> None:
    assert alert.labels["severity"] in {"critical", "warning", "info"}
    assert alert.annotations.keys() == {"summary", "description", "runbook_url"}


@each_alert
def test_a_summary_names_all_that_the_alert_is_about(alert: Rule) -> None:
    """Who gets only the summary knows where to look; the tier is for routes."""
    summary = alert.annotations["summary"]
    if "service_environment:" in alert.expression or "by (service, environment)" in alert.expression:
        assert summary.startswith("{{ $labels.service }} ({{ $labels.environment }}):")
        assert "{{ $value | " in summary or "$value }} %" in summary
    elif by := re.search(r"\bby \(([^)]+)\)", alert.expression):
        assert f"{{{{ $labels.{by[1]} }}}}" in summary
    else:
        assert summary.startswith("dora-exporter: ")


@each_alert
def test_an_alert_leads_to_its_runbook(alert: Rule) -> None:
    base = f"{REPOSITORY}/blob/main/{RUNBOOKS}#"
    assert alert.annotations["runbook_url"] == base + alert.name.lower()
    assert alert.name.lower() in manual.anchors(manual.page(RUNBOOKS).text)


def test_every_runbook_is_of_an_alert() -> None:
    named = re.findall(r"^### (\w+)$", manual.page(RUNBOOKS).text, re.MULTILINE)
    assert sorted(named) == sorted(ALERTS)


@each_alert
def test_an_alert_is_proved_to_fire(alert: Rule) -> None:
    proofs = "".join(file.read_text(encoding="utf-8") for file in PROOFS)
    assert f"#{alert.name.lower()}" in proofs


def test_what_is_recorded_is_named_by_level_metric_and_operation() -> None:
    for rule in rules():
        if not rule.is_alert:
            assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z0-9_]+", rule.name), rule.name


@pytest.mark.e2e
def test_promtool_finds_the_rules_sound() -> None:
    check = subprocess.run(
        [program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", FILE],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert check.returncode == 0, check.stderr.decode()


@pytest.mark.e2e
@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.stem)
def test_promtool_proves_the_rules(proof: object) -> None:
    check = subprocess.run(
        [program("promtool"), "test", "rules", str(proof)], capture_output=True, check=False, timeout=120
    )
    assert check.returncode == 0, check.stdout.decode() + check.stderr.decode()
