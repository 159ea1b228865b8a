"""A daemon behind a proxy, under a path of its own."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from tests.cli.calling import call
from tests.e2e.daemon import Daemon, RunningDaemon

from dora_exporter.runtime.clock import system_clock

LINK = re.compile(r'(?:href|src)="([^"#]+)')


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """One that is reached as https://host/dora/."""
    folder = tmp_path_factory.mktemp("daemon")
    with Daemon(folder, flags=("--web.external-url=https://host/dora/",)).running() as alive:
        yield alive


def test_all_is_below_the_path_of_the_external_url(running: RunningDaemon) -> None:
    statuses = {path: running.get(path).status for path in ("/metrics", "/dora/metrics", "/dora/-/ready", "/-/ready")}
    assert statuses == {"/metrics": 404, "/dora/metrics": 200, "/dora/-/ready": 200, "/-/ready": 200}
    assert running.get("/").headers["Location"] == "dora/"
    assert running.get("/dora/openapi.json").json()["servers"] == [{"url": "https://host/dora"}]


def test_the_host_of_the_external_url_is_known(running: RunningDaemon) -> None:
    assert running.get("/dora/metrics", Host="host").status == 200
    assert running.get("/dora/metrics", Host="elsewhere").status == 403


def test_an_import_and_the_links_of_the_pages_stay_below_it(running: RunningDaemon, tmp_path: Path) -> None:
    now = system_clock() // 1000
    (tmp_path / "given.csv").write_text(f"type,service,started_at,finished_at\ndeployment,shop,{now - 9},{now - 5}\n")
    assert call("import", "given.csv", f"--url={running.url}/dora/", folder=tmp_path).code == 0

    seen: set[str] = set()
    waiting = ["/dora/"]
    while waiting:
        page = waiting.pop()
        answer = running.get(page)
        assert answer.status == 200, page
        links = {urljoin(page, link.replace("&amp;", "&")) for link in LINK.findall(answer.body.decode())}
        new = {link for link in links if not urlsplit(link).netloc} - seen
        assert all(link.startswith("/dora/") for link in new), (page, new)
        seen |= new
        waiting += [link for link in new if len(seen) < 60]
    assert {"/dora/sources", "/dora/metrics"} <= {urlsplit(link).path for link in seen}


def test_a_proxy_may_take_the_path_off(tmp_path: Path) -> None:
    flags = ("--web.external-url=https://host/dora", "--web.route-prefix=/")
    with Daemon(tmp_path, flags=flags).running() as alive:
        assert alive.get("/metrics").status == 200
        assert alive.get("/dora/metrics").status == 404
        assert alive.get("/openapi.json").json()["servers"] == [{"url": "https://host/dora"}]
