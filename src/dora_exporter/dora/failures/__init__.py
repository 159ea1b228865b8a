"""Which deployments failed, and why: one file per rule."""
