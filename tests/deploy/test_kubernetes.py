"""The base and its overlays, as kustomize makes them: valid, meant for each other, and with what is shipped."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.kustomized import FOLDER, FOLDERS, Objects, container, objects, pod, text_of
from tests.deploy.manifests import ROOT, check, read, run
from tests.grafana.rules import groups

OPERATORS = {"PrometheusRule", "ServiceMonitor", "ScrapeConfig"}
SCRAPE = {"prometheus.io/scrape": "true", "prometheus.io/port": "3672", "prometheus.io/path": "/metrics"}
OWN = ["dora_exporter_log_up", "dora_exporter_build_info", "process_cpu_seconds_total", "python_info"]
ABOUT_EVENTS = ["dora_deployments", "dora_team_deployments", "dora_service_info"]
SECRETS = "/etc/dora-exporter/secrets"


@pytest.fixture(params=FOLDERS)
def every(request: pytest.FixtureRequest) -> Objects:
    """The objects of the base and of each overlay."""
    return objects(request.param)


@pytest.fixture
def base() -> Objects:
    return objects("base")


@pytest.fixture(params=["replicas", "replicas-prometheus-operator"])
def replicas(request: pytest.FixtureRequest) -> Objects:
    return objects(request.param)


def labels_of(made: Objects) -> object:
    return made["Deployment"]["spec"]["template"]["metadata"]["labels"]


@pytest.mark.e2e
def test_the_folder_itself_is_the_base() -> None:
    assert text_of(FOLDER) == text_of(FOLDERS["base"])


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["base", "replicas", "grafana-dashboards"])
def test_only_the_overlays_for_the_operator_need_the_operator(name: str) -> None:
    assert not any(str(each["apiVersion"]).startswith("monitoring.coreos.com") for each in objects(name).values())


@pytest.mark.e2e
@pytest.mark.parametrize("name", FOLDERS)
def test_kubernetes_own_schemas_find_no_fault(name: str, tmp_path: Path) -> None:
    for key, each in objects(name).items():
        if key not in OPERATORS:
            file = tmp_path / f"{key}.yaml"
            file.write_text(yaml.safe_dump(each))
            assert "passed for resource" in check("kubernetes-validate", "--strict", file)


@pytest.mark.e2e
def test_every_image_has_a_version(every: Objects) -> None:
    assert re.fullmatch(r"ghcr\.io/dora-exporter/dora-exporter:\d+\.\d+\.\d+", container(every)["image"])


@pytest.mark.e2e
def test_the_daemon_may_do_no_more_than_it_must(every: Objects) -> None:
    assert (pod(every)["automountServiceAccountToken"], pod(every)["enableServiceLinks"]) == (False, False)
    assert pod(every)["securityContext"]["runAsNonRoot"] is True
    assert container(every)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.e2e
def test_memory_and_disk_are_limited_and_every_volume_in_them_has_a_size(every: Objects) -> None:
    limits = container(every)["resources"]["limits"]
    assert limits.keys() == {"memory", "ephemeral-storage"}
    assert container(every)["resources"]["requests"].keys() == {"cpu", "memory", "ephemeral-storage"}
    sizes = [volume["emptyDir"]["sizeLimit"] for volume in pod(every)["volumes"] if "emptyDir" in volume]
    assert sum(map(gibibytes, sizes)) < gibibytes(limits["ephemeral-storage"])


def gibibytes(text: str) -> int:
    return int(text.removesuffix("Gi"))


@pytest.mark.e2e
def test_every_volume_exists_and_the_configuration_is_there(every: Objects) -> None:
    volumes = {volume["name"]: volume for volume in pod(every)["volumes"]}
    assert {mount["name"] for mount in container(every)["volumeMounts"]} == volumes.keys()
    assert f"ConfigMap {volumes['config']['configMap']['name']}" in every


@pytest.mark.e2e
def test_probes_ask_what_they_are_for(every: Objects) -> None:
    paths = {name: probe["httpGet"]["path"] for name, probe in container(every).items() if name.endswith("Probe")}
    assert paths == {"startupProbe": "/-/healthy", "livenessProbe": "/-/healthy", "readinessProbe": "/-/ready"}


@pytest.mark.e2e
def test_the_grace_period_is_longer_than_the_stop(every: Objects) -> None:
    wait = container(every).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    assert pod(every)["terminationGracePeriodSeconds"] > wait + 5


@pytest.mark.e2e
def test_service_and_policy_find_the_pod_and_its_port(every: Objects) -> None:
    labels = labels_of(every)
    assert every["Service"]["spec"]["selector"] == labels
    assert every["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    ports = {port["name"] for port in container(every)["ports"]}
    assert {port["targetPort"] for port in every["Service"]["spec"]["ports"]} == ports


@pytest.mark.e2e
def test_each_cluster_scrapes_in_one_way() -> None:
    """Annotations in the base; where they would scrape a second time or each pod, there are none."""
    found = {name: objects(name)["Service"]["metadata"].get("annotations", {}) for name in FOLDERS}
    with_annotations = {"base", "grafana-dashboards"}
    assert found == {name: SCRAPE if name in with_annotations else {} for name in FOLDERS}


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["prometheus-operator", "replicas-prometheus-operator"])
def test_the_operator_scrapes_the_service_by_our_labels_and_has_our_rules(name: str) -> None:
    made = objects(name)
    assert made["ServiceMonitor"]["spec"]["selector"]["matchLabels"] == made["Service"]["metadata"]["labels"]
    (endpoint,) = made["ServiceMonitor"]["spec"]["endpoints"]
    assert {endpoint["port"]} == {port["name"] for port in container(made)["ports"]}
    assert endpoint["honorLabels"] is True
    assert made["PrometheusRule"]["spec"]["groups"] == groups()


@pytest.mark.e2e
def test_every_dashboard_is_a_config_map_that_the_sidecar_finds() -> None:
    maps = [each for key, each in objects("grafana-dashboards").items() if key.startswith("ConfigMap dora-dashboard-")]
    assert {each["metadata"]["labels"]["grafana_dashboard"] for each in maps} == {"1"}
    shipped = {
        file.name: json.loads(file.read_text(encoding="utf-8")) for file in (ROOT / "grafana/dashboards").iterdir()
    }
    assert {name: json.loads(text) for each in maps for name, text in each["data"].items()} == shipped


@pytest.mark.e2e
def test_two_daemons_never_share_a_snapshot(base: Objects) -> None:
    assert base["Deployment"]["spec"]["replicas"] == 1
    assert base["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    (claim,) = [each["persistentVolumeClaim"]["claimName"] for each in pod(base)["volumes"] if each["name"] == "data"]
    assert claim == base["PersistentVolumeClaim"]["metadata"]["name"]


@pytest.mark.e2e
def test_a_replica_comes_before_one_goes(replicas: Objects) -> None:
    assert replicas["Deployment"]["spec"]["replicas"] == 2
    update = replicas["Deployment"]["spec"]["strategy"]
    assert update == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}


@pytest.mark.e2e
def test_one_replica_stays_whatever_is_drained_and_they_are_apart(replicas: Objects) -> None:
    budget, labels = replicas["PodDisruptionBudget"]["spec"], labels_of(replicas)
    assert (budget["minAvailable"], budget["selector"]["matchLabels"]) == (1, labels)
    spread = {
        each["topologyKey"]: each["labelSelector"]["matchLabels"] for each in pod(replicas)["topologySpreadConstraints"]
    }
    assert spread == {"kubernetes.io/hostname": labels, "topology.kubernetes.io/zone": labels}


@pytest.mark.e2e
def test_nothing_that_must_last_is_in_a_replica(replicas: Objects) -> None:
    assert "PersistentVolumeClaim" not in replicas
    assert not any("persistentVolumeClaim" in volume for volume in pod(replicas)["volumes"])


@pytest.mark.e2e
def test_replicas_may_reach_the_database(replicas: Objects) -> None:
    ports = [port["port"] for rule in replicas["NetworkPolicy"]["spec"]["egress"] for port in rule["ports"]]
    assert {5432, 6432, 443} <= set(ports)


@pytest.mark.e2e
def test_each_number_of_replicas_is_scraped_from_one_target_only() -> None:
    """What a pod says about itself from each pod, what all say from the Service."""
    made = objects("replicas-prometheus-operator")
    (endpoint,) = made["ServiceMonitor"]["spec"]["endpoints"]
    (kept,) = endpoint["metricRelabelings"]
    (dropped,) = made["ScrapeConfig"]["spec"]["metricRelabelings"]
    assert (kept["action"], dropped["action"], kept["regex"]) == ("keep", "drop", dropped["regex"])
    assert all(re.fullmatch(kept["regex"], name) for name in OWN)
    assert not any(re.fullmatch(kept["regex"], name) for name in ABOUT_EVENTS)
    assert made["ScrapeConfig"]["spec"]["honorLabels"] is True
    (target,) = [name for each in made["ScrapeConfig"]["spec"]["staticConfigs"] for name in each["targets"]]
    host, _, port = target.partition(":")
    assert host.split(".")[0] == made["Service"]["metadata"]["name"]
    assert int(port) == made["Service"]["spec"]["ports"][0]["port"]


@pytest.mark.parametrize("file", ["base/configmap.yaml", "overlays/replicas/configmap.yaml"])
def test_the_daemon_takes_its_configuration(file: str, tmp_path: Path) -> None:
    """Keys and URL come from a secret, which stands elsewhere here."""
    (tmp_path / "api-keys").write_text("a-key-that-is-long-enough")
    (tmp_path / "database-url").write_text("postgresql://db.example/dora")
    configuration: dict[str, Any] = read(FOLDER / file)["data"]
    text = configuration["config.yaml"]
    assert f"{SECRETS}/api-keys" in text
    written = tmp_path / "config.yaml"
    written.write_text(text.replace(SECRETS, str(tmp_path)))
    checked = run([sys.executable, "-m", "dora_exporter", f"--config.file={written}", "--config.check"])
    assert checked.returncode == 0, checked.stdout


@pytest.mark.e2e
def test_the_secret_is_where_the_configuration_looks_for_it(every: Objects) -> None:
    (mounted,) = [each["mountPath"] for each in container(every)["volumeMounts"] if each["name"] == "secrets"]
    assert mounted == SECRETS
