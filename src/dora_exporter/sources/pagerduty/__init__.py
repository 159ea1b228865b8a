"""Incidents from PagerDuty, polled and by webhook."""
