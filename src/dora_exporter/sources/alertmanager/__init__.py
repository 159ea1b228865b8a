"""Incidents from Alertmanager's notifications."""
