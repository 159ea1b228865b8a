"""GitHub: deployments, releases, workflow runs and tags, pushed and polled."""
