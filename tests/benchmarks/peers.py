"""The programs that the daemon is measured beside: nginx with ready-made files, and Debian's prometheus-pushgateway."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import Server, running

_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    keepalive_requests 1000000000;
    default_type text/plain;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder};
        gzip_static on;
    }}
}}
"""


@contextmanager
def nginx(folder: Path, gzipped: bytes) -> Iterator[Server]:
    """An nginx that serves the bytes at ``/metrics`` by its gzip_static."""
    folder.chmod(0o755)
    (folder / "metrics.gz").write_bytes(gzipped)
    port = _free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port))
    command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(configuration)]
    with running(command, log=folder / "nginx.log", ready=r"start worker process \d+", port=port) as server:
        yield server


@contextmanager
def pushgateway(folder: Path, groups: int) -> Iterator[Server]:
    """A pushgateway as shipped, which holds so many groups already.

    They come from a file: a first one without its consistency check, which would take hours, wrote it when it stopped.
    """
    kept = f"--persistence.file={folder / f'groups-{groups}'}"
    with _pushgateway(folder, kept, "--push.disable-consistency-check") as unchecked:
        connection = http.client.HTTPConnection("127.0.0.1", unchecked.port)
        for number in range(groups):
            connection.request("PUT", group_path(number), body=group_body(number))
            connection.getresponse().read()
        connection.close()
    with _pushgateway(folder, kept) as server:
        yield server


@contextmanager
def _pushgateway(folder: Path, *arguments: str) -> Iterator[Server]:
    command = ["prometheus-pushgateway", "--web.listen-address=127.0.0.1:0", *arguments]
    log, ready = folder / "pushgateway.log", r'"Listening on" address=127\.0\.0\.1:(\d+)'
    with running(command, log=log, ready=ready, environment={"GOMAXPROCS": "1"}) as server:
        yield server


def group_path(number: int) -> str:
    """Where the numbered group is pushed."""
    return f"/metrics/job/service-{number}/environment/production"


def group_body(number: int) -> str:
    """What is pushed there: the four numbers of a service."""
    names = ("deployment_frequency", "change_lead_time_seconds", "change_failure_rate", "time_to_restore_seconds")
    return "".join(f"# TYPE dora_{name} gauge\ndora_{name} {number}\n" for name in names)


def _free_port() -> int:
    """A port that was free a moment ago: nginx does not say which one it got."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
