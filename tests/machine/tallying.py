"""What the daemon tells of the commits of all deployments: how many there are, and how many give no lead time."""

from collections import Counter
from collections.abc import Iterable, Iterator

from tests.machine.facts import Deployed, Terms, World
from tests.machine.graph import NOTHING
from tests.machine.judging import SKEW_MS
from tests.machine.shipping import found_by, shipments_of

CAUSES = (*NOTHING.left_out, "malformed", "negative", "author")


def of_commits(reports: Iterable[Deployed], world: World, terms: Terms) -> Iterator[tuple[str, dict[str, str], int]]:
    """Also of reports that do not count. Attempts ship nothing."""
    held, left_out = 0, Counter[str]()
    for report in [each for each in reports if each.outcome is None]:
        by_git = report.commits is None
        for _, shipment in shipments_of(report, world) if by_git else ():
            left_out.update(shipment.left_out)
        for change in found_by(report, world) if report.commits is None else report.commits:
            held += 1
            if by_git and any(name in change.author for name in terms.excluded_authors):
                left_out["author"] += 1
            elif change.authored_at > report.finished_at + SKEW_MS:
                left_out["negative"] += 1
    yield "dora_exporter_commits_held", {}, held
    for cause in CAUSES:
        yield "dora_exporter_commits_left_out", {"cause": cause}, left_out[cause]
