"""What Argo CD's notifications send, as Datadog's ConfigMap has them: its triggers, its template, its headers."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

CONFIG_MAP = Path(__file__).with_name("argocd_configmap.yaml")
COMMIT = {
    "message": "Bump the image",
    "author": "someone <someone@example.test>",
    "date": "2025-06-15T00:00:00Z",
    "tags": [],
}
_TO_JSON = re.compile(r"\{\{toJson (\.[a-zA-Z.]+|\(call \.repo\.GetCommitMetadata [a-zA-Z.]+\))\}\}")
_SECRET = re.compile(r"\$[a-z-]+")
_CONDITION = re.compile(r"(?P<path>[a-zA-Z.]+) (?:== '(?P<is>\w+)'|in \[(?P<among>[^\]]*)\])")


@dataclass(frozen=True)
class Request:
    """A request of Argo CD's notification controller."""

    path: str
    headers: dict[str, str]
    body: bytes


def notifications(app: Mapping[str, Any], *, key: str, config_map: str | None = None) -> Iterator[Request]:
    """The requests that an application's state causes, by all of a ConfigMap with one service: by default Datadog's."""
    data = yaml.safe_load(config_map or CONFIG_MAP.read_text(encoding="utf-8"))["data"]
    named = {name.rpartition(".")[0]: name.rpartition(".")[2] for name in data}
    service = yaml.safe_load(data[f"service.webhook.{named['service.webhook']}"])
    for trigger in yaml.safe_load(data[f"trigger.{named['trigger']}"]):
        if all(_holds(each, app) for each in trigger["when"].split(" and ")):
            for name in trigger["send"]:
                template = yaml.safe_load(data[f"template.{name}"])["webhook"][named["service.webhook"]]
                assert template["method"] == "POST"
                headers = {each["name"]: _SECRET.sub(key, each["value"]) for each in service["headers"]}
                yield Request(urlsplit(service["url"]).path, headers, _rendered(template["body"], app).encode())


def _holds(condition: str, app: Mapping[str, Any]) -> bool:
    found = _CONDITION.fullmatch(condition)
    assert found is not None, condition
    value = _at(found["path"], {"app": app})
    return value == found["is"] if found["is"] else value in re.findall(r"'(\w+)'", found["among"])


def _rendered(template: str, app: Mapping[str, Any]) -> str:
    around = {"app": app, "context": {"argocdUrl": "https://argocd.example"}, "serviceType": "webhook"}
    around["recipient"] = "cd-visibility-webhook"

    def to_json(found: re.Match[str]) -> str:
        return json.dumps(COMMIT if found[1].startswith("(") else _at(found[1].removeprefix("."), around))

    text = _TO_JSON.sub(to_json, template)
    assert "{{" not in text
    return text


def _at(path: str, around: Mapping[str, Any]) -> object:
    found: Any = around
    for name in path.split("."):
        found = found[name]
    return found
