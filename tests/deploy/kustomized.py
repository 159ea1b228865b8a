"""What kustomize makes of the folders under ``deploy/kubernetes``."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from tests.deploy.manifests import DEPLOY, check

FOLDER = DEPLOY / "kubernetes"
OVERLAYS = sorted(each.name for each in (FOLDER / "overlays").iterdir())
FOLDERS = {"base": FOLDER / "base"} | {name: FOLDER / "overlays" / name for name in OVERLAYS}

Objects = dict[str, dict[str, Any]]
"""By their kind, of which each has one object only; ConfigMaps by kind and name."""


@cache
def text_of(folder: Path) -> str:
    """The manifests as ``kubectl apply -k`` sends them."""
    return check("kubectl", "kustomize", folder)


def objects(name: str) -> Objects:
    """The objects of the base or of an overlay."""
    found: Objects = {}
    for each in yaml.safe_load_all(text_of(FOLDERS[name])):
        key = f"ConfigMap {each['metadata']['name']}" if each["kind"] == "ConfigMap" else each["kind"]
        assert key not in found
        found[key] = each
    return found


def pod(made: Objects) -> dict[str, Any]:
    """What the Deployment makes pods of."""
    spec: dict[str, Any] = made["Deployment"]["spec"]["template"]["spec"]
    return spec


def container(made: Objects) -> dict[str, Any]:
    """The only container of a pod."""
    (only,) = pod(made)["containers"]
    found: dict[str, Any] = only
    return found
