"""Mirrors of repositories and the Git commands that read them."""
