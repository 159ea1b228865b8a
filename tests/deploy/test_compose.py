"""The demo in containers: what is mounted exists, and each program takes the configuration that it finds there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.manifests import DEPLOY, check, read

FILE = DEPLOY / "compose.yaml"
SERVICES = read(FILE)["services"]


def mounts() -> Iterator[tuple[Path, str]]:
    """What is taken from the repository, and where it appears."""
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source, target, *options = volume.split(":")
            if source.startswith("."):
                assert options == ["ro"], volume
                yield (DEPLOY / source).resolve(), target


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A root folder with the files where the containers have them."""
    for source, target in mounts():
        if source.is_file():
            place = tmp_path / target.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(source.read_bytes())
    return tmp_path


def test_everything_that_is_mounted_exists() -> None:
    assert [source for source, _ in mounts() if not source.exists()] == []


def test_the_exporter_runs_the_demo_from_the_image() -> None:
    exporter = SERVICES["exporter"]
    assert exporter["command"][0] == "demo"
    assert (DEPLOY / exporter["build"]["context"] / exporter["build"]["dockerfile"]).samefile(DEPLOY / "Dockerfile")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_may_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_images_have_versions() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    assert [image for image in images if image.endswith(":latest") or ":" not in image] == []


def test_prometheus_honours_our_labels_and_finds_the_exporter_and_alertmanager(mounted: Path) -> None:
    configuration = read(mounted / "etc/prometheus/prometheus.yml")
    (job,) = configuration["scrape_configs"]
    assert job["honor_labels"] is True
    assert job["static_configs"] == [{"targets": ["exporter:3672"]}]
    assert configuration["alerting"]["alertmanagers"] == [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]
    assert {"exporter", "alertmanager"} <= SERVICES.keys()


def test_grafana_finds_the_dashboards_and_prometheus() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["PROMETHEUS_URL"] == "http://prometheus:9090"
    dashboards = {target: source for source, target in mounts()}["/var/lib/grafana/dashboards"]
    home = Path(environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (dashboards / home.name).exists()


@pytest.mark.e2e
def test_the_compose_specification_finds_no_fault() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILE)


@pytest.mark.e2e
def test_promtool_takes_the_configuration_with_its_rules(mounted: Path) -> None:
    said = check("promtool", "check", "config", mounted / "etc/prometheus/prometheus.yml")
    assert "dora.rules.yaml" in said
    assert "demo.rules.yaml" in said


@pytest.mark.e2e
def test_amtool_takes_the_configuration(mounted: Path) -> None:
    check("amtool", "check-config", mounted / "etc/alertmanager/alertmanager.yml")
