"""The pages in a real Chromium, over a seeded organisation and a service with a hostile name."""

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from tests.e2e.chromium import Browser
from tests.e2e.daemon import Daemon, RunningDaemon

from dora_exporter.cli.demo.organisation import organisation, split
from dora_exporter.cli.demo.services import SERVICES
from dora_exporter.runtime.clock import system_clock
from dora_exporter.storage.file import encode, header_line

pytestmark = pytest.mark.e2e

HOSTILE = "<img src=x onerror=document.title=1><script>document.title=2</script>"
SERIES = urlencode({"service": "web-shop", "environment": "production"})
HOSTILE_SERIES = urlencode({"service": HOSTILE, "environment": HOSTILE})
PATHS = (
    "/",
    "/?tier=all&q=a&sort=change_lead_time&order=desc",
    f"/series?{SERIES}",
    f"/explain?{SERIES}&metric=dora_change_lead_time_seconds",
    f"/explain?{SERIES}&metric=dora_time_to_restore_seconds",
    f"/series?{HOSTILE_SERIES}",
    "/team?team=payments&environment=production",
    "/sources",
    "/names",
    "/api",
    "/series?service=nobody",
)
POOR_CONTRAST = """\
(() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const over = colours => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = rgb => rgb.map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!says || !element.checkVisibility() || element.closest(".skip")) continue;
    const grounds = [];
    for (let each = element; each; each = each.parentElement) grounds.unshift(getComputedStyle(each).backgroundColor);
    const ground = light(over(grounds)), text = light(over([...grounds, getComputedStyle(element).color]));
    const ratio = (Math.max(ground, text) + 0.05) / (Math.min(ground, text) + 0.05);
    if (ratio < 4.5) poor.push([element.className, element.textContent.trim().slice(0, 40), ratio]);
  }
  return poor;
})()
"""
"""The elements whose text stands out too little from its ground for WCAG AA."""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon that holds 120 days of twelve services, has a source that fails, and was sent a hostile name."""
    folder = tmp_path_factory.mktemp("daemon")
    now_ms = system_clock()
    past, _ = split(organisation(1, now_ms), now_ms)
    nowhere = {"kind": "pagerduty", "token": "made-up", "base_url": "http://127.0.0.1:9"}
    daemon = Daemon(folder, settings={"sources": {"on-call": nowhere}, "environments": {"production": {}}})
    daemon.snapshot.write_bytes(header_line() + b"".join(encode(each.record) for each in past))
    with daemon.running() as running:
        seconds = now_ms // 1000
        running.send(
            "deployment",
            service=HOSTILE,
            env=HOSTILE,
            version=HOSTILE,
            started_at=seconds - 60,
            finished_at=seconds - 30,
        )
        running.send("failure", services=[HOSTILE], env=HOSTILE, name=HOSTILE, started_at=seconds - 20)
        running.process.wait_for_log('source is failing"? source=on-call')
        yield running


def services(browser: Browser) -> list[str]:
    return browser.texts(".series tbody th")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1400])
def test_a_page_fits_reads_well_and_offends_no_policy(
    shown: RunningDaemon, browser: Browser, path: str, scheme: str, width: int
) -> None:
    browser.resize(width=width, scheme=scheme)
    browser.driver.get(shown.url + path)

    complaints = [each for each in browser.complaints() if not ("404" in each and "nobody" in path)]
    assert complaints == []
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask("document.styleSheets.length") == 1
    assert browser.ask("document.scripts.length") == 0
    loaded = browser.ask("performance.getEntriesByType('resource').map(each => each.name)")
    assert [name for name in loaded if not name.startswith(f"{shown.url}/static/")] == []
    assert browser.ask(POOR_CONTRAST) == []


def test_the_table_is_sorted_by_a_link_and_filtered_by_the_form(shown: RunningDaemon, browser: Browser) -> None:
    browser.resize(width=1280)
    browser.driver.get(f"{shown.url}/?environment=production&sort=service")
    assert services(browser) == sorted(each.name for each in SERVICES)

    browser.follow(browser.driver.find_element(By.LINK_TEXT, "Service ▲").click)
    assert services(browser) == sorted((each.name for each in SERVICES), reverse=True)
    assert browser.ask("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == "descending"

    browser.follow(lambda: browser.driver.find_element(By.ID, "q").send_keys("pay", Keys.ENTER))
    assert services(browser) == ["payments"]
    assert browser.complaints() == []


def test_a_number_leads_to_its_explanation(shown: RunningDaemon, browser: Browser) -> None:
    browser.resize(width=1280)
    browser.driver.get(f"{shown.url}/series?{SERIES}")
    number = browser.driver.find_element(By.CSS_SELECTOR, "a.why[href*='change_failure_rate']")
    value = number.text
    browser.follow(number.click)

    assert browser.texts("h1") == ["Change failure rate explained"]
    assert browser.texts(".tile dd")[0] == value


def test_a_hostile_name_is_text(shown: RunningDaemon, browser: Browser) -> None:
    browser.driver.get(f"{shown.url}/?{urlencode({'q': HOSTILE, 'tier': 'all'})}")
    assert services(browser) == [HOSTILE]

    browser.follow(browser.driver.find_element(By.CSS_SELECTOR, ".series tbody th a").click)
    assert browser.texts("h1") == [f"{HOSTILE} in {HOSTILE}"]
    assert browser.driver.title.startswith(HOSTILE)
    assert browser.driver.find_elements(By.CSS_SELECTOR, "main img, script") == []
    assert browser.complaints() == []


def test_a_keyboard_reaches_the_content_and_is_seen(shown: RunningDaemon, browser: Browser) -> None:
    browser.driver.get(shown.url)
    browser.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    focused = browser.driver.switch_to.active_element
    assert focused.text == "Skip to the content"
    assert focused.rect["y"] >= 0
    assert browser.ask("getComputedStyle(document.activeElement).outlineStyle") == "solid"

    focused.send_keys(Keys.ENTER)
    assert browser.ask("document.activeElement.id") == "content"


def test_a_failing_source_says_why(shown: RunningDaemon, browser: Browser) -> None:
    browser.driver.get(f"{shown.url}/sources")
    said = browser.driver.find_element(By.TAG_NAME, "main").text
    assert re.search(r"failed (once|\d+ times in a row): GET 127\.0\.0\.1", said), said
    assert "made-up" not in browser.driver.page_source


def test_the_first_number_is_on_the_first_screen_of_a_phone_and_filters_are_folded(
    shown: RunningDaemon, browser: Browser
) -> None:
    browser.resize(width=390, height=700)
    browser.driver.get(shown.url)

    first = browser.driver.find_element(By.CSS_SELECTOR, ".big dd a")
    assert first.rect["y"] + first.rect["height"] < 350
    assert not browser.driver.find_element(By.ID, "q").is_displayed()
    browser.driver.find_element(By.CSS_SELECTOR, ".filters summary").send_keys(Keys.ENTER)
    assert browser.driver.find_element(By.ID, "q").is_displayed()


def test_a_keyboard_goes_to_another_tier_and_to_what_needs_attention(shown: RunningDaemon, browser: Browser) -> None:
    browser.resize(width=1400)
    browser.driver.get(shown.url)
    assert browser.texts(".switch [aria-current]") == ["production"]

    tier = browser.driver.find_element(By.LINK_TEXT, "staging")
    browser.follow(lambda: tier.send_keys(Keys.ENTER))
    assert browser.texts(".switch [aria-current]") == ["staging"]

    browser.driver.get(shown.url)
    reasons = browser.texts(".attention li")
    assert 3 <= len(reasons) <= 7
    assert reasons[0].startswith("on-call is a source that fails")
    reason = browser.driver.find_element(By.CSS_SELECTOR, ".attention a[href^=explain]")
    browser.follow(lambda: reason.send_keys(Keys.ENTER))
    assert browser.texts("h1")[0].endswith("explained")
    assert browser.complaints() == []


def test_a_keyboard_reads_the_points_of_a_line(shown: RunningDaemon, browser: Browser) -> None:
    browser.resize(width=1400)
    browser.driver.get(f"{shown.url}/series?{SERIES}")
    assert len(seen_values(browser)) == 4
    last = seen_values(browser)[0]

    browser.driver.execute_script("document.querySelector('.tiles a:last-of-type').focus()")
    while browser.ask("document.activeElement.tagName") != "INPUT":
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    before, *others = seen_values(browser)
    assert before != last
    assert before.split(":")[0].endswith(f"to {last.split()[0]}")
    assert len(others) == 3

    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.ask("document.activeElement.name") == "change_lead_time"
    assert browser.complaints() == []


def test_a_pointer_reads_the_points_of_a_line(shown: RunningDaemon, browser: Browser) -> None:
    browser.resize(width=1400)
    browser.driver.get(f"{shown.url}/series?{SERIES}")
    first = browser.driver.find_element(By.CSS_SELECTOR, ".graph input")
    said = browser.ask("document.querySelector('.said').textContent")
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", first)
    ActionChains(browser.driver).move_to_element(first).perform()

    WebDriverWait(browser.driver, 20, poll_frequency=0.02).until(lambda _: seen_values(browser)[0] == said)
    assert len(seen_values(browser)) == 4


def seen_values(browser: Browser) -> list[str]:
    """The values beside lines that are not transparent."""
    seen: list[str] = browser.ask(
        "[...document.querySelectorAll('.said')].filter(each => getComputedStyle(each).opacity === '1')"
        ".map(each => each.textContent)"
    )
    return seen
