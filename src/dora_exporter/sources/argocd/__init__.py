"""Argo CD: the syncs of its applications, as its notifications tell of them."""
