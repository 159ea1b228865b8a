-- Version 1: the log of records, its head, the lease, uploaded history, and what others may read.

CREATE TABLE dora.meta (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version integer NOT NULL
);
COMMENT ON TABLE dora.meta IS 'The version of this schema.';
INSERT INTO dora.meta (version) VALUES (0);

CREATE TABLE dora.head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0,
    packs bigint NOT NULL DEFAULT 0,
    compacted_to bigint NOT NULL DEFAULT 0,
    compacted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE dora.head IS 'The last position of the log. Whoever appends holds this row until the commit.';
INSERT INTO dora.head DEFAULT VALUES;

CREATE TABLE dora.log (
    position bigint PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    about text NOT NULL,
    id text NOT NULL,
    kind text NOT NULL,
    moment timestamptz,
    revision bigint,
    source text,
    nonce bigint NOT NULL DEFAULT 0,
    body json NOT NULL
);
COMMENT ON TABLE dora.log IS 'The records in the order of their commits, as the snapshot file has them.';
CREATE INDEX log_by_id ON dora.log (about, id, position);
CREATE INDEX log_by_moment ON dora.log (about, moment) WHERE moment IS NOT NULL;

CREATE TABLE dora.series (
    rank integer PRIMARY KEY,
    service text NOT NULL,
    environment text NOT NULL
);
COMMENT ON TABLE dora.series IS 'The order in which series appeared first, as far as the log was compacted.';

CREATE TABLE dora.lease (
    name text PRIMARY KEY,
    holder text NOT NULL,
    token bigint NOT NULL,
    until timestamptz NOT NULL
);
COMMENT ON TABLE dora.lease IS 'Which replica polls, resolves and compacts; the token grows with each change.';

CREATE TABLE dora.packs (
    number bigint PRIMARY KEY,
    repository text NOT NULL,
    head text NOT NULL,
    name text NOT NULL,
    UNIQUE (repository, name)
);
CREATE TABLE dora.pack_pieces (
    name text NOT NULL,
    piece integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (name, piece)
);
COMMENT ON TABLE dora.packs IS 'Git history that clients uploaded, in the order of the commits to this table.';

-- An event is the last report of its id that no deletion follows. Of polled items the highest revision is the last one,
-- and what its source says after a deletion does not count.

CREATE VIEW dora.deployments AS
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
    verdict.change_failure
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
COMMENT ON VIEW dora.deployments IS
'Deployments as last reported. change_failure is a verdict that somebody gave, null without one.';

CREATE VIEW dora.incidents AS
SELECT
    log.id,
    services.service,
    log.body ->> 'environment' AS environment,
    log.moment AS started_at,
    to_timestamp((log.body ->> 'finished_at')::bigint / 1000.0) AS finished_at,
    log.body ->> 'name' AS name,
    log.body ->> 'severity' AS severity,
    log.body ->> 'team' AS team,
    log.body ->> 'version' AS version,
    log.body ->> 'commit_sha' AS commit_sha,
    log.source
FROM dora.log AS log
LEFT JOIN LATERAL json_array_elements_text(log.body -> 'services') AS services (service) ON true
WHERE log.about = 'incident' AND log.kind = 'incident'
    AND log.body ->> 'merged_into' IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM dora.log AS other
        WHERE other.about = 'incident' AND other.id = log.id AND (
            (
                other.kind = 'incident'
                AND (COALESCE(other.revision, 0), other.position) > (COALESCE(log.revision, 0), log.position)
            )
            OR (other.kind = 'deletion' AND (other.position > log.position
                OR (other.source <> 'api' AND log.source <> 'api')))
        )
    );
COMMENT ON VIEW dora.incidents IS
'Incidents as last reported, a row for each service that one names; finished_at is null while it is open.';
