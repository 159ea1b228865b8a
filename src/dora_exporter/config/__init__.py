"""Configuration files, environment, secrets and their mistakes; it knows no setting of ours."""
