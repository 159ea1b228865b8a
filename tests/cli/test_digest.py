"""The report in Markdown: a pure function of the events and of two instants."""

from pathlib import Path

import pytest
from tests.builders import DAY_MS, HOUR_MS, NOW_MS, deployment, incident
from tests.cli.calling import NAME, Called, call, kept
from tests.e2e.daemon import Daemon

from dora_exporter.cli.digest.report import Period, digest
from dora_exporter.dora.events import Commit, Deployment, Incident, Verdict
from dora_exporter.runtime.clock import system_clock
from dora_exporter.runtime.timestamps import iso
from dora_exporter.series.number_values import Shown
from dora_exporter.web.api.schema.number_answer import NumbersOfSubject, NumbersOfWindow

SNAPSHOT = f"--snapshot.path={NAME}"
TO = f"--to={NOW_MS // 1000}"
FAILED = Verdict(change_failure=True)


def deployed(
    service: str, days: range, *, end_ms: int, failed: int = 0, hours: int = 2, environment: str = "production"
) -> list[Deployment]:
    """Deployments so many days before a moment; the first ones failed."""
    return [
        deployment(
            id=f"{service}-{day}",
            service=service,
            environment=environment,
            version=f"v{day}",
            finished_at=end_ms - day * DAY_MS,
            verdict=FAILED if index < failed else None,
            commits=(Commit(f"{service}{day}".encode().hex().ljust(40, "0"), end_ms - day * DAY_MS - hours * HOUR_MS),),
        )
        for index, day in enumerate(days)
    ]


def events(end_ms: int) -> list[Deployment | Incident]:
    return [
        *deployed("shipping", range(1, 7), end_ms=end_ms, failed=3, hours=9),
        *deployed("shipping", range(8, 14), end_ms=end_ms),
        *deployed("search", range(1, 6), end_ms=end_ms),
        *deployed("idle", range(30, 36), end_ms=end_ms),
        *deployed("sand*box", range(1, 7), end_ms=end_ms, failed=6, environment="dev"),
        incident(id="outage", services=("search",), started_at=end_ms - 5 * HOUR_MS),
        incident(id="later", services=("search",), started_at=end_ms + 5 * HOUR_MS),
    ]


REPORT = """\
# Delivery from 2025-06-08 to 2025-06-15

3 services in production, compared with the 7d before.

| | 7d | before |
| --- | ---: | ---: |
| Deployments | 11 | 6 |
| Failed deployments | 4 | 0 |
| Incidents | 1 | 0 |
| Open incidents | 1 | 0 |
| Change failure rate | 36.4% | 0.0% |

## What changed

* **shipping** (production): failure rate 50%, 0% before
* **shipping** (production): lead time 9.0 h, 2.0 h before

## Worst

* **shipping** (production): failure rate 50%, 3 of 6 deployments
* **search** (production): failure rate 20%, 1 of 5 deployments
* **shipping** (production): lead time 9.0 h

## Best

* **search** (production): lead time 2.0 h

## Open

* **search** (production): an incident since 2025-06-15 10:06
"""


def test_a_report_says_what_changed_what_is_worst_best_and_open(called: Called) -> None:
    kept(Path(NAME), events(NOW_MS))
    ended = called("digest", SNAPSHOT, TO, "--since=7d")

    assert (ended.code, ended.errors) == (0, "")
    assert ended.output == REPORT


def test_the_only_lead_time_is_not_the_worst_and_the_best(called: Called) -> None:
    kept(Path(NAME), deployed("shop", range(1, 7), end_ms=NOW_MS, failed=1))
    assert called("digest", SNAPSHOT, TO, "--since=7d").output.count("lead time 2.0 h") == 1


@pytest.mark.parametrize(("hours", "is_told"), [(3, True), (2.9, False)])
def test_a_change_is_told_from_half_as_much_again(hours: float, *, is_told: bool) -> None:
    def numbers(until_ms: int, seconds: float) -> NumbersOfWindow:
        values: dict[str, Shown] = {"dora_deployments": 1, "dora_change_lead_time_seconds": {"median": seconds}}
        return NumbersOfWindow("7d", "", iso(until_ms), partial=False, values=values)

    period = Period("7d", NOW_MS - 7 * DAY_MS, NOW_MS)
    found = [numbers(period.start_ms, 7200), numbers(period.end_ms, hours * 3600)]
    service = NumbersOfSubject(service="shop", environment="production", tier="production", explain="", numbers=found)
    assert ("* **shop** (production): lead time 3.0 h, 2.0 h before" in digest([service], period, tier="")) == is_told


def test_a_section_of_which_there_is_nothing_says_so() -> None:
    told = digest([], Period("7d", NOW_MS - 7 * DAY_MS, NOW_MS), tier="")
    headings = ("What changed", "Worst", "Best", "Open")
    assert told.endswith("\n\n" + "\n\n".join(f"## {each}\n\nNothing." for each in headings) + "\n")
    assert "0 services in all tiers, compared with the 7d before." in told


def test_the_report_of_the_same_instants_is_the_same(called: Called) -> None:
    kept(Path(NAME), events(NOW_MS))
    first, second, whole = (
        called("digest", SNAPSHOT, TO, *more).output for more in ([], ["--since=7d"], ["--tier=all"])
    )

    assert first == second
    assert r"**sand\*box** (dev): failure rate 100%, 6 of 6 deployments" in whole
    assert "sand" not in first


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--to=2999-01-01"], "--to is in the future"),
        (["--since=100y"], "--since begins before 1970"),
        (["--url=nowhere"], "--url must be a URL such as http://127.0.0.1:3672"),
        (["--api-key-file=key"], "--api-key-file needs --url"),
        (["--url=http://127.0.0.1:1"], "127.0.0.1 cannot be asked: connection refused (port 1)"),
    ],
)
def test_what_cannot_be_reported_is_said(called: Called, arguments: list[str], reason: str) -> None:
    kept(Path(NAME), events(NOW_MS))
    ended = called("digest", SNAPSHOT, *arguments)

    assert ended.code != 0
    assert reason in ended.errors


def test_a_running_daemon_and_its_file_give_the_same_report(tmp_path: Path) -> None:
    now_ms = system_clock()
    daemon = Daemon(tmp_path, settings={"api_keys": ["to write"], "read_keys": ["to read"]})
    kept(daemon.snapshot, events(now_ms - 60_000))
    (tmp_path / "key").write_text("to read")
    to = f"--to={now_ms // 1000}"
    with daemon.running() as running:
        asked = call("digest", f"--url={running.url}", "--api-key-file=key", to, folder=tmp_path)
        refused = call("digest", f"--url={running.url}", to, folder=tmp_path)
    read = call("digest", f"--snapshot.path={daemon.snapshot}", to, folder=tmp_path)

    assert (asked.code, asked.output) == (0, read.output)
    assert "**shipping** (production): failure rate 50%, 3 of 6 deployments" in asked.output
    assert "answered 403" in refused.errors
