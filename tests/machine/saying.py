"""Facts in the words of the API: what a sender writes, and what an upstream answers."""

from datetime import UTC, datetime, timedelta

from tests.machine.facts import MINUTE_MS, Deployed, Group, Judged, Rule, Scope, Suffered, Terms
from tests.machine.graph import Change

Json = dict[str, object]
MERGED = 'Revert "Merge'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def message_of(change: Change) -> str:
    """The message of a commit, as git and the forges write it."""
    first = [change.first_line] if change.branch is None else [change.first_line, change.subject]
    named = [f"This reverts commit {each}." for each in change.reverted_shas]
    if MERGED in change.subject:
        named = [f"{each[:-1]}, reversing\nchanges made to {'d' * 40}." for each in named]
    named += [f"Reverts shop/carts{each}" for each in change.reverted_numbers]
    return "\n\n".join([*first, *named])


def deployment(each: Deployed, *, with_id: bool = True) -> Json:
    """A deployment as a pipeline sends it."""
    said: Json = {
        "id": each.id if with_id else None,
        "service": each.service,
        "env": each.environment,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
        "version": each.version,
        "team": each.team,
        "custom_tags": list(each.tags) or None,
        "outcome": each.outcome,
        "commits": None
        if each.commits is None
        else [{"sha": one.sha, "timestamp": one.authored_at, "message": message_of(one)} for one in each.commits],
    }
    if each.sha is not None:
        named = [{"commit_sha": sha, "repository_url": f"https://{name}"} for name, sha in each.checkouts.items()]
        said["git"] = named if each.further else named[0]
    return {name: value for name, value in said.items() if value is not None}


def incident(each: Suffered, *, with_id: bool = True) -> Json:
    """An incident as a client sends it."""
    said: Json = {
        "id": each.id if with_id else None,
        "services": list(each.services) or None,
        "env": each.environment,
        "started_at": each.started_at,
        "finished_at": each.finished_at,
        "version": each.version,
        "team": each.team,
        "severity": each.severity,
        "custom_tags": list(each.tags) or None,
    }
    if each.sha is not None:
        said["git"] = {"commit_sha": each.sha, "repository_url": "https://git.example/shop"}
    return {name: value for name, value in said.items() if value is not None}


def verdict(judged: Judged | None) -> Json:
    """A verdict as a person gives it."""
    if judged is None:
        return {"change_failure": None}
    said: Json = {"change_failure": judged.failed}
    if judged.remedy_id is not None:
        said["remediation"] = {"type": "rollback", "id": judged.remedy_id}
    elif judged.remedy_version is not None:
        said["remediation"] = {"type": "rollforward", "version": judged.remedy_version}
    return said


def row(each: Deployed) -> Json:
    """A deployment as Datadog lists it."""
    said: Json = {
        "service": each.service,
        "env": each.environment,
        "version": each.version,
        "team": each.team,
        "source": "apm_deployments",
        "started_at": moment(each.started_at),
        "finished_at": moment(each.finished_at),
        "change_failure": None if each.found is None else each.found.failed,
    }
    if each.sha is not None:
        said["git"] = {"commit_sha": each.sha, "repository_id": each.repository}
    if each.commits:
        said["commits"] = [
            {"sha": one.sha, "timestamp": moment(one.authored_at), "message": message_of(one)} for one in each.commits
        ]
    if each.found is not None and each.found.remedy_id is not None:
        said["remediation"] = {"id": each.found.remedy_id.partition(":")[2], "type": "rollback"}
    return {name: value for name, value in said.items() if value is not None}


def moment(ms: int) -> str:
    """A moment in RFC 3339, to the millisecond."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def milliseconds(text: str) -> int:
    """A moment in RFC 3339 as milliseconds."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def settings(terms: Terms) -> Json:
    """The settings that decide numbers, as the configuration file has them."""
    services: dict[str, Json] = {key: dict(each) for key, each in terms.names.services.items()}
    for service, team in terms.team_of:
        services.setdefault(service, {})["team"] = team
    for service, folder in terms.folders:
        services.setdefault(service, {})["source_patterns"] = [f"{folder}/**"]
    return {
        "windows": [text for text, _ in terms.windows],
        "retention": _duration(terms.retention_ms),
        "attribution_limit": None if terms.attribution_limit_ms is None else _duration(terms.attribution_limit_ms),
        "merge_within": _duration(terms.merge_within_ms),
        "limits": {"series": terms.series_limit, "values": terms.values_limit},
        "dimensions": list(terms.dimensions),
        "services": services,
        "environments": terms.names.environments,
        "groups": {each.name: _group(each) for each in terms.groups},
        "incidents": _incidents(terms),
        "default_environment": terms.default_environment,
        "levels": {"edition": terms.edition},
        "commits": {"exclude_authors": list(terms.excluded_authors)},
        "git": {"resolve_for": _duration(terms.resolve_for_ms)},
        "failures": {
            "rollback": _scope(terms.rollback),
            "revert": _scope(terms.revert),
            "rules": [_rule(each) for each in terms.rules],
        },
    }


def _incidents(terms: Terms) -> Json:
    said: Json = {
        "severities": dict(terms.severities),
        "unknown_severity": terms.unknown_severity,
        "counted_severities": list(terms.counted_severities),
    }
    if terms.minimum_ms:
        said["minimum_duration"] = _duration(terms.minimum_ms)
    if terms.reopened_within_ms is not None:
        said["reopened_within"] = _duration(terms.reopened_within_ms)
    return said


def silence(terms: Terms) -> Json:
    """After how long alerts that are not repeated are over."""
    return {} if terms.stale_after_ms is None else {"stale_after": _duration(terms.stale_after_ms)}


def _group(group: Group) -> Json:
    return {"parent": group.parent, "services": list(group.services), "teams": list(group.teams)}


def _duration(ms: int) -> str:
    return f"{ms // MINUTE_MS}m"


def _scope(scope: Scope) -> Json:
    return {"enabled": scope.is_on} | _whom(scope)


def _rule(rule: Rule) -> Json:
    return {"name": rule.name, "pattern": rule.pattern, "match": list(rule.where)} | _whom(rule)


def _whom(scope: Scope | Rule) -> Json:
    """What is not named is left out."""
    named = {"services": list(scope.services), "environments": list(scope.environments)}
    return {name: value for name, value in named.items() if value}
