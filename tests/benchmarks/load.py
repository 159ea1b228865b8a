"""Load made by wrk: requests with bodies that all differ, or the same scrape again and again."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processes import LOAD_CORE, on_core

BULK_LINES = 1_000

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: .*")

_DEPLOYMENTS = """
local now = {now_ms}
local count = 0
local thread_number = 0
function setup(thread) thread:set("seed", {seed} + thread_number); thread_number = thread_number + 1 end
function init(args) math.randomseed(seed) end
function request()
  count = count + 1
  local service = math.random(0, 99)
  local body = string.format(
    '{{"data":{{"attributes":{{"id":"load-%d-%09d-%08d","service":"service-%05d","env":"production",' ..
    '"version":"1.%d.0",' ..
    '"started_at":%.0f,"finished_at":%.0f,"team":"team-%02d","git":{{"commit_sha":"%032d%08d",' ..
    '"repository_url":"https://git.example.com/crowd/service-%05d"}}}}}}}}',
    seed, math.random(0, 999999999), count, service, count, now - 60000, now, service % 50,
    math.random(0, 999999999), count, service)
  return wrk.format("POST", "/api/v2/dora/deployment", {{["Content-Type"] = "application/json"}}, body)
end
"""

_BULK = """
local now = {now_ms}
local count = 0
local seed = {seed}
function request()
  local lines = {{}}
  for line = 1, {lines} do
    count = count + 1
    local service = math.random(0, 99)
    lines[line] = string.format(
      '{{"type":"deployment","attributes":{{"id":"bulk-%d-%09d-%08d","service":"service-%05d","env":"production",' ..
      '"version":"1.%d.0","started_at":%.0f,"finished_at":%.0f,"team":"team-%02d","git":{{"commit_sha":"%032d%08d",' ..
      '"repository_url":"https://git.example.com/crowd/service-%05d"}}}}}}\\n',
      seed, math.random(0, 999999999), count, service, count, now - 60000, now, service % 50,
      math.random(0, 999999999), count, service)
  end
  return wrk.format("POST", "/api/v1/events", {{["Content-Type"] = "application/x-ndjson"}}, table.concat(lines))
end
"""

_GROUPS = """
local names = {{"deployment_frequency", "change_lead_time_seconds", "change_failure_rate", "time_to_restore_seconds"}}
function request()
  local group = math.random(0, {groups} - 1)
  local lines = {{}}
  for _, name in ipairs(names) do
    lines[#lines + 1] = "# TYPE dora_" .. name .. " gauge\\ndora_" .. name .. " " .. math.random() .. "\\n"
  end
  local path = "/metrics/job/service-" .. group .. "/environment/production"
  return wrk.format("PUT", path, {{["Content-Type"] = "text/plain"}}, table.concat(lines))
end
"""


@dataclass
class Load:
    """Runs wrk on the other core; the scripts it needs are kept in ``folder``."""

    folder: Path
    seconds: int = 5
    runs: int = 0

    def deployments(self, url: str, *, connections: int, now_ms: int) -> float:
        """Deployments a second, one in each request, all of them different."""
        self.runs += 1
        return self._wrk(url, connections, _DEPLOYMENTS.format(now_ms=now_ms, seed=self.runs))

    def bulk(self, url: str, *, connections: int, now_ms: int) -> float:
        """Deployments a second, many in each request."""
        self.runs += 1
        script = _BULK.format(now_ms=now_ms, seed=self.runs, lines=BULK_LINES)
        return self._wrk(url, connections, script) * BULK_LINES

    def groups(self, url: str, *, connections: int, groups: int) -> float:
        """Pushes a second to a pushgateway."""
        return self._wrk(url, connections, _GROUPS.format(groups=groups))

    def scrapes(self, url: str, *, connections: int = 2) -> float:
        """Gzip scrapes a second."""
        return self._wrk(f"{url}/metrics", connections, 'wrk.headers["Accept-Encoding"] = "gzip"')

    def _wrk(self, url: str, connections: int, script: str) -> float:
        path = self.folder / "load.lua"
        path.write_text(script)
        command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{self.seconds}s", "--timeout", "30s"]
        command += ["-s", str(path), url]
        finished = subprocess.run(on_core(LOAD_CORE, command), capture_output=True, text=True, check=True)
        bad, rate = _BAD.search(finished.stdout), _RATE.search(finished.stdout)
        if bad or not rate:
            raise RuntimeError(f"wrk at {url}: {finished.stdout}{finished.stderr}")
        return float(rate[1])
