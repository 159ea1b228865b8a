"""The queries that GitHub's GraphQL API is asked."""

_PAGE = "pageInfo { hasNextPage endCursor }"

_DEPLOYMENT = f"""fragment D on Deployment {{
  id databaseId commitOid environment task payload createdAt ref {{ name }} repository {{ nameWithOwner url }}
  statuses(first: 20) {{ {_PAGE} nodes {{ state createdAt }} }}
}}"""

REPOSITORIES = f"""query($owner: String!, $after: String) {{
  repositoryOwner(login: $owner) {{
    repositories(first: 100, after: $after, orderBy: {{field: NAME, direction: ASC}}) {{
      {_PAGE} nodes {{ id nameWithOwner }}
    }}
  }}
}}"""

DEPLOYMENTS = f"""query($ids: [ID!]!, $count: Int!, $after: String) {{
  nodes(ids: $ids) {{ ... on Repository {{
    id deployments(first: $count, after: $after, orderBy: {{field: CREATED_AT, direction: DESC}}) {{
      {_PAGE} nodes {{ ...D }}
    }}
  }} }}
}}
{_DEPLOYMENT}"""

OPEN = f"""query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ...D }} }}
{_DEPLOYMENT}"""

STATUSES = f"""query($id: ID!, $after: String) {{
  node(id: $id) {{ ... on Deployment {{ statuses(first: 100, after: $after) {{
    {_PAGE} nodes {{ state createdAt }}
  }} }} }}
}}"""

RELEASES_AND_TAGS = f"""query($ids: [ID!]!, $count: Int!, $after: String, $releases: Boolean!, $tags: Boolean!) {{
  nodes(ids: $ids) {{ ... on Repository {{
    id databaseId nameWithOwner url
    releases(first: $count, after: $after, orderBy: {{field: CREATED_AT, direction: DESC}}) @include(if: $releases) {{
      {_PAGE} nodes {{ databaseId tagName createdAt publishedAt isDraft isPrerelease tagCommit {{ oid }} }}
    }}
    refs(
      refPrefix: "refs/tags/", first: $count, after: $after, orderBy: {{field: TAG_COMMIT_DATE, direction: DESC}}
    ) @include(if: $tags) {{
      {_PAGE} nodes {{ name target {{
        oid ... on Commit {{ committedDate }}
        ... on Tag {{ tagger {{ date }} target {{ oid ... on Commit {{ committedDate }} }} }}
      }} }}
    }}
  }} }}
}}"""
