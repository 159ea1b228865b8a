"""Which source commit an image or a commit of a configuration stands for."""

from collections.abc import Iterable

import msgspec
import pytest
from tests.builders import NOW_MS, deployment

from dora_exporter.dora.correlations import (
    MOST,
    Key,
    configuration_key,
    image_keys,
    records,
    told_of,
    waits_for_commit,
    what_waits,
)
from dora_exporter.dora.events import Checkout, Deployment
from dora_exporter.dora.images import image
from dora_exporter.dora.records import Record
from dora_exporter.dora.store import EventStore

SOURCE = Checkout("git.example/acme/shop", "a" * 40)
OTHER = Checkout("git.example/acme/cart", "b" * 40)
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def keys(text: str) -> list[Key]:
    found = image(text)
    assert found is not None
    return list(image_keys(found))


def tell(store: EventStore, given: Iterable[Key], source: Checkout = SOURCE, at: int = NOW_MS) -> None:
    written = records(given, source, store.cursors, now_ms=at)
    for each in written:
        store.apply(msgspec.json.decode(msgspec.json.encode(each), type=Record))


def of_images(*images: str, **changes: object) -> Deployment:
    return deployment(**{"source": "argocd", "upstream": {"images": list(images)}} | changes)


def commit_of(store: EventStore, event: Deployment) -> tuple[str | None, str | None]:
    told = told_of(event, store.cursors)
    return (None, None) if told is None else (told.repository, told.commit_sha)


@pytest.mark.parametrize(
    ("told", "deployed"),
    [
        ("registry.example:5000/acme/shop:1.2", "registry.example:5000/acme/shop:1.2"),
        ("acme/shop:1.2", "docker.io/acme/shop:1.2"),
        (f"r.example/shop@{ONE}", f"r.example/shop:1.2@{ONE}"),
        (f"r.example/shop:1.2@{ONE}", "r.example/shop:1.2"),
        (f"r.example/shop:1.2@{ONE}", f"mirror.example:5000/copies/shop@{ONE}"),
        ("r.example/shop:1.2", f"r.example/shop:1.2@{ONE}"),
        ("r.example/shop", "r.example/shop:latest"),
    ],
)
def test_an_image_is_known_by_its_tag_and_by_its_digest(told: str, deployed: str) -> None:
    store = EventStore()
    tell(store, keys(told))
    assert commit_of(store, of_images(deployed)) == ("git.example/acme/shop", "a" * 40)


@pytest.mark.parametrize(
    ("told", "deployed"),
    [
        ("registry.example:5000/shop:1.2", "registry.example:6000/shop:1.2"),
        ("registry.example:5000/shop:1.2", "registry.example/shop:1.2"),
        ("r.example/shop:1.2", "r.example/shop:1.3"),
        ("r.example/shop:1.2", f"r.example/shop@{ONE}"),
        (f"r.example/shop:1.2@{ONE}", f"r.example/shop:1.2@{TWO}"),
        (f"r.example/shop@{ONE}", "r.example/shop:1.2"),
    ],
)
def test_another_image_is_not_known(told: str, deployed: str) -> None:
    store = EventStore()
    tell(store, keys(told))
    assert commit_of(store, of_images(deployed)) == (None, None)


def test_the_first_image_that_is_known_counts_and_an_image_before_its_configuration() -> None:
    store = EventStore()
    tell(store, [configuration_key("c" * 40)], OTHER)
    both = {
        "images": ["r.example/agent:1", "r.example/shop:1"],
        "configuration": ["c" * 40],
    }
    event = of_images(upstream=both)
    assert commit_of(store, event) == ("git.example/acme/cart", "b" * 40)
    tell(store, keys("r.example/shop:1"))
    assert commit_of(store, event) == ("git.example/acme/shop", "a" * 40)


def test_what_was_told_last_of_an_image_counts() -> None:
    store = EventStore()
    tell(store, keys("shop:1"))
    tell(store, keys("shop:1"), OTHER)
    assert commit_of(store, of_images("shop:1")) == ("git.example/acme/cart", "b" * 40)


@pytest.mark.parametrize(
    "changes",
    [
        {"commit_sha": "d" * 40},
        {"commits": ()},
        {"upstream": None},
        {"upstream": {"images": "shop:1", "configuration": [["a"], 5]}},
        {"upstream": {"images": [None, 5, "", "a b"]}},
    ],
)
def test_a_deployment_that_has_commits_or_names_nothing_waits_for_none(changes: dict[str, object]) -> None:
    event = of_images("shop:1", **changes)
    assert not waits_for_commit(event)
    store = EventStore()
    tell(store, keys("shop:1"))
    assert told_of(event, store.cursors) is None


def test_what_is_waited_for_is_said_in_words() -> None:
    assert what_waits(of_images("shop:1", "cart:1")) == "the image shop:1"
    assert what_waits(of_images(upstream={"configuration": ["c" * 40]})) == "the commit of its configuration"


def test_a_state_that_is_none_is_passed_over() -> None:
    (key,) = keys("shop:1")
    assert told_of(of_images("shop:1"), {key.cursor: {"commit_sha": 5}}) is None


def test_correlations_are_bounded_and_the_oldest_go() -> None:
    store = EventStore()
    store.cursors.update({"pd": {"cursor": 1}, "correlations/bad": {}})
    for number in range(MOST + 10):
        (key,) = keys(f"shop:{number}")
        for each in records([key], SOURCE, store.cursors, now_ms=NOW_MS + number) if number >= MOST - 2 else ():
            store.apply(each)
        store.cursors.setdefault(key.cursor, {"repository": "r", "commit_sha": "s", "at": NOW_MS + number})
    held = [name for name in store.cursors if name.startswith("correlations/")]
    assert len(held) <= MOST
    assert "pd" in store.cursors
    assert "correlations/bad" not in store.cursors
    assert commit_of(store, of_images("shop:0")) == (None, None)
    assert commit_of(store, of_images(f"shop:{MOST + 9}")) == ("git.example/acme/shop", "a" * 40)
