"""What the settings of a github source may say."""

import pytest
from pydantic import ValidationError

from dora_exporter.sources.github.settings import GitHubSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "a", "token_file": "b", "organizations": ["acme"]},
        {"token": "a"},
        {"token": "a", "repositories": ["shop"]},
        {"app_id": 1, "organizations": ["acme"]},
        {"app_id": 1, "installation_id": 1, "private_key_file": "f", "token": "a", "organizations": ["acme"]},
        {"base_url": "https://user:hunter2@github.example"},
        {"webhook_secrets": ["a"], "webhook_secrets_file": "b"},
        {"triggers": []},
        {"triggers": ["workflow_run"]},
        {"workflows": [{"path": "deploy.yml"}]},
        {"services": [{"repository": "a/b"}]},
        {"services": [{"environment": "prod-(.+)"}]},
        {"services": [{"environment": "(", "service": "a"}]},
    ],
)
def test_a_mistake_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GitHubSettings.model_validate(wrong)
