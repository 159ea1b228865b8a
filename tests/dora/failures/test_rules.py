"""Every documented rule of change failure detection, on deployments that are a day apart."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from tests.builders import NOW_MS, deployment, done, incident

from dora_exporter.app.failure_rules import HOTFIXES, FailureSettings, RuleSettings, rules
from dora_exporter.dora.catalogue.catalogue import NO_CATALOGUE, Catalogue
from dora_exporter.dora.catalogue.spellings import Entry
from dora_exporter.dora.commit_messages import parse_commit
from dora_exporter.dora.events import DAY_MS, Deployment, PullRequest, Remediation, Shipped, Verdict
from dora_exporter.dora.failures.classifier import Classifier
from dora_exporter.dora.measures import DeploymentFacts, IncidentFacts


class NoUpdates:
    """Is told, and forgets."""

    def plain(self, deployments: object) -> None: ...

    def deployment(self, deployment: object, before: object, after: DeploymentFacts | None) -> Iterator[None]:
        return iter(())

    def incident(self, incident: object, before: object, after: IncidentFacts | None) -> None: ...

    def presence(self, events: object, change: int) -> None: ...


def judged(
    *deployments: Deployment,
    settings: FailureSettings | None = None,
    catalogue: Catalogue = NO_CATALOGUE,
    elsewhere: tuple[Deployment, ...] = (),
) -> Classifier:
    """The classifier of a series, deployed in this order, beside deployments of other series."""
    held = {each.id: each for each in (*deployments, *elsewhere)}
    classifier = Classifier(
        rules=rules(settings or FailureSettings(), catalogue),
        attribution_limit_ms=None,
        find=held.get,
        updates=NoUpdates(),
    )
    for each in deployments:
        done(classifier.adding(each))
    done(classifier.settling())
    return classifier


def days(*versions: str | None) -> list[Deployment]:
    """Deployments of these versions on successive days, with ids d0, d1, ..."""
    return [
        deployment(id=f"d{day}", version=version, finished_at=NOW_MS - (len(versions) - day) * DAY_MS)
        for day, version in enumerate(versions)
    ]


def shipping(each: Deployment, *messages: str, pull_requests: tuple[PullRequest, ...] = ()) -> Deployment:
    """The same deployment with a commit for each message."""
    commits = tuple(
        parse_commit(f"{each.id}{index}".encode().hex().rjust(40, "0"), each.started_at, said)
        for index, said in enumerate(messages)
    )
    return replace(each, shipped=Shipped("git.example/shop", "f" * 40, commits, pull_requests=pull_requests))


def failures(classifier: Classifier) -> dict[str, str]:
    """The failed deployments with the rule, or the cause, by which that is known."""
    found = {}
    for each in classifier.in_order.by_finish:
        cause = classifier.facts(each).cause
        if cause:
            found[each.id] = next(
                (link.rule for link in classifier.links.to_failed(each) if link.cause == cause), cause
            )
    return found


@pytest.mark.parametrize(
    ("versions", "failed", "reworks"),
    [
        (["v1", "v2", "v3", "v1"], ["d1"], ["d3"]),
        (["v1", "v1"], [], []),
        (["v1", "v2"], [], []),
        (["v1", "v2", "v1"], ["d1"], ["d2"]),
        (["v1", "v2", "v2", "v1"], ["d1"], ["d3"]),
        (["v1", "v1", "v2", "v1"], ["d2"], ["d3"]),
        (["v1", "v2", "v1", "v2"], ["d1"], ["d2"]),
        (["v1", "v2", "v1", "v2", "v1"], ["d1", "d3"], ["d2", "d4"]),
        (["v1", "v2", "v1", "v2", "v1", "v2"], ["d1", "d3"], ["d2", "d4"]),
        (["v1", "v2", "v3", "v1", "v2", "v3"], ["d1"], ["d3"]),
        (["v1", "v2", "v3", "v1", "v3", "v2"], ["d1"], ["d3"]),
        (["v1", "v2", "v3", "v2", "v3"], ["d2"], ["d3"]),
        (["v1", "v2", "v1", "v1", "v3", "v2"], ["d1"], ["d2"]),
        (["v1", "v2", "v3", "v2", "v1", "v3"], ["d2", "d1"], ["d3", "d4"]),
        (["v1", "v2", "v3", "v1", "v4", "v1"], ["d1", "d4"], ["d3", "d5"]),
        (["v1", None, "v1"], ["d1"], ["d2"]),
        ([None, "v1", None], [], []),
    ],
)
def test_rollbacks(versions: list[str | None], failed: list[str], reworks: list[str]) -> None:
    classifier = judged(*days(*versions))

    assert sorted(failures(classifier)) == sorted(failed)
    assert [each.id for each in classifier.in_order.by_finish if classifier.facts(each).rework] == reworks


def test_a_sha_decides_before_a_version() -> None:
    first, second, third = days("v1", "v1", "v1")
    shas = [
        replace(first, commit_sha="a" * 40),
        replace(second, commit_sha="b" * 40),
        replace(third, commit_sha="a" * 40),
    ]

    assert failures(judged(*shas)) == {"d1": "rollback"}


def test_a_commit_that_reverts_a_sha_blames_the_deployment_that_shipped_it() -> None:
    first, second, third = days("v1", "v2", "v3")
    bad = shipping(first, "Add a discount")
    sha = bad.shipped.commits[0].sha if bad.shipped else ""
    fix = shipping(third, f"Take it back\n\nThis reverts commit {sha}.")

    assert failures(judged(bad, second, fix)) == {"d0": "revert"}


@pytest.mark.parametrize("subject", ['Revert "Add a discount"', 'Revert "Add a discount (#7)" (#8)'])
def test_a_quoted_subject_is_enough(subject: str) -> None:
    first, second, third = days("v1", "v2", "v3")

    assert failures(judged(shipping(first, "Add a discount (#7)"), second, shipping(third, subject))) == {
        "d0": "revert"
    }


def test_a_revert_of_what_was_shipped_together_with_it_blames_nobody() -> None:
    first, second = days("v1", "v2")

    assert failures(judged(first, shipping(second, "Add a discount", 'Revert "Add a discount"'))) == {}


def test_a_late_original_is_found() -> None:
    first, second = days("v1", "v2")
    classifier = judged(shipping(second, 'Revert "Add a discount"'))

    done(classifier.adding(shipping(first, "Add a discount")))
    done(classifier.settling())

    assert failures(classifier) == {"d0": "revert"}


def test_a_hotfix_label_blames_the_deployment_before() -> None:
    first, second = days("v1", "v2")
    fix = shipping(second, "Mend it", pull_requests=(PullRequest(NOW_MS, labels=("Hotfix",)),))

    assert failures(judged(first, fix)) == {"d0": "hotfix"}


def test_pull_requests_found_in_git_say_nothing_once_the_sender_lists_the_commits() -> None:
    first, second = days("v1", "v2")
    labelled = PullRequest(NOW_MS, number=7, title='Revert "Add a discount"', labels=("Hotfix",))
    listed = replace(shipping(second, "Mend it", pull_requests=(labelled,)), commits=())

    assert failures(judged(shipping(first, "Add a discount"), listed)) == {}


@pytest.mark.parametrize(
    ("pull_request", "is_fix"),
    [
        (PullRequest(NOW_MS, title="Hotfix: no negative prices"), True),
        (PullRequest(NOW_MS, title="hot-fix prices"), True),
        (PullRequest(NOW_MS, title="Document the hotfix process"), False),
        (PullRequest(NOW_MS, title="Hotfixes are documented"), False),
        (PullRequest(NOW_MS, branch="hotfix/prices"), True),
        (PullRequest(NOW_MS, branch="Hot-Fix_prices"), True),
        (PullRequest(NOW_MS, branch="docs/hotfix/process"), False),
        (PullRequest(NOW_MS, branch="hotfixes"), False),
        (PullRequest(NOW_MS, labels=("bug", "HOTFIX")), True),
        (PullRequest(NOW_MS, labels=("no-hotfix",)), False),
    ],
)
def test_the_default_rules_for_hotfixes_are_anchored(pull_request: PullRequest, *, is_fix: bool) -> None:
    first, second = days("v1", "v2")

    found = failures(judged(first, shipping(second, "Mend it", pull_requests=(pull_request,))))

    assert list(found) == (["d0"] if is_fix else [])


@pytest.mark.parametrize(
    ("rule", "failed"),
    [
        (RuleSettings(name="fix of", pattern="-fixes-$version$", match=("version",)), "d0"),
        (RuleSettings(name="by number", pattern="^Fixes #$pr_number", match=("subject",)), "d0"),
        (RuleSettings(name="by title", pattern="^Fixes '$pr_title'", match=("subject",)), "d0"),
        (RuleSettings(name="static", pattern="-fixes-", match=("version",)), "d1"),
        (RuleSettings(name="by tag", pattern="^kind:repair$", match=("tag",)), "d1"),
    ],
)
def test_configured_rules(rule: RuleSettings, failed: str) -> None:
    first, second, third = days("v1", "v2", "v3-fixes-v1")
    fix = shipping(replace(third, tags=("kind:repair",)), "Fixes #7", "Fixes 'Add a discount'")
    settings = FailureSettings(rules=(rule,))

    classifier = judged(shipping(first, "Add a discount (#7)"), second, fix, settings=settings)

    assert failures(classifier) == {failed: rule.name}


def test_a_rule_can_be_switched_off_or_kept_to_services() -> None:
    rolled_back = days("v1", "v2", "v1")
    off = FailureSettings.model_validate({"rollback": {"enabled": False}})
    elsewhere = FailureSettings.model_validate({"rollback": {"services": ["cart"]}})
    here = FailureSettings.model_validate({"rollback": {"services": ["checkout"]}})

    assert [bool(failures(judged(*rolled_back, settings=each))) for each in (off, elsewhere, here)] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("section", "fix"),
    [
        ({"rollback": {}}, "v1"),
        ({"revert": {}}, "v3"),
        ({"rules": [{"name": "hotfix", "pattern": "^v3$", "match": ["version"]}]}, "v3"),
    ],
)
@pytest.mark.parametrize(
    ("scope", "is_found"),
    [
        ({"environments": ["production"]}, True),
        ({"environments": ["staging"]}, False),
        ({"environments": ["staging", "production"], "services": ["checkout"]}, True),
        ({"environments": ["production"], "services": ["cart"]}, False),
        ({"tiers": ["production"]}, True),
        ({"tiers": ["staging", "other"]}, False),
        ({"tiers": ["production"], "services": ["cart"]}, False),
    ],
)
def test_every_rule_can_be_kept_to_environments_and_tiers(
    section: dict[str, object], fix: str, scope: dict[str, object], *, is_found: bool
) -> None:
    first, second, third = days("v1", "v2", fix)
    series = shipping(first, "Add a discount"), second, shipping(third, 'Revert "Add a discount"')
    off: dict[str, object] = {"rollback": {"enabled": False}, "revert": {"enabled": False}, "rules": []}
    scoped = {
        name: [{**each, **scope} for each in given] if isinstance(given, list) else scope
        for name, given in section.items()
    }

    assert bool(failures(judged(*series, settings=FailureSettings.model_validate(off | scoped)))) == is_found


@pytest.mark.parametrize(
    ("scope", "is_found"),
    [
        ({"services": ["cart"]}, True),
        ({"services": ["checkout"], "environments": ["production"]}, True),
        ({"environments": ["live"]}, True),
        ({"environments": ["staging"]}, False),
        ({"tiers": ["testing"]}, True),
        ({"tiers": ["production"]}, False),
    ],
)
def test_a_rule_is_kept_to_names_and_tiers_of_the_catalogue(scope: dict[str, object], *, is_found: bool) -> None:
    catalogue = Catalogue(
        services=(Entry("cart", aliases=("checkout",)),),
        environments=(Entry("live", aliases=("production",)),),
        tiers=(("live", "testing"),),
    )
    settings = FailureSettings.model_validate({"rollback": scope})

    assert bool(failures(judged(*days("v1", "v2", "v1"), settings=settings, catalogue=catalogue))) == is_found


def test_no_rule_kept_to_something_finds_anything_in_what_is_ignored() -> None:
    catalogue = Catalogue(services=(Entry("checkout", ignore=True),))
    settings = FailureSettings.model_validate({"rollback": {"tiers": ["production"]}})

    assert failures(judged(*days("v1", "v2", "v1"), settings=settings, catalogue=catalogue)) == {}


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("(", "is not a valid regular expression"),
        ("$commit", "has the unknown variable $commit"),
        (".*", "matches everything"),
        ("$version and $pr_number", "has more than one variable"),
        ("(?=x)", "is not a valid regular expression"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_with_the_name_of_its_rule(pattern: str, complaint: str) -> None:
    with pytest.raises(ValueError, match="of the rule repair") as refusal:
        RuleSettings.model_validate({"name": "repair", "pattern": pattern, "match": ["version"]})

    assert complaint in str(refusal.value)


def test_a_pattern_that_would_hang_others_is_answered_at_once() -> None:
    settings = FailureSettings(rules=(RuleSettings(name="evil", pattern="^(a+)+b", match=("version",)),))

    assert failures(judged(*days("v1", "a" * 100_000), settings=settings)) == {}


def test_a_verdict_beats_every_rule_and_names_its_remedy() -> None:
    first, second, third = days("v1", "v2", "v1")
    not_failed = replace(second, verdict=Verdict(change_failure=False))
    failed = replace(first, verdict=Verdict(change_failure=True, remediation=Remediation("rollforward", id="d1")))

    assert failures(judged(first, not_failed, third)) == {}
    classifier = judged(failed, not_failed, third)
    assert failures(classifier) == {"d0": "verdict"}
    assert classifier.facts(failed).recovery == (second.finished_at, second.finished_at - first.finished_at)


def with_remedy(failed: Deployment, **remedy: str) -> Deployment:
    """A deployment with a verdict that names what remedied it."""
    return replace(failed, verdict=Verdict(change_failure=True, remediation=Remediation("rollforward", **remedy)))


@pytest.mark.parametrize("remedy", [{"id": "nowhere"}, {"version": "v9"}, {"id": "d0"}, {"version": "v2"}])
def test_a_named_remedy_that_does_not_exist_hides_nothing_that_rules_found(remedy: dict[str, str]) -> None:
    first, second, third = days("v1", "v2", "v1")
    classifier = judged(first, with_remedy(second, **remedy), third)

    assert classifier.facts(second).cause == "verdict"
    assert classifier.facts(second).recovery == (third.finished_at, DAY_MS)
    assert classifier.facts(third).rework


def test_a_deployment_of_another_series_is_no_remedy() -> None:
    first, second = days("v1", "v2")
    failed = with_remedy(first, id="d1")

    assert judged(failed, second).facts(failed).recovery == (second.finished_at, DAY_MS)
    assert judged(failed, elsewhere=(replace(second, service="cart"),)).facts(failed).recovery is None


def test_a_named_remedy_holds_while_it_is_there() -> None:
    first, second, third, fourth = days("v1", "v2", "v3", "v1")
    failed = with_remedy(second, id="d2")
    held = {each.id: each for each in (first, failed, fourth)}
    classifier = Classifier(
        rules=rules(FailureSettings()), attribution_limit_ms=None, find=held.get, updates=NoUpdates()
    )
    for each in held.values():
        done(classifier.adding(each))
    done(classifier.settling())
    told = []
    for arrives in (True, False):
        told.append(
            (classifier.facts(failed).recovery, classifier.facts(third).rework, classifier.facts(fourth).rework)
        )
        if arrives:
            held["d2"] = third
            done(classifier.adding(third))
        else:
            del held["d2"]
            done(classifier.removing(third))
        done(classifier.settling())
    told.append((classifier.facts(failed).recovery, classifier.facts(third).rework, classifier.facts(fourth).rework))

    by_rule = (fourth.finished_at, 2 * DAY_MS), False, True
    assert told == [by_rule, ((third.finished_at, DAY_MS), True, False), by_rule]


def test_recovery_from_incidents_alone_counts_from_the_first_of_them() -> None:
    (only,) = days("v1")
    classifier = judged(only)
    for number, (began, ended) in enumerate([(5000, 7000), (3000, 4000), (6000, 9000)]):
        trouble = incident(id=str(number), started_at=only.finished_at + began, finished_at=only.finished_at + ended)
        classifier.add_incident(trouble)
        classifier.restore(trouble, trouble.finished_at)
    done(classifier.settling())

    assert classifier.facts(only).recovery == (only.finished_at + 9000, 6000)


def test_an_incident_that_is_taken_away_and_told_again_begins_anew() -> None:
    (only,) = days("v1")
    classifier, trouble = judged(only), incident(id="a", started_at=only.finished_at + 1)
    states = classifier.incidents
    classifier.add_incident(trouble)
    classifier.restore(trouble, trouble.started_at + 5, "1")
    assert states.holds(trouble)
    done(classifier.settling())
    known = states.facts(trouble)
    assert known is not None
    assert (known.restored_at, known.severity, known.attributed) == (trouble.started_at + 5, "1", True)
    assert (states.holds(trouble), dict(states.marked)) == (True, {})

    classifier.remove_incident(trouble)
    done(classifier.settling())
    assert (states.facts(trouble), states.holds(trouble)) == (None, False)

    classifier.add_incident(trouble)
    done(classifier.settling())
    known = states.facts(trouble)
    assert known is not None
    assert (known.restored_at, known.severity) == (None, None)


def test_an_incident_that_names_a_version_blames_its_latest_deployment_that_had_started() -> None:
    first, second, third, later = days("v1", "v1", "v2", "v1")
    classifier = judged(first, second, third, later)
    classifier.add_incident(incident(started_at=third.finished_at + 1000, version="v1"))
    done(classifier.settling())

    assert {each.id for each in (first, second, third, later) if classifier.facts(each).cause == "incident"} == {
        second.id
    }


def test_the_first_deployment_to_come_after_the_beginning_of_an_incident_is_rework() -> None:
    first, second = days("v1", "v2")
    classifier = judged(first)
    classifier.add_incident(incident(started_at=first.finished_at + 1000))
    done(classifier.settling())

    done(classifier.adding(second))
    done(classifier.settling())

    assert classifier.facts(second).rework


def test_an_incident_that_is_taken_away_and_comes_again_is_open() -> None:
    (only,) = days("v1")
    classifier = judged(only)
    trouble = incident(started_at=only.finished_at + 1000)
    classifier.add_incident(trouble)
    classifier.restore(trouble, only.finished_at + 5000)
    done(classifier.settling())
    assert classifier.facts(only).recovery == (only.finished_at + 5000, 4000)

    classifier.remove_incident(trouble)
    classifier.add_incident(trouble)
    done(classifier.settling())
    assert classifier.facts(only).recovery is None


def test_the_verdict_of_a_source_counts_until_a_person_decides() -> None:
    blamed = replace(days("v1")[0], upstream={"change_failure": True})

    assert failures(judged(blamed)) == {"d0": "verdict"}
    assert failures(judged(replace(blamed, verdict=Verdict(change_failure=False)))) == {}
    assert failures(judged(replace(blamed, upstream={"change_failure": None}))) == {}


def test_recovery_is_the_first_remedy_or_the_end_of_all_incidents() -> None:
    first, second, third = days("v1", "v2", "v1")
    classifier = judged(first, second, third)
    trouble = incident(started_at=second.finished_at + 1000, finished_at=second.finished_at + 5000)

    classifier.add_incident(trouble)
    done(classifier.settling())
    assert classifier.facts(second).recovery == (third.finished_at, DAY_MS)

    classifier.restore(trouble, trouble.finished_at)
    done(classifier.settling())
    assert classifier.facts(second).recovery == (second.finished_at + 5000, 5000)


def test_the_default_rules_are_the_documented_ones() -> None:
    assert {(rule.pattern, rule.match) for rule in HOTFIXES} == {
        (r"(?i)^hot-?fix\b", ("title", "label")),
        ("(?i)^hot-?fix[/_-]", ("branch",)),
    }
    assert FailureSettings().rollback.enabled
    assert FailureSettings().revert.enabled
