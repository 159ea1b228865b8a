"""The dashboards as files: complete, importable anywhere, and valid to Grafana's own schema."""

import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana.generator import generated, looks
from tests.e2e.programs import program
from tests.grafana.dashboards import FILES, GRAFANA, load, panels, variables_in
from tests.grafana.rules import rules

SCHEMA = Path(__file__).with_name("dashboard.schema.json")
DATASOURCES = {
    "datasource": "prometheus",
    "database": "grafana-postgresql-datasource",
    "json": "yesoreyeram-infinity-datasource",
}
"""The plugin that a variable lets people choose an instance of; links between dashboards carry variables along."""

GRAFANAS_OWN = {"type": "grafana", "uid": "-- Grafana --"}
WITHOUT_UNIT = {"text", "table"}  # a table has a unit for each column

each_dashboard = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def test_there_are_six_dashboards_with_addresses_that_stay() -> None:
    uids = {file.stem: load(file)["uid"] for file in FILES}
    names = ("events", "exporter", "group", "overview", "service", "team")
    assert uids == {name: f"dora-{name}" for name in names}


@each_dashboard
def test_no_datasource_is_hard_coded(file: Path) -> None:
    dashboard = load(file)
    found = {json.dumps(value, sort_keys=True) for key, value in walk(dashboard) if key == "datasource"}
    sources = [each for each in dashboard["templating"]["list"] if each["type"] == "datasource"]
    chosen = [{"type": DATASOURCES[each["name"]], "uid": f"${{{each['name']}}}"} for each in sources]
    assert found - {json.dumps(GRAFANAS_OWN)} == {json.dumps(each) for each in chosen}
    assert [each["query"] for each in sources] == [DATASOURCES[each["name"]] for each in sources]
    assert dashboard["templating"]["list"][0] == sources[0]


@each_dashboard
def test_only_what_every_grafana_has_is_asked_unless_someone_switches_it_on(file: Path) -> None:
    dashboard = load(file)
    others = [each for each in dashboard["templating"]["list"][1:] if each["type"] == "datasource"]
    assert {each["hide"] for each in others} <= {2}
    for annotation in dashboard["annotations"]["list"]:
        assert annotation["enable"] is (annotation["datasource"]["type"] in {"grafana", "prometheus"})


@each_dashboard
def test_what_is_not_known_has_no_colour(file: Path) -> None:
    """Neither that of a good number nor that of a bad one; a value of 0 or 1 has its own."""
    for panel in panels(load(file)):
        settings = panel["fieldConfig"]
        cells = [{each["id"]: each["value"] for each in override["properties"]} for override in settings["overrides"]]
        for each in [settings["defaults"], *cells]:
            for mapping in each.get("mappings", ()):
                if mapping["type"] == "special":
                    assert mapping["options"]["result"]["color"] in {"text", "transparent"}
            if "thresholds" in each:
                assert each["thresholds"]["steps"][0] == {"color": "text", "value": None}
        assert panel["type"] == "text" or settings["defaults"]["mappings"][-1]["options"]["match"] == "null+nan"


@each_dashboard
def test_an_axis_begins_at_0_and_stays_readable_where_nothing_happens(file: Path) -> None:
    for panel in panels(load(file)):
        if panel["type"] == "timeseries":
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["min"] == 0, panel["title"]
            assert defaults["custom"]["axisSoftMax"] > 0, panel["title"]
            assert defaults["unit"] != "s" or "duration_seconds" in panel["targets"][0]["expr"], panel["title"]


@each_dashboard
def test_the_columns_of_a_table_fit_beside_each_other_on_a_screen_of_1440_pixels(file: Path) -> None:
    for panel in panels(load(file)):
        if panel["type"] == "table" and "expr" in panel["targets"][0]:
            properties = [each for override in panel["fieldConfig"]["overrides"] for each in override["properties"]]
            widths = [each["value"] for each in properties if each["id"] == "custom.width"]
            assert len(widths) == len(panel["transformations"][1]["options"]["indexByName"])
            assert sum(widths) <= 1400 * panel["gridPos"]["w"] / 24 - 30, panel["title"]


def test_a_failure_rate_is_red_from_where_its_alert_fires() -> None:
    (recorded,) = (each for each in rules() if each.name == "dora:change_failure_rate:threshold_ratio")
    assert recorded.expression == f"vector({looks.TOO_HIGH_RATIO})"


