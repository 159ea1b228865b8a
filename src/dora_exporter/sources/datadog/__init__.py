"""Deployments from Datadog's APM."""
