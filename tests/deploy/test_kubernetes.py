"""The manifests: valid, meant for each other, and with the rules that are shipped."""

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.deploy.manifests import DEPLOY, check, read, run
from tests.grafana.rules import groups

FOLDER = DEPLOY / "kubernetes"
MANIFESTS = {file.stem: read(file) for file in sorted(FOLDER.glob("*.yaml"))}
OPERATORS = {"prometheusrule", "servicemonitor"}
BUILT_IN = sorted(MANIFESTS.keys() - OPERATORS - {"kustomization"})


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = MANIFESTS["deployment"]["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    (only,) = pod()["containers"]
    found: dict[str, Any] = only
    return found


def test_two_daemons_never_share_a_snapshot() -> None:
    assert MANIFESTS["deployment"]["spec"]["replicas"] == 1
    assert MANIFESTS["deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_kubernetes_puts_no_variables_in_the_daemons_way() -> None:
    assert pod()["enableServiceLinks"] is False


def test_the_daemon_may_do_no_more_than_it_must() -> None:
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert container()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_every_volume_exists_and_the_snapshot_is_on_the_claim() -> None:
    volumes = {volume["name"]: volume for volume in pod()["volumes"]}
    assert {mount["name"] for mount in container()["volumeMounts"]} == volumes.keys()
    assert volumes["data"]["persistentVolumeClaim"]["claimName"] == named("persistentvolumeclaim")
    assert volumes["config"]["configMap"]["name"] == named("configmap")


def test_probes_ask_what_they_are_for() -> None:
    paths = {name: probe["httpGet"]["path"] for name, probe in container().items() if name.endswith("Probe")}
    assert paths == {"startupProbe": "/-/healthy", "livenessProbe": "/-/healthy", "readinessProbe": "/-/ready"}


def test_service_monitor_and_policy_find_the_pod_and_its_port() -> None:
    labels = MANIFESTS["deployment"]["spec"]["template"]["metadata"]["labels"]
    assert MANIFESTS["service"]["spec"]["selector"] == labels
    assert MANIFESTS["networkpolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert MANIFESTS["servicemonitor"]["spec"]["selector"]["matchLabels"] == MANIFESTS["service"]["metadata"]["labels"]
    (endpoint,) = MANIFESTS["servicemonitor"]["spec"]["endpoints"]
    ports = {port["name"] for port in container()["ports"]}
    assert ports == {endpoint["port"]}
    assert {port["targetPort"] for port in MANIFESTS["service"]["spec"]["ports"]} == ports


def test_the_service_monitor_honours_our_labels() -> None:
    (endpoint,) = MANIFESTS["servicemonitor"]["spec"]["endpoints"]
    assert endpoint["honorLabels"] is True


def test_the_prometheus_rule_has_the_shipped_rules() -> None:
    assert MANIFESTS["prometheusrule"]["spec"]["groups"] == groups()


def test_kustomize_takes_every_manifest() -> None:
    listed = MANIFESTS["kustomization"]["resources"]
    assert listed == [f"{name}.yaml" for name in MANIFESTS if name != "kustomization"]


def test_the_daemon_takes_its_configuration(tmp_path: Path) -> None:
    """The key comes from a secret, which stands elsewhere here."""
    configuration = yaml.safe_load(MANIFESTS["configmap"]["data"]["config.yaml"])
    (secret,) = [mount["mountPath"] for mount in container()["volumeMounts"] if mount["name"] == "secrets"]
    assert configuration["api_keys_file"] == f"{secret}/api-keys"
    (tmp_path / "api-keys").write_text("a-key-that-is-long-enough")
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(configuration | {"api_keys_file": str(tmp_path / "api-keys")}))
    checked = run([sys.executable, "-m", "dora_exporter", f"--config.file={file}", "--config.check"])
    assert checked.returncode == 0, checked.stdout


@pytest.mark.e2e
@pytest.mark.parametrize("name", BUILT_IN)
def test_kubernetes_own_schemas_find_no_fault(name: str) -> None:
    assert "passed for resource" in check("kubernetes-validate", "--strict", FOLDER / f"{name}.yaml")


def named(manifest: str) -> str:
    return str(MANIFESTS[manifest]["metadata"]["name"])
