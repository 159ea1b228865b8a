"""How many modules a request passes: a number that may fall, and does not rise unnoticed."""

from pathlib import Path

from tests.benchmarks.hops import hops

MOST_OF_A_POST_NOW = 20
MOST_OF_A_SCRAPE_NOW = 45


def test_a_post_and_a_scrape_pass_no_more_modules_than_they_did(tmp_path: Path) -> None:
    post, scrape = hops(tmp_path)
    assert "web/api/event_endpoints.py" in post
    assert "web/scrape.py" in scrape
    assert len(post) <= MOST_OF_A_POST_NOW, "\n".join(sorted(post))
    assert len(scrape) <= MOST_OF_A_SCRAPE_NOW, "\n".join(sorted(scrape))
