"""The settings of a random history."""

import random
from collections.abc import Sequence
from dataclasses import replace

from tests.machine.acts import MANY
from tests.machine.facts import DAY_MS, HOUR_MS, MINUTE_MS, Group, Rule, Scope, Terms
from tests.machine.naming import SERVICES, random_naming
from tests.oracle.naming import Naming, name_of

HOTFIX = Rule("hotfix", r"(?i)^hotfix", "hotfix", ("title", "version"))
SUBJECTS = Rule("subjects", r"(?i)^urgent", "urgent", ("subject",))
REQUESTS = Rule("requests", r"^urgent", "urgent", ("branch", "label"))
FIXES = Rule("fixes", r"^fixes:$version$", "fixes:", ("tag",), names_version=True)

TREE = (
    Group("all"),
    Group("goods", "all", ("cart", "shop"), ("squad",)),
    Group("front", "goods", ("checkout",)),
    Group("back", None, ("search",), ("guild",)),
)


def _among(names: Sequence[str], others: Sequence[str]) -> tuple[str, ...]:
    return tuple(each for each in names if each in others)


def random_terms(
    chance: random.Random, *, with_names: bool, with_values: bool, folders: tuple[tuple[str, str], ...]
) -> Terms:
    """The settings of a daemon. ``folders`` are those of services in their repository."""
    pick = chance.choice
    names = random_naming(chance) if with_names and chance.random() < 0.7 else Naming()
    names_of_their_own = [each for each in (*SERVICES, "shop") if name_of(each, names.services) == each]
    teams = [("cart", "crew"), ("checkout", "squad"), ("shop", "crew")]
    severities = pick([(), (("SEV-1", 1), ("SEV-2", 2), ("minor", 4))])
    return Terms(
        windows=pick([(("1d", DAY_MS), ("7d", 7 * DAY_MS)), (("12h", DAY_MS // 2),)]),
        retention_ms=pick([30 * DAY_MS, 30 * DAY_MS, 10 * DAY_MS]),
        attribution_limit_ms=pick([7 * DAY_MS, None, HOUR_MS, 2 * DAY_MS]),
        merge_within_ms=pick([30 * MINUTE_MS, DAY_MS, MINUTE_MS]),
        series_limit=pick([1, 2, MANY, MANY]),
        team_of=pick([(), tuple(each for each in teams if each[0] in names_of_their_own)]),
        rollback=pick([Scope(), Scope(), Scope(is_on=False), Scope(services=("cart",))]),
        revert=pick([Scope(), Scope(), Scope(is_on=False), Scope(services=("checkout",))]),
        rules=pick(
            [
                (),
                (HOTFIX,),
                (HOTFIX, SUBJECTS, FIXES),
                (HOTFIX, REQUESTS),
                (REQUESTS,),
                (replace(FIXES, services=("cart",)),),
            ]
        ),
        default_environment=pick(["none", "production"]),
        edition=pick(["2019", "2021", "2022", "2023", "2024"]),
        resolve_for_ms=pick([MINUTE_MS, MINUTE_MS, DAY_MS]),
        excluded_authors=pick([(), (), ("bots@",), ("Ann",)]),
        names=names,
        folders=folders,
        groups=pick([(), tuple(replace(each, services=_among(each.services, names_of_their_own)) for each in TREE)]),
        minimum_ms=pick([0, 0, HOUR_MS]),
        reopened_within_ms=pick([None, HOUR_MS, DAY_MS]),
        stale_after_ms=pick([None, 10 * MINUTE_MS, 10 * MINUTE_MS, HOUR_MS // 3]),
        severities=severities,
        dimensions=pick([("customer",), ("tier", "customer")]) if with_values else (),
        values_limit=pick([1, 2, 50]),
        unknown_severity=pick([None, None, 3]),
        counted_severities=pick([(1, 2, 3, 4, 5), (1, 2, 3), ("Minor", 1) if severities else (3,)]),
    )
