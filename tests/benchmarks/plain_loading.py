"""Loads a snapshot file as one would without thinking: ``json``, then a pydantic model for each event.

Run as a module with the file as argument, it prints how many models it made.
"""

import json
import sys
from pathlib import Path

from tests.benchmarks.naive import DeploymentModel, IncidentModel

MODELS: dict[str, type[DeploymentModel] | type[IncidentModel]] = {
    "deployment": DeploymentModel,
    "incident": IncidentModel,
}


def load(path: Path) -> list[DeploymentModel | IncidentModel]:
    """The events of the file."""
    models: list[DeploymentModel | IncidentModel] = []
    with path.open() as file:
        for line in file:
            record = json.loads(line)["rec"]
            model = MODELS.get(record["type"])
            if model is not None:
                models.append(model.model_validate(record))
    return models


if __name__ == "__main__":
    sys.stdout.write(f"{len(load(Path(sys.argv[1])))}\n")
