"""Sources in operation: their passes into the log, their health, and what is shown of it."""

from dora_exporter.polling.collector import SourceCollector
from dora_exporter.polling.health import Health
from dora_exporter.polling.open_incidents import OpenIncidents
from dora_exporter.polling.running import Running, RunningSources

__all__ = ["Health", "OpenIncidents", "Running", "RunningSources", "SourceCollector"]
