"""Webhook bodies as GitLab's documentation shows them, with changes.

They are those of "Deployment events" and "Work item events" in doc/user/project/integrations/webhook_events.md of
gitlab-org/gitlab, at docs.gitlab.com/user/project/integrations/webhook_events (CC BY-SA 4.0), shortened where nothing
is read. That the type of an incident is "Incident" is said there; times of issues are there in RFC 3339 and with UTC
behind a space, and both come.
"""

from typing import Any

SHA = "279484c09fbe69ededfced8c1bb6e6d24616b468"
CHANGED_AT = "2021-04-28 21:50:00 +0200"
PROJECT: dict[str, Any] = {
    "id": 30,
    "name": "test-deployment-webhooks",
    "description": "",
    "web_url": "http://10.126.0.2:3000/root/test-deployment-webhooks",
    "avatar_url": None,
    "git_ssh_url": "ssh://vlad@10.126.0.2:2222/root/test-deployment-webhooks.git",
    "git_http_url": "http://10.126.0.2:3000/root/test-deployment-webhooks.git",
    "namespace": "Administrator",
    "visibility_level": 0,
    "path_with_namespace": "root/test-deployment-webhooks",
    "default_branch": "master",
    "ci_config_path": "",
}


def deployment(status: str = "success", at: str = CHANGED_AT, **changes: object) -> dict[str, Any]:
    """A Deployment Hook."""
    return {
        "object_kind": "deployment",
        "status": status,
        "status_changed_at": at,
        "deployment_id": 15,
        "deployable_id": 796,
        "deployable_url": "http://10.126.0.2:3000/root/test-deployment-webhooks/-/jobs/796",
        "environment": "staging",
        "environment_tier": "staging",
        "environment_slug": "staging",
        "environment_external_url": "https://staging.example.com",
        "project": PROJECT,
        "ref": "1.0.0",
        "short_sha": SHA[:8],
        "user": {"id": 1, "name": "Administrator", "username": "root", "email": "user1@example.com"},
        "user_url": "http://10.126.0.2:3000/root",
        "commit_url": f"http://10.126.0.2:3000/root/test-deployment-webhooks/-/commit/{SHA}",
        "commit_title": "Add new file",
        **changes,
    }


def issue(action: str = "open", updated: str = "2021-04-28 10:00:00 UTC", **changes: object) -> dict[str, Any]:
    """An Issue Hook of an incident; ``changes`` are those of its attributes."""
    return {
        "object_kind": "issue",
        "event_type": "issue",
        "user": {"id": 1, "name": "Administrator", "username": "root"},
        "project": PROJECT,
        "object_attributes": {
            "id": 301,
            "iid": 23,
            "title": "Checkout is down",
            "author_id": 51,
            "project_id": 30,
            "created_at": "2021-04-28 10:00:00 UTC",
            "updated_at": updated,
            "closed_at": updated if action == "close" else None,
            "description": "Create new API for manipulations with repository",
            "state": "closed" if action == "close" else "opened",
            "severity": "high",
            "confidential": False,
            "url": "http://example.com/diaspora/issues/23",
            "action": action,
            "type": "Incident",
            "labels": [{"id": 206, "title": "API", "color": "#ffffff", "project_id": 14}],
            **changes,
        },
        "labels": [{"id": 206, "title": "API", "color": "#ffffff", "project_id": 14}],
        "changes": {},
    }
