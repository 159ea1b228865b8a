"""Argo CD: the syncs of its applications, as its notifications report them."""
