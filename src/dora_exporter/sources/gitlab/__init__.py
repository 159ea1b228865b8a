"""GitLab: deployments and incidents, pushed and polled."""
