"""The manifests of replicas on PostgreSQL: valid, meant for each other, and each number is scraped once."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.manifests import DEPLOY, check, read, run

ONE = DEPLOY / "kubernetes"
FOLDER = ONE / "replicas"
MANIFESTS = {file.stem: read(file) for file in sorted(FOLDER.glob("*.yaml"))}
OPERATORS = {"scrapeconfig", "servicemonitor"}
BUILT_IN = sorted(MANIFESTS.keys() - OPERATORS - {"kustomization"})
LABELS = MANIFESTS["deployment"]["spec"]["template"]["metadata"]["labels"]
OWN = ["dora_exporter_log_up", "dora_exporter_build_info", "process_cpu_seconds_total", "python_info"]
ABOUT_EVENTS = ["dora_deployments", "dora_team_deployments", "dora_service_info"]


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = MANIFESTS["deployment"]["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (only,) = pod()["containers"]
    found: dict[str, Any] = only
    return found


def test_a_replica_comes_before_one_goes() -> None:
    assert MANIFESTS["deployment"]["spec"]["replicas"] == 2
    update = MANIFESTS["deployment"]["spec"]["strategy"]
    assert update == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


def test_one_stays_whatever_is_drained_and_they_are_apart() -> None:
    budget = MANIFESTS["poddisruptionbudget"]["spec"]
    assert (budget["minAvailable"], budget["selector"]["matchLabels"]) == (1, LABELS)
    spread = {each["topologyKey"]: each["labelSelector"]["matchLabels"] for each in pod()["topologySpreadConstraints"]}
    assert spread == {"kubernetes.io/hostname": LABELS, "topology.kubernetes.io/zone": LABELS}


def test_nothing_that_must_last_is_in_a_pod() -> None:
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert {mount["name"] for mount in container()["volumeMounts"]} == volumes.keys()
    assert not any("persistentVolumeClaim" in volume for volume in volumes.values())


def test_a_pod_may_do_no_more_than_the_single_one() -> None:
    alone = read(ONE / "deployment.yaml")["spec"]["template"]["spec"]
    for name in ("automountServiceAccountToken", "enableServiceLinks", "securityContext"):
        assert pod()[name] == alone[name]
    for name in ("image", "securityContext", "startupProbe", "livenessProbe", "readinessProbe", "ports"):
        assert container()[name] == alone["containers"][0][name]


def test_the_grace_period_is_longer_than_the_wait_before_the_end() -> None:
    assert pod()["terminationGracePeriodSeconds"] > container()["lifecycle"]["preStop"]["sleep"]["seconds"] + 5


def test_service_monitor_and_policy_find_the_pods() -> None:
    assert MANIFESTS["service"] == read(ONE / "service.yaml")
    assert MANIFESTS["service"]["spec"]["selector"] == LABELS
    assert MANIFESTS["networkpolicy"]["spec"]["podSelector"]["matchLabels"] == LABELS
    assert MANIFESTS["servicemonitor"]["spec"]["selector"]["matchLabels"] == MANIFESTS["service"]["metadata"]["labels"]
    (target,) = [name for each in MANIFESTS["scrapeconfig"]["spec"]["staticConfigs"] for name in each["targets"]]
    host, _, port = target.partition(":")
    assert host.split(".")[0] == MANIFESTS["service"]["metadata"]["name"]
    assert int(port) == MANIFESTS["service"]["spec"]["ports"][0]["port"]


def test_pods_may_reach_the_database() -> None:
    ports = [port["port"] for rule in MANIFESTS["networkpolicy"]["spec"]["egress"] for port in rule["ports"]]
    assert {5432, 6432, 443} <= set(ports)


def test_each_number_is_scraped_from_one_target_only() -> None:
    """What a pod says about itself from each pod, what all say from the Service."""
    (endpoint,) = MANIFESTS["servicemonitor"]["spec"]["endpoints"]
    (kept,) = endpoint["metricRelabelings"]
    (dropped,) = MANIFESTS["scrapeconfig"]["spec"]["metricRelabelings"]
    assert (kept["action"], dropped["action"]) == ("keep", "drop")
    assert kept["regex"] == dropped["regex"]
    assert all(re.fullmatch(kept["regex"], name) for name in OWN)
    assert not any(re.fullmatch(kept["regex"], name) for name in ABOUT_EVENTS)
    assert endpoint["honorLabels"] is MANIFESTS["scrapeconfig"]["spec"]["honorLabels"] is True


def test_kustomize_takes_every_manifest() -> None:
    listed = MANIFESTS["kustomization"]["resources"]
    assert listed == [f"{name}.yaml" for name in MANIFESTS if name != "kustomization"]


def test_the_daemon_takes_its_configuration(tmp_path: Path) -> None:
    """Key and URL come from a secret, which stands elsewhere here."""
    configuration = yaml.safe_load(MANIFESTS["configmap"]["data"]["config.yaml"])
    (secret,) = [mount["mountPath"] for mount in container()["volumeMounts"] if mount["name"] == "secrets"]
    assert configuration["api_keys_file"] == f"{secret}/api-keys"
    assert configuration["store"] == {"url_file": f"{secret}/database-url"}
    (tmp_path / "api-keys").write_text("a-key-that-is-long-enough")
    (tmp_path / "database-url").write_text("postgresql://db.example/dora")
    here = {"api_keys_file": str(tmp_path / "api-keys"), "store": {"url_file": str(tmp_path / "database-url")}}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(configuration | here))
    checked = run([sys.executable, "-m", "dora_exporter", f"--config.file={file}", "--config.check"])
    assert checked.returncode == 0, checked.stdout


@pytest.mark.e2e
@pytest.mark.parametrize("name", BUILT_IN)
def test_kubernetes_own_schemas_find_no_fault(name: str) -> None:
    assert "passed for resource" in check("kubernetes-validate", "--strict", FOLDER / f"{name}.yaml")
