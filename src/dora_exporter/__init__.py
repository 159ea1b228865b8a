"""Turns deployment and incident events into DORA metrics for Prometheus."""

__version__: str
"""That of the tag which the installed package was built from."""


def __getattr__(name: str) -> str:
    """Finds the version out where it is asked for: to read what is installed takes longer than ``send`` may."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # the same

    try:
        found = version("dora-exporter")
    except PackageNotFoundError:  # a checkout that is not installed
        found = "0.1.0"
    globals()["__version__"] = found
    return found
