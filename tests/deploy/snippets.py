"""The snippets for pipelines taken apart: the shell in each, with the variables that its CI server would set."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from tests.deploy.manifests import DEPLOY, read
from tests.dora_send.providers import FIRST, SHA

ACTION = DEPLOY / "github-action" / "action.yml"
COMPONENT = DEPLOY / "gitlab-component" / "templates" / "deployment.yml"
SNIPPETS = DEPLOY / "snippets"
COMPONENT_INPUTS = {
    "run": "./deploy.sh",
    "service": "checkout",
    "environment": "production",
    "url": "https://dora.example.com",
}
CLUSTER = {
    "service": "checkout",
    "environment": "production",
    "status": "Succeeded",
    "started-at": "2020-01-31T12:00:00Z",
    "repository": "https://git.example/acme/shop",
    "commit": SHA,
}
"""What Tekton and Argo Workflows put in."""


@dataclass(frozen=True)
class Shell:
    """Commands, and the variables that they are given."""

    text: str
    variables: Mapping[str, str]


def action(given: Mapping[str, object]) -> Shell:
    """The step of the composite action with these inputs."""
    parsed = read(ACTION)
    inputs = {name: str(given.get(name, each.get("default", ""))) for name, each in parsed["inputs"].items()}
    assert set(given) <= set(inputs)
    assert {name for name, each in parsed["inputs"].items() if each["required"]} <= set(given)
    (step,) = parsed["runs"]["steps"]
    filled = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], str(value))
        for name, value in step["env"].items()
    }
    return Shell(step["run"], {**filled, "GITHUB_ACTION_PATH": str(ACTION.parent)})


def _github() -> Shell:
    return action(read(SNIPPETS / "github-workflow.yml")["jobs"]["deploy"]["steps"][-1]["with"])


def _gitlab() -> Shell:
    return gitlab_job(read(SNIPPETS / "gitlab-ci.yml")["deploy"])


def component() -> dict[str, Any]:
    """The job of the component, its inputs filled in."""
    spec, job = COMPONENT.read_text(encoding="utf-8").split("\n---\n")
    inputs = {name: (each or {}).get("default") for name, each in yaml.safe_load(spec)["spec"]["inputs"].items()}
    assert {name for name, default in inputs.items() if default is None} == set(COMPONENT_INPUTS)
    values = inputs | COMPONENT_INPUTS
    text = re.sub(r"\$\[\[ inputs\.([\w-]+) \]\]", lambda found: str(values[found[1]]), job)
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def gitlab_job(job: Mapping[str, Any]) -> Shell:
    """A job of GitLab's."""
    return Shell("\n".join([*job.get("before_script", []), *job["script"]]), job["variables"])


def _jenkins() -> Shell:
    text = (SNIPPETS / "Jenkinsfile").read_text(encoding="utf-8")
    variables = dict(re.findall(r"(\w+) = '([^']*)'", text))
    return Shell("\n".join(re.findall(r"sh '([^']*)'", text)), variables)


def _azure() -> Shell:
    step = read(SNIPPETS / "azure-pipelines.yml")["steps"][-1]
    return Shell(step["bash"], step["env"])


def _circleci() -> Shell:
    job = read(SNIPPETS / "circleci.yml")["jobs"]["deploy"]
    return Shell(job["steps"][-1]["run"]["command"], job["environment"])


def _bitbucket() -> Shell:
    (item,) = read(SNIPPETS / "bitbucket-pipelines.yml")["pipelines"]["branches"]["main"]
    return Shell("\n".join(item["step"]["script"]), {})


def _buildkite() -> Shell:
    pipeline = read(SNIPPETS / "buildkite.yml")
    return Shell(pipeline["steps"][-1]["command"], pipeline["env"])


def _tekton() -> Shell:
    spec = read(SNIPPETS / "tekton.yaml")["spec"]
    given = {**CLUSTER, "id": "run-of-tekton"}
    values = {each["name"]: each.get("default") for each in spec["params"]}
    assert {name for name, default in values.items() if default is None} == set(given)
    (step,) = spec["steps"]
    return _in_cluster(step["script"], step["env"], r"\$\(params\.([\w-]+)\)", values | given)


def _argo() -> Shell:
    (template,) = read(SNIPPETS / "argo-workflows.yaml")["spec"]["templates"]
    values = {each["name"]: each.get("value") for each in template["inputs"]["parameters"]} | CLUSTER
    values |= {
        "workflow.status": CLUSTER["status"],
        "workflow.creationTimestamp.RFC3339": CLUSTER["started-at"],
        "workflow.uid": "run-of-argo",
    }
    return _in_cluster(
        template["script"]["source"],
        template["script"]["env"],
        r"\{\{(?:inputs\.parameters\.)?([\w.-]+)\}\}",
        values,
    )


def _in_cluster(text: str, env: list[dict[str, Any]], pattern: str, values: Mapping[str, Any]) -> Shell:
    given = {each["name"]: each["value"] for each in env if "value" in each}
    filled = {name: re.sub(pattern, lambda found: values[found[1]], value) for name, value in given.items()}
    return Shell(text, filled)


SHELLS: Mapping[str, Callable[[], Shell]] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitlab component": lambda: gitlab_job(component()["deploy"]),
    "jenkins": _jenkins,
    "azure": _azure,
    "circleci": _circleci,
    "bitbucket": _bitbucket,
    "buildkite": _buildkite,
    "tekton": _tekton,
    "argo": _argo,
}
"""All that there are, by the name of their CI server."""


def environment(name: str) -> dict[str, str]:
    """What the CI server of that name sets."""
    return FIRST.get(name.partition(" ")[0], {})


def as_script(shell: Shell) -> str:
    """The commands as a file for shellcheck, which is to know the variables that come from outside."""
    given = "".join(f"{name}=given\n" for name in shell.variables)
    return f"#!/bin/bash\n{given}export {' '.join(shell.variables)}\n{shell.text}\n"
