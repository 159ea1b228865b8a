"""Flux: what its Kustomizations and HelmReleases deploy, as its notification controller reports."""
