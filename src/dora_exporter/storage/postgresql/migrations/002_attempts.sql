-- Attempts that did not succeed are in the log from here on. They are no deployments, so dora.deployments leaves them out.

CREATE VIEW dora.deployment_attempts AS
SELECT
    log.id,
    log.body ->> 'service' AS service,
    log.body ->> 'environment' AS environment,
    to_timestamp((log.body ->> 'started_at')::bigint / 1000.0) AS started_at,
    log.moment AS finished_at,
    log.body ->> 'version' AS version,
    log.body ->> 'commit_sha' AS commit_sha,
    log.body ->> 'repository' AS repository,
    log.body ->> 'team' AS team,
    log.source,
    verdict.change_failure,
    COALESCE(log.body ->> 'outcome', 'succeeded') AS outcome
FROM dora.log AS log
LEFT JOIN LATERAL (
    SELECT (said.body -> 'verdict' ->> 'change_failure')::boolean AS change_failure
    FROM dora.log AS said
    WHERE said.about = 'deployment' AND said.id = log.id
        AND (said.kind = 'verdict' OR (said.kind = 'deployment' AND said.body -> 'verdict' IS NOT NULL))
        AND NOT EXISTS (
            SELECT 1 FROM dora.log AS deletion
            WHERE deletion.about = 'deployment' AND deletion.id = log.id AND deletion.kind = 'deletion'
                AND deletion.position > said.position
        )
    ORDER BY said.kind = 'verdict' DESC, said.position DESC
    LIMIT 1
) AS verdict ON true
WHERE log.about = 'deployment' AND log.kind = 'deployment' AND NOT EXISTS (
    SELECT 1 FROM dora.log AS other
    WHERE other.about = 'deployment' AND other.id = log.id AND (
        (
            other.kind = 'deployment'
            AND (COALESCE(other.revision, 0), other.position) > (COALESCE(log.revision, 0), log.position)
        )
        OR (other.kind = 'deletion' AND (other.position > log.position
            OR (other.source <> 'api' AND log.source <> 'api')))
    )
);
COMMENT ON VIEW dora.deployment_attempts IS
'Attempts to deploy as last reported, with their outcome: succeeded, failed or canceled.';

CREATE OR REPLACE VIEW dora.deployments AS
SELECT
    id, service, environment, started_at, finished_at, version, commit_sha, repository, team, source, change_failure
FROM dora.deployment_attempts
WHERE outcome = 'succeeded';
