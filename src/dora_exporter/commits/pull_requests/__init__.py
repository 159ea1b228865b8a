"""Adds to commits what pull requests say of them."""
