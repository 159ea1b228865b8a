"""Words what needs attention, with its reason and a link to the explanation."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dora_exporter.dora.sliding_window import Window
from dora_exporter.series.attention import MOST, Finding
from dora_exporter.web.pages.formatting import spoken

_CAUSES = {
    "verdict": ("hand or API", "by hand or API"),
    "rollback": ("a rollback", "rollbacks"),
    "revert": ("a revert", "reverts"),
    "rule": ("a hotfix", "hotfixes"),
    "incident": ("an incident", "incidents"),
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """``subject`` and ``text`` are one sentence, which ``metric`` explains, or the page at ``path``."""

    subject: str
    environment: str
    text: str
    metric: str
    path: str = ""
    is_urgent: bool = True


def sentences(
    found: Sequence[Finding], window: Window, *, failing_sources: Iterable[str], broken_series: int
) -> Sequence[Sentence]:
    """At most seven, worst first; what keeps numbers from being right comes first."""
    said = [*_of_the_daemon(failing_sources, broken_series), *(_of(each, window) for each in found)]
    return said[:MOST]


def _of_the_daemon(failing_sources: Iterable[str], broken_series: int) -> Iterator[Sentence]:
    for name in failing_sources:
        yield Sentence(name, "", "is a source that fails: its events are missing", "", "sources")
    if broken_series:
        yield Sentence(
            f"{broken_series:,} series", "", "have no numbers, because computing them failed: see the log", ""
        )


def _of(finding: Finding, window: Window) -> Sentence:
    word, metric = _WORDS[finding.kind]
    return Sentence(*finding.series, word(finding, window), metric, "", finding.weight >= 1)


def _open(finding: Finding, _window: Window) -> str:
    if finding.count == 1:
        return f"an incident has been open for {spoken(finding.value)}"
    return f"{finding.count:,} incidents are open, the oldest for {spoken(finding.value)}"


def _failing(finding: Finding, window: Window) -> str:
    before = "" if finding.before is None else f", {finding.before:.0%} before"
    one, many = _CAUSES[finding.cause or "verdict"]
    reason = f"mostly {many}" if finding.count > 1 else f"by {one}"
    counts = f"{finding.count:,} of {finding.of:,} deployments"
    return f"failure rate {finding.value:.0%} over {window.text}{before}: {counts}, {reason}"


def _overdue(finding: Finding, _window: Window) -> str:
    return f"not deployed for {spoken(finding.value)}, usually every {spoken(finding.before)}"


def _slow(what: str, finding: Finding, window: Window) -> str:
    before = "" if finding.before is None else f", {spoken(finding.before)} before"
    return f"{what} {spoken(finding.value)} over {window.text}{before}"


_WORDS = {
    "open": (_open, "dora_incidents"),
    "failing": (_failing, "dora_change_failure_rate"),
    "overdue": (_overdue, "dora_deployments"),
    "slow_lead_time": (lambda *given: _slow("lead time", *given), "dora_change_lead_time_seconds"),
    "slow_restore": (lambda *given: _slow("time to restore", *given), "dora_time_to_restore_seconds"),
}
