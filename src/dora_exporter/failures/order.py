"""The two orders of a series' deployments."""

from operator import attrgetter

finish_order = attrgetter("finished_at", "started_at", "id")
start_order = attrgetter("started_at", "finished_at", "id")
