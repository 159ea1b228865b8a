"""What axe-core finds wrong with the page that a browser shows."""

from tests.e2e.chromium import Browser
from tests.e2e.programs import npm_package

_BAD = ("serious", "critical")
_RUN = """\
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  found => done(found.violations.filter(each => arguments[0].includes(each.impact))
    .flatMap(each => each.nodes.map(node => `${each.id}: ${node.html} ${node.failureSummary}`))),
  error => done([`axe-core failed: ${error}`]));
"""


def findings(browser: Browser) -> list[str]:
    """The serious and the critical ones, each with its rule and its element."""
    browser.driver.execute_script((npm_package("axe-core") / "axe.min.js").read_text())
    found: list[str] = browser.driver.execute_async_script(_RUN, _BAD)
    return found