@pytest.mark.parametrize(("name", "content"), [pytest.param(*each, id=each[0]) for each in generated()])
def test_each_dashboard_is_what_its_code_generates(name: str, content: str) -> None:
    """``python -m grafana.generator`` writes them anew."""
    assert (GRAFANA / "dashboards" / name).read_text(encoding="utf-8") == content


def test_every_dashboard_is_generated() -> None:
    assert [file.name for file in FILES] == [name for name, _ in generated()]


@each_dashboard
def test_nothing_is_left_over_from_one_grafana(file: Path) -> None:
    dashboard = load(file)
    assert dashboard.keys().isdisjoint({"id", "__inputs", "__requires", "__elements", "iteration"})
    assert dashboard["schemaVersion"] == 42


@each_dashboard
def test_every_panel_says_what_its_numbers_are(file: Path) -> None:
    for panel in panels(load(file)):
        assert panel["title"], panel
        assert len(panel["description"]) > len("What it is."), panel["title"]
        assert panel["description"].endswith("."), panel["title"]


@each_dashboard
def test_every_panel_with_plain_numbers_has_a_unit(file: Path) -> None:
    for panel in panels(load(file)):
        defaults = panel["fieldConfig"]["defaults"]
        is_text = panel["options"].get("textMode") == "name"
        if panel["type"] not in WITHOUT_UNIT and not defaults.get("mappings") and not is_text:
            assert defaults.get("unit"), panel["title"]


@each_dashboard
def test_every_variable_that_is_used_exists_and_is_used(file: Path) -> None:
    dashboard = load(file)
    names = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = variables_in(json.dumps(dashboard))
    assert used == names


@each_dashboard
def test_panels_have_ids_of_their_own_and_do_not_overlap(file: Path) -> None:
    everything = load(file)["panels"]
    ids = [panel["id"] for panel in everything]
    assert len(ids) == len(set(ids))
    for one, other in combinations(everything, 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in everything)


@each_dashboard
def test_a_ratio_or_a_time_is_shown_only_over_enough_samples(file: Path) -> None:
    """Lines of one service show what they have, with the counts beside them; what is compared or coloured may not."""
    for panel in panels(load(file)):
        for target in panel.get("targets", ()):
            if panel["type"] in {"stat", "bargauge"} and re.search(
                r"_rate\{|lead_time_s\w+\{|restore_s\w+\{", target["expr"]
            ):
                assert "$sample" in target["expr"], panel["title"]


@each_dashboard
def test_a_rate_over_many_services_is_a_sum_over_a_sum(file: Path) -> None:
    for panel in panels(load(file)):
        for target in panel.get("targets", ()):
            expression = target.get("expr", "")
            assert not re.search(r"\bavg\b", expression), panel["title"]
            assert not re.search(r"\bsum[^(]*\((max by \([^)]*\) )?\(?dora_change_failure_rate", expression), panel[
                "title"
            ]


@each_dashboard
def test_links_lead_to_dashboards_that_exist(file: Path) -> None:
    uids = {load(each)["uid"] for each in FILES}
    assert set(re.findall(r"/d/([\w-]+)", file.read_text(encoding="utf-8"))) <= uids


@pytest.mark.e2e
@each_dashboard
def test_grafanas_own_schema_finds_no_fault(file: Path) -> None:
    check = subprocess.run(
        [program("check-jsonschema"), "--schemafile", SCHEMA, file], capture_output=True, check=False, timeout=60
    )
    assert check.returncode == 0, check.stdout.decode()


@pytest.mark.e2e
def test_grafanas_own_schema_finds_a_fault(tmp_path: Path) -> None:
    spoiled = load(FILES[0])
    spoiled["panels"][1]["fieldConfig"]["defaults"]["thresholds"]["mode"] = "abs"
    file = tmp_path / "spoiled.json"
    file.write_text(json.dumps(spoiled))
    check = subprocess.run(
        [program("check-jsonschema"), "--schemafile", SCHEMA, file], capture_output=True, check=False, timeout=60
    )
    assert check.returncode == 1


def test_provisioning_finds_the_dashboards_and_a_prometheus() -> None:
    (provider,) = provisioned("dashboards")["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    (source,) = provisioned("datasources")["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)


def provisioned(what: str) -> dict[str, Any]:
    (file,) = (GRAFANA / "provisioning" / what).glob("*.yaml")
    parsed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return parsed


def walk(value: object) -> list[tuple[str, object]]:
    """Every key and value at any depth."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in [(key, inner), *walk(inner)]]
    if isinstance(value, list):
        return [pair for inner in value for pair in walk(inner)]
    return []


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or below)
