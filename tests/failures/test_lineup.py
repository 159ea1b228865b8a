"""A lineup gets ready for changes in slices."""

from tests.builders import NOW_MS, deployment, incident

from dora_exporter.events import Deployment
from dora_exporter.failures.lineup import Lineup

MANY = 5_000


def deployments() -> list[Deployment]:
    """More than a slice, in order of finish; every SHA twice."""
    return [
        deployment(id=f"{number:05}", commit_sha=f"{number % (MANY // 2):040x}", finished_at=NOW_MS + number)
        for number in range(MANY)
    ]


def test_a_long_lineup_gets_ready_bit_by_bit() -> None:
    lineup = Lineup()
    lineup.load(deployments())
    calls = [lineup.prepare() for _ in range(6)]
    assert calls[0] is False
    assert calls[-1] is True


def test_a_change_amid_the_preparation_is_not_forgotten() -> None:
    held = deployments()
    lineup = Lineup()
    lineup.load(list(held))
    lineup.prepare()
    lineup.remove(held[0])
    newcomer = deployment(id="new", commit_sha=held[1].commit_sha, finished_at=NOW_MS + MANY)
    lineup.add(newcomer)
    while not lineup.prepare():
        pass
    assert lineup.named_as(held[0]) == (held[MANY // 2],)
    assert lineup.latest_same_before(newcomer) is held[MANY // 2 + 1]


def test_what_an_incident_names_is_prepared_for() -> None:
    lineup = Lineup()
    lineup.load([deployment(id=f"{number:05}", version=f"{number}", finished_at=NOW_MS) for number in range(MANY)])
    assert lineup.prepare(incident())
    assert not lineup.prepare(incident(version="7"))
