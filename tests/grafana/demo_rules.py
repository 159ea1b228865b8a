"""The demo's first minutes on a clock of their own, as input of promtool's tests of the shipped rules."""

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from tests.e2e.programs import program
from tests.grafana.rules import FILE, groups

from dora_exporter.app.derived_settings import definitions
from dora_exporter.app.settings import Settings
from dora_exporter.cli.backfill.replay import PastText
from dora_exporter.cli.demo.command import HASTE, SEED
from dora_exporter.cli.demo.organisation import organisation
from dora_exporter.dora.events import MINUTE_MS

DEMOS_OWN = Path(__file__).parents[2] / "deploy" / "compose" / "demo.rules.yaml"
_SAMPLE = re.compile(r"(?P<series>(?P<name>\w+)\{[^\n]*\}) (?P<value>\S+)")
_MOMENTS = "_timestamp_seconds"
_ABSENT = "_"


@dataclass(frozen=True)
class Firing:
    """An alert that fires, and about what."""

    alert: str
    service: str
    environment: str


@dataclass(frozen=True)
class DemoRules:
    """What the rules make of the demo in its first minutes, whenever it was started."""

    started_ms: int
    minutes: int
    folder: Path

    def firing(self, minutes: Sequence[int]) -> dict[int, set[Firing]]:
        """The alerts that fire at each of these minutes after the start."""
        series = [*((name, f"1x{self.minutes}") for name in _OF_THE_DAEMON), *_inputs(self.started_ms, self.minutes)]
        test = {
            "interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series],
            "promql_expr_test": [
                {"expr": _FIRING, "eval_time": f"{minute}m", "exp_samples": [_NEVER]} for minute in minutes
            ],
        }
        order = [group["name"] for group in groups()]
        file = self.folder / "demo.test.yaml"
        files = [str(FILE), str(DEMOS_OWN)]
        file.write_text(json.dumps({"rule_files": files, "group_eval_order": order, "tests": [test]}))
        ended = subprocess.run(
            [program("promtool"), "test", "rules", file],
            capture_output=True,
            check=False,
            encoding="utf-8",
            timeout=120,
        )
        told = re.findall(r"time: (?:(\d+)m)?(?:0s)?,?\n\s+exp:.*\n\s+got:(.*)", ended.stdout + ended.stderr)
        assert len(told) == len(minutes), ended.stdout + ended.stderr
        return {int(minute or 0): set(_parsed(got)) for minute, got in told}


_FIRING = 'max by (alertname, service, environment) (ALERTS{alertstate="firing"})'
_OF_THE_DAEMON = (
    "dora_exporter_build_info",
    'dora_environment_info{environment="production", tier="production"}',
    'dora_environment_info{environment="staging", tier="staging"}',
    'dora_environment_info{environment="development", tier="development"}',
)
_NEVER = {"labels": '{never="so"}', "value": 1}
"""promtool tells what it found only where something else was expected."""


def _parsed(got: str) -> Iterator[Firing]:
    for labels in re.findall(r"\{([^}]*)\}", got):
        found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        yield Firing(found["alertname"], found.get("service", ""), found.get("environment", ""))


def _inputs(started_ms: int, minutes: int) -> Iterator[tuple[str, str]]:
    """Each series with its samples, a minute apart; promtool's clock begins at 0 where the demo starts."""
    end = started_ms + minutes * MINUTE_MS
    happened = takewhile(lambda each: each.at <= end, organisation(SEED, started_ms, haste=HASTE))
    instants = range(started_ms, end + 1, MINUTE_MS)
    past = PastText((each.record for each in happened), definitions(Settings()), instants)
    samples: dict[str, list[str]] = defaultdict(list)
    for minute in range(minutes + 1):
        for lines in past.at(minute):
            for match in _SAMPLE.finditer(b"".join(lines.parts).decode()):
                values = samples[match["series"]]
                values += [_ABSENT] * (minute - len(values))
                is_moment = match["name"].endswith(_MOMENTS)
                values.append(repr(float(match["value"]) - started_ms / 1000) if is_moment else match["value"])
    for series, values in samples.items():
        ended = [_ABSENT] * (minutes + 1 - len(values))
        yield series, " ".join("stale" if value == _ABSENT else value for value in [*values, *ended])
