"""The units that numbers have in panels."""

PER_DAY = "suffix:/day"
HOURS = "suffix:h"
"""Of axes: Grafana would call the tick at 50,000 seconds 13.9 hours."""
DURATION = "s"
"""Of single numbers, which Grafana writes as minutes, hours or days."""
RATIO = "percentunit"
COUNT = "none"
SINCE = "dateTimeFromNow"
BYTES = "bytes"

HOUR_SECONDS = 3600
