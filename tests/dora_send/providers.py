"""The variables that each CI server sets, as its documentation has them."""

SHA = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "git.example/acme/shop"

FIRST: dict[str, dict[str, str]] = {
    "github": {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_REPOSITORY": "acme/shop",
        "GITHUB_RUN_ID": "16",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_JOB": "deploy",
        "GITHUB_SHA": SHA,
    },
    "gitlab": {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_PROJECT_URL": "https://git.example/acme/shop",
        "CI_REPOSITORY_URL": "https://gitlab-ci-token:secret-token@git.example/acme/shop.git",
        "CI_PIPELINE_ID": "16",
        "CI_JOB_ID": "160",
        "CI_JOB_NAME": "deploy",
        "CI_COMMIT_SHA": SHA,
    },
    "jenkins": {
        "JENKINS_URL": "https://ci.example/",
        "JOB_NAME": "shop/main",
        "BUILD_NUMBER": "16",
        "STAGE_NAME": "deploy",
        "GIT_COMMIT": SHA,
        "GIT_URL": "https://robot:secret-token@git.example/acme/shop.git",
    },
    "circleci": {
        "CI": "true",
        "CIRCLECI": "true",
        "CIRCLE_WORKFLOW_ID": "d8e3dd0a-16",
        "CIRCLE_BUILD_NUM": "160",
        "CIRCLE_JOB": "deploy",
        "CIRCLE_SHA1": SHA,
        "CIRCLE_REPOSITORY_URL": "git@git.example:acme/shop.git",
    },
    "azure": {
        "TF_BUILD": "True",
        "SYSTEM_COLLECTIONURI": "https://git.example/",
        "SYSTEM_TEAMPROJECT": "acme",
        "BUILD_BUILDID": "16",
        "SYSTEM_STAGEATTEMPT": "1",
        "SYSTEM_JOBATTEMPT": "1",
        "SYSTEM_STAGENAME": "deploy",
        "SYSTEM_PHASENAME": "deploy",
        "SYSTEM_JOBNAME": "deploy",
        "BUILD_SOURCEVERSION": SHA,
        "BUILD_REPOSITORY_URI": "https://robot@git.example/acme/shop",
    },
    "bitbucket": {
        "CI": "true",
        "BITBUCKET_BUILD_NUMBER": "16",
        "BITBUCKET_REPO_FULL_NAME": "acme/shop",
        "BITBUCKET_STEP_UUID": "{7c0c63f0-16}",
        "BITBUCKET_STEP_RUN_NUMBER": "1",
        "BITBUCKET_COMMIT": SHA,
    },
    "buildkite": {
        "CI": "true",
        "BUILDKITE": "true",
        "BUILDKITE_BUILD_ID": "0191-16",
        "BUILDKITE_JOB_ID": "0191-160",
        "BUILDKITE_RETRY_COUNT": "0",
        "BUILDKITE_STEP_ID": "0191-1",
        "BUILDKITE_COMMIT": SHA,
        "BUILDKITE_REPO": "git@git.example:acme/shop.git",
    },
}
"""The first attempt of a job."""

NEXT_ATTEMPT: dict[str, dict[str, str]] = {
    "github": {"GITHUB_RUN_ATTEMPT": "2"},
    "gitlab": {"CI_JOB_ID": "161"},
    "jenkins": {"BUILD_NUMBER": "17"},
    "circleci": {"CIRCLE_BUILD_NUM": "161"},
    "azure": {"SYSTEM_JOBATTEMPT": "2"},
    "bitbucket": {"BITBUCKET_STEP_RUN_NUMBER": "2"},
    "buildkite": {"BUILDKITE_JOB_ID": "0191-161", "BUILDKITE_RETRY_COUNT": "1"},
}
"""What differs when the same job is run again."""

OTHER_JOB: dict[str, dict[str, str]] = {
    "github": {"GITHUB_JOB": "migrate"},
    "gitlab": {"CI_JOB_ID": "170", "CI_JOB_NAME": "migrate"},
    "jenkins": {"STAGE_NAME": "migrate"},
    "circleci": {"CIRCLE_BUILD_NUM": "170", "CIRCLE_JOB": "migrate"},
    "azure": {"SYSTEM_JOBNAME": "migrate", "SYSTEM_PHASENAME": "migrate"},
    "bitbucket": {"BITBUCKET_STEP_UUID": "{7c0c63f0-17}"},
    "buildkite": {"BUILDKITE_JOB_ID": "0191-170", "BUILDKITE_STEP_ID": "0191-2"},
}
"""What differs in another job of the same run."""
