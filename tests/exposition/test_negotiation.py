import pytest

from dora_exporter.exposition import Format, choose_format, is_gzip_accepted

PROMETHEUS_2_42 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3_5 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (PROMETHEUS_2_42, Format.OPENMETRICS),
        (PROMETHEUS_3_5, Format.OPENMETRICS),
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.TEXT),
        ("application/json", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", Format.OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', Format.OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", Format.TEXT),
        (
            "application/openmetrics-text;version=2.0.0, application/openmetrics-text;version=1.0.0;q=0.1",
            Format.OPENMETRICS,
        ),
        ("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5", Format.TEXT),
        ("application/openmetrics-text;q=0.3,text/plain;q=0.7", Format.TEXT),
        ("application/openmetrics-text;q=0.7,text/plain;q=0.3", Format.OPENMETRICS),
        ("text/plain,application/openmetrics-text", Format.TEXT),
        ("application/openmetrics-text,text/plain", Format.OPENMETRICS),
        ("*/*,application/openmetrics-text", Format.OPENMETRICS),
        ("application/*", Format.OPENMETRICS),
        ("application/*,text/*", Format.OPENMETRICS),
        ("text/*,application/*", Format.TEXT),
        ("application/openmetrics-text;q=0", Format.TEXT),
        ("text/plain;q=0,*/*;q=0.1", Format.OPENMETRICS),
        ("application/openmetrics-text;q=many,text/plain;q=0.1", Format.TEXT),
        (",;q=1,;;", Format.TEXT),
    ],
)
def test_the_format_follows_the_accept_header(accept: str, expected: Format) -> None:
    assert choose_format(accept) is expected


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("gzip;q=0.001", True),
        ("*", True),
        ("zstd, gzip;q=0.5", True),
        ("", False),
        ("identity", False),
        ("zstd", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
        ("gzip;q=high", False),
        ("gzipped", False),
    ],
)
def test_gzip_follows_the_accept_encoding_header(accept_encoding: str, *, expected: bool) -> None:
    assert is_gzip_accepted(accept_encoding) is expected
