import pytest
from typing_extensions import override

from dora_exporter.dora.events import Deployment, Event, Incident, Verdict
from dora_exporter.runtime.cooperative import Turn
from dora_exporter.web.api.search.query import parse
from dora_exporter.web.server.errors import BadAttribute

SHIPPED = Deployment(
    "a-deployment",
    "check out",
    "prod",
    1,
    2,
    version="v1:2-rc",
    commit_sha="0" * 40,
    repository="github.com/acme/shop",
    team="web",
    source="apm",
    tags=("language:python", "loose", "stage:a:b"),
    verdict=Verdict(change_failure=True),
)
BROKEN = Incident("an-incident", ("cart", "web"), "prod", 1, name="it broke", severity="SEV-1")


@pytest.mark.parametrize(
    ("query", "event", "is_found"),
    [
        ("*", SHIPPED, True),
        ("  ", SHIPPED, True),
        ('service:"check out"', SHIPPED, True),
        (r"service:check\ out", SHIPPED, True),
        (r"service:check\ ou\t", SHIPPED, True),
        (r"service:check\ ou\*", SHIPPED, False),
        ("service:cart\\", BROKEN, False),
        ("service:cart\\", Incident("an-incident", ("cart\\",), "prod", 1), True),
        ("service:check*", SHIPPED, True),
        ("service:check?out", SHIPPED, True),
        ('service:"check*"', SHIPPED, False),
        ("service:check", SHIPPED, False),
        ("service:Check*", SHIPPED, False),
        ("service:cart", BROKEN, True),
        ("service:web", BROKEN, True),
        ("service:(shop OR web)", BROKEN, True),
        ("service:(shop OR mail)", BROKEN, False),
        ("service:(shop web)", BROKEN, False),
        ("service:(c* AND *t)", BROKEN, True),
        ("service:(NOT shop)", BROKEN, True),
        ("service:(-cart)", BROKEN, False),
        ("env:prod", SHIPPED, True),
        ("environment:prod", SHIPPED, True),
        ("env:prod team:web", SHIPPED, True),
        ("env:prod team:shop", SHIPPED, False),
        ("env:prod AND team:shop", SHIPPED, False),
        ("env:prod OR team:shop", SHIPPED, True),
        ("env:x OR env:prod team:shop", SHIPPED, False),
        ("(env:x OR env:prod) team:web", SHIPPED, True),
        ("-team:web", SHIPPED, False),
        ("-team:web", BROKEN, True),
        ("NOT team:web", SHIPPED, False),
        ("-(team:web env:x)", SHIPPED, True),
        ("NOT NOT team:web", SHIPPED, True),
        ("team:*", SHIPPED, True),
        ("team:*", BROKEN, False),
        ("version:v1:2-rc", SHIPPED, True),
        ("version:*1*rc", SHIPPED, True),
        ("version:-rc", SHIPPED, False),
        ("severity:SEV-?", BROKEN, True),
        ("severity:*", SHIPPED, False),
        ('name:"it broke"', BROKEN, True),
        ("source:apm", SHIPPED, True),
        ("source:api", BROKEN, True),
        ("id:an-incident", BROKEN, True),
        ("commit_sha:000*", SHIPPED, True),
        ("git.commit_sha:000*", SHIPPED, True),
        ("git.repository_id:github.com/acme/*", SHIPPED, True),
        ("change_failure:true", SHIPPED, True),
        ("change_failure:null", SHIPPED, False),
        ("change_failure:*", BROKEN, False),
        ("language:python", SHIPPED, True),
        ("language:p*", SHIPPED, True),
        ("stage:a:b", SHIPPED, True),
        ("loose:*", SHIPPED, False),
        ("unheard:of", SHIPPED, False),
        ("name:it", SHIPPED, False),
        ("env:(((prod)))", SHIPPED, True),
        ("(env:*) " * 100, SHIPPED, True),
    ],
)
async def test_a_query_finds_what_it_asks_for(query: str, event: Event, *, is_found: bool) -> None:
    assert await parse(query)(event, Turn()) is is_found


class LongTurn(Turn):
    """One that is always over."""

    given = 0

    @property
    @override
    def is_over(self) -> bool:
        return True

    @override
    async def give(self) -> None:
        self.given += 1


async def test_others_have_their_turn_within_one_event() -> None:
    crowded, turn = Incident("an-incident", tuple(f"s{number}" for number in range(1000)), "prod", 1), LongTurn()
    assert not await parse("service:(*x? OR *y?)")(crowded, turn)
    assert turn.given == 2000


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("checkout", "has the term checkout without a key: write service:checkout"),
        (":checkout", "has the term :checkout without a key: write service::checkout"),
        ("service:(a", "opens a bracket that is not closed"),
        ("(service:a", "opens a bracket that is not closed"),
        ("service:a)", "closes a bracket that was not opened"),
        ("service:()", "has ) where a term is needed"),
        ("()", "has ) where a term is needed"),
        ("OR service:a", "has OR where a term is needed"),
        ("service:a OR", "ends where a term is needed"),
        ("service:a AND", "ends where a term is needed"),
        ("service:a AND OR env:b", "has OR where a term is needed"),
        ("NOT", "ends where a term is needed"),
        ("-", "ends where a term is needed"),
        ('service:"a', "has an unclosed quote"),
        ("-" * 30 + "env:a", "must not be nested deeper than 20"),
        ("(" * 30 + "env:a" + ")" * 30, "must not be nested deeper than 20"),
        ("env:a " * 101, "must not have more than 100 terms"),
        ("a" * 1001, "must not be longer than 1000 characters"),
    ],
)
def test_what_makes_no_sense_is_named(query: str, problem: str) -> None:
    with pytest.raises(BadAttribute) as caught:
        parse(query)
    assert caught.value.detail == f'attribute "query" {problem}'
