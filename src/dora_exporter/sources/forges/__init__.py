"""What the sources of forges have in common: globs for repositories, the table of services, begun deployments."""
