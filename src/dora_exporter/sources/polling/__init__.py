"""Sources in operation: their passes into the log, their health, and what is shown of it."""

from dora_exporter.sources.polling.deliveries import DeliveryRecord
from dora_exporter.sources.polling.health import Health
from dora_exporter.sources.polling.indexes import Indexes, OpenIncidents
from dora_exporter.sources.polling.manager import RunningSource, RunningSources
from dora_exporter.sources.polling.sink import EventSink

__all__ = ["DeliveryRecord", "EventSink", "Health", "Indexes", "OpenIncidents", "RunningSource", "RunningSources"]
