"""A PagerDuty that has a life: incidents happen in it, and it answers for them over a real socket."""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from aiohttp import web
from tests.builders import HOUR_MS, ManualClock

from dora_exporter.dora.events import DAY_MS

Json = dict[str, Any]
Fault = Callable[[web.Request], web.StreamResponse | None]
"""Answers a request in the fake's place; None leaves it to the fake, and the fault waits for another one."""

CAP = 10_000
_ACCOUNT_ZONE_MS = -7 * HOUR_MS


@cache
def text(moment_ms: int) -> str:
    """A moment as PagerDuty writes it: to the second."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def finely(moment_ms: int) -> str:
    """A moment as its webhooks write it: to the millisecond."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).isoformat(timespec="milliseconds")


def failure(status: int, code: int | None = None, **headers: str) -> web.Response:
    """An error as PagerDuty words it."""
    body = {"error": {"message": "made up by a test", "code": code}} if code else None
    return web.json_response(body, status=status, headers=headers)


@dataclass
class FakePagerDuty:
    """An account.

    ``faults`` are tried on every request in turn; ``before_page`` runs before each answered list; ``slow_page`` answers
    the next list of acknowledged incidents, the last one of a pass, and may take its time. A webhook says that things
    happened ``webhook_lag_ms`` later than the API does.

    Times without an offset are read in the account's zone, as the real one does. While it ``is_still`` nothing changes
    between two pages of a list, which are then answered faster.
    """

    clock: ManualClock
    token: str = "token-of-the-account"
    page_limit: int = 100
    rate_headers: Mapping[str, str] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    before_page: Callable[[web.Request], None] = lambda _: None
    rows: dict[str, Json] = field(default_factory=dict)
    entries: list[Json] = field(default_factory=list)
    services: dict[str, str | None] = field(default_factory=dict)
    deliveries: list[Json] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    slow_page: Callable[[web.Request], Awaitable[web.Response]] | None = None
    clock_behind_ms: int = 0
    webhook_lag_ms: int = 0
    triggered: int = 0
    is_still: bool = False
    still: list[Json] = field(default_factory=list)

    def application(self) -> web.Application:
        """What a test server serves."""
        application = web.Application()
        application.router.add_get("/incidents", self._list_incidents)
        application.router.add_get("/incidents/{id}", self._get_incident)
        application.router.add_get("/incidents/{id}/log_entries", self._list_entries)
        application.router.add_get("/log_entries", self._list_entries)
        return application

    def now(self) -> int:
        """The account's own clock."""
        return self.clock() - self.clock_behind_ms

    # what happens

    def trigger(self, service: str = "PCHECK", **changes: object) -> str:
        """An incident begins; gives its id."""
        self.services.setdefault(service, service.lower())
        self.triggered += 1
        number = self.triggered
        row: Json = {
            "id": f"Q{number:05}",
            "incident_number": number,
            "created_at": text(self.now()),
            "title": f"incident {number}",
            "status": "triggered",
            "urgency": "high",
            "priority": None,
            "service": service,
            "teams": [],
            "resolved_at": None,
            "resolve_reason": None,
            "custom_fields": [],
            **changes,
        }
        self.rows[row["id"]] = row
        self._note(row, "trigger_log_entry", "incident.triggered")
        return str(row["id"])

    def acknowledge(self, incident_id: str) -> None:
        """Somebody looks at it, and so opens it again if it had ended."""
        opened: Json = {"status": "acknowledged", "resolved_at": None, "resolve_reason": None}
        self._change(incident_id, "acknowledge_log_entry", "incident.acknowledged", **opened)

    def resolve(self, incident_id: str) -> None:
        """It ends."""
        resolved: Json = {"status": "resolved", "resolved_at": text(self.now()), "resolve_reason": None}
        self._change(incident_id, "resolve_log_entry", "incident.resolved", **resolved)

    def reopen(self, incident_id: str) -> None:
        """It did not end after all; the change feed has no word for that."""
        opened: Json = {"status": "triggered", "resolved_at": None, "resolve_reason": None}
        self._change(incident_id, None, "incident.reopened", **opened)

    def merge(self, source: str, target: str) -> None:
        """One becomes part of another."""
        reason = {"type": "merge_resolve_reason", "incident": {"id": target, "type": "incident_reference"}}
        merged = {"status": "resolved", "resolved_at": text(self.now()), "resolve_reason": reason}
        self._change(source, "resolve_log_entry", "incident.resolved", **merged)

    def move(self, incident_id: str, service: str) -> None:
        """It turns out to be about another service."""
        self.services.setdefault(service, service.lower())
        self._change(incident_id, None, "incident.service_updated", service=service)

    def prioritise(self, incident_id: str, name: str | None) -> None:
        """Somebody gives it a priority."""
        priority = None if name is None else {"id": f"P{name}", "type": "priority", "summary": name, "name": name}
        self._change(incident_id, "field_value_change_log_entry", "incident.priority_updated", priority=priority)

    def set_field(self, incident_id: str, name: str, value: object) -> None:
        """Somebody fills in a custom field."""
        fields = [{"id": "F1", "name": name, "display_name": name.title(), "value": value}]
        self._change(incident_id, "custom_field_value_change_log_entry", None, custom_fields=fields)
        data = {"type": "incident_field_values", "incident": {"id": incident_id}, "custom_fields": fields}
        self._deliver("incident.custom_field_values.updated", data)

    def delete(self, incident_id: str) -> None:
        """It is gone for good."""
        del self.rows[incident_id]

    def rename(self, service: str, name: str | None) -> None:
        """A service gets another name; None deletes it."""
        self.services[service] = name
        self._deliver("service.updated", {**self._service(service), "type": "service"})

    def _change(self, incident_id: str, entry: str | None, event: str | None, **changes: object) -> None:
        row = self.rows[incident_id]
        row.update(changes)
        self._note(row, entry, event)

    def _note(self, row: Json, entry: str | None, event: str | None) -> None:
        row["updated_at"] = text(self.now())
        if "status" in row:
            row["last_status_change_at"] = text(self.now())
        if entry is not None:
            self.entries.append(
                {
                    "id": f"R{len(self.entries):06}",
                    "type": entry,
                    "created_at": text(self.now()),
                    "incident": {"id": row["id"], "type": "incident_reference"},
                    "service": self._service(row["service"]),
                }
            )
        if event is not None:
            self._deliver(event, self._webhook_data(row))

    def _deliver(self, event_type: str, data: Json) -> None:
        event = {
            "id": f"E{len(self.deliveries):06}",
            "event_type": event_type,
            "resource_type": event_type.partition(".")[0],
            "occurred_at": finely(self.now() + self.webhook_lag_ms),
            "data": data,
        }
        self.deliveries.append({"event": event})

    def _webhook_data(self, row: Json) -> Json:
        names = ("id", "status", "created_at", "title", "urgency", "priority", "resolve_reason", "teams")
        data = {name: row[name] for name in names}
        service = {"id": row["service"], "summary": self.services[row["service"]]}
        return {**data, "type": "incident", "number": row["incident_number"], "service": service}

    def _service(self, service: str) -> Json:
        name = self.services[service]
        url = None if name is None else f"https://acme.pagerduty.com/service-directory/{service}"
        return {"id": service, "type": "service_reference", "summary": name, "html_url": url}

    # what it answers

    def counts(self) -> Counter[str]:
        """How often each path was asked."""
        return Counter(request.path for request in self.requests)

    def asked(self, path: str) -> list[web.Request]:
        """The requests for a path, oldest first."""
        return [request for request in self.requests if request.path == path]

    def _early_answer(self, request: web.Request) -> web.StreamResponse | None:
        self.requests.append(request)
        for fault in list(self.faults):
            answer = fault(request)
            if answer is not None:
                self.faults.remove(fault)
                return answer
        if request.headers.get("Authorization") != f"Token token={self.token}":
            return failure(401, 2006)
        if "application/vnd.pagerduty+json;version=2" not in request.headers["Accept"]:
            return failure(406)
        return None

    async def _list_incidents(self, request: web.Request) -> web.StreamResponse:
        answer = self._early_answer(request)
        if answer is not None:
            return answer
        self.before_page(request)
        if self.slow_page is not None and "acknowledged" in request.query.getall("statuses[]", []):
            slow_page, self.slow_page = self.slow_page, None
            return await slow_page(request)
        if self.is_still and int(request.query["offset"]):
            return self.paged(request, "incidents", self.still)
        rows = list(filter(self.wanted(request), self.rows.values()))
        if request.query.get("sort_by") == "incident_number:asc":
            rows.sort(key=lambda row: int(row["incident_number"]))
        statuses = request.query.getall("statuses[]", [])
        if len(statuses) > 1 and "resolved" in statuses and rows:
            rows = [rows[0], *rows[:-1]]  # seen in the wild: one row twice, another one not at all
        self.still = [self.shown(row, is_whole=False) for row in rows]
        return self.paged(request, "incidents", self.still)

    async def _get_incident(self, request: web.Request) -> web.StreamResponse:
        answer = self._early_answer(request)
        if answer is not None:
            return answer
        row = self.rows.get(request.match_info["id"])
        if row is None:
            return failure(404, 2100)
        is_whole = "custom_fields" in request.query.getall("include[]", [])
        return web.json_response({"incident": self.shown(row, is_whole=is_whole)}, headers=self.rate_headers)

    async def _list_entries(self, request: web.Request) -> web.StreamResponse:
        answer = self._early_answer(request)
        if answer is not None:
            return answer
        self.before_page(request)
        incident_id = request.match_info.get("id")
        entries = [each for each in self.entries if incident_id in (None, each["incident"]["id"])]
        if incident_id is None:
            since, until = self._bounds(request)
            entries = [each for each in entries if since <= _read(each["created_at"]) < until]
        return self.paged(request, "log_entries", entries[::-1])

    def wanted(self, request: web.Request) -> Callable[[Json], bool]:
        statuses, services, urgencies, teams = (
            request.query.getall(f"{name}[]", []) for name in ("statuses", "service_ids", "urgencies", "team_ids")
        )
        is_any_time = request.query.get("date_range") == "all"
        since, until = self._bounds(request)
        is_too_long = until - since > 184 * DAY_MS

        def is_wanted(row: Json) -> bool:
            return (
                _is_in(statuses, [row["status"]])
                and (is_any_time or (not is_too_long and since <= _read(row["created_at"]) < until))
                and _is_in(services, [row["service"]])
                and _is_in(urgencies, [row["urgency"]])
                and _is_in(teams, [team["id"] for team in row["teams"]])
            )

        return is_wanted

    def _bounds(self, request: web.Request) -> tuple[int, int]:
        """With one bound the time is a month long, and without any it is the last month."""
        since, until = (request.query.get(name) for name in ("since", "until"))
        if since is None and until is None:
            return self.now() - 30 * DAY_MS, self.now() + 1000
        begin = None if since is None else _read(since)
        end = None if until is None else _read(until)
        return (
            (end or 0) - 30 * DAY_MS if begin is None else begin,
            (begin or 0) + 30 * DAY_MS if end is None else end,
        )

    def paged(self, request: web.Request, name: str, rows: list[Json]) -> web.Response:
        limit = min(int(request.query.get("limit", "25")), self.page_limit)
        offset = int(request.query.get("offset", "0"))
        if offset + int(request.query.get("limit", "25")) > CAP:
            return failure(400, 2002)
        body = {
            name: rows[offset : offset + limit],
            "limit": limit,
            "offset": offset,
            "more": offset + limit < len(rows),
            "total": len(rows) if request.query.get("total") == "true" else None,
        }
        return web.json_response(body, headers=self.rate_headers)

    def shown(self, row: Json, *, is_whole: bool) -> Json:
        shown = {**row, "service": self._service(row["service"])}
        if not is_whole:
            del shown["custom_fields"]
        return shown


def _is_in(wanted: Sequence[str], values: Iterable[str]) -> bool:
    return not wanted or any(value in wanted for value in values)


@cache
def _read(moment: str) -> int:
    """Milliseconds; a moment without an offset is in the account's zone."""
    read = datetime.fromisoformat(moment)
    if read.tzinfo is None:
        return round(read.replace(tzinfo=UTC).timestamp() * 1000) - _ACCOUNT_ZONE_MS
    return round(read.timestamp() * 1000)
