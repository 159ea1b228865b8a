"""The names of container images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dora_exporter.dora.images import Image, image

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nginx", Image("docker.io/library/nginx", "latest")),
        ("docker.io/library/nginx:latest", Image("docker.io/library/nginx", "latest")),
        ("index.docker.io/nginx", Image("docker.io/library/nginx", "latest")),
        ("acme/shop:1.2", Image("docker.io/acme/shop", "1.2")),
        ("localhost/shop:1", Image("localhost/shop", "1")),
        ("registry:5000/shop", Image("registry:5000/shop", "latest")),
        ("Registry.Example:5000/acme/shop/Cart:1.2-RC", Image("registry.example:5000/acme/shop/cart", "1.2-RC")),
        (f"ghcr.io/acme/shop@{DIGEST}", Image("ghcr.io/acme/shop", None, DIGEST)),
        (f" ghcr.io/acme/shop:1.2@{DIGEST}\n", Image("ghcr.io/acme/shop", "1.2", DIGEST)),
    ],
)
def test_a_name_is_read_as_docker_reads_it(text: str, expected: Image) -> None:
    assert image(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":1", "a b", "shop:", "shop:a/b:", "shop:-x", "shop@", "shop@sha256:zz", "x" * 501, "sh\u00f6p:1", "a/:1"],
)
def test_what_is_no_name_is_none(text: str) -> None:
    assert image(text) is None


@pytest.mark.parametrize(("text", "version"), [("a:v1", "v1"), (f"a@{DIGEST}", "sha256:0a0a0a0a0a0a"), ("a", "latest")])
def test_the_version_of_an_image_is_its_tag_or_its_short_digest(text: str, version: str) -> None:
    found = image(text)
    assert found is not None
    assert found.version == version


@given(st.text("aZ0./:@-_", max_size=30) | st.text(max_size=30))
def test_a_whole_name_is_read_as_itself(text: str) -> None:
    found = image(text)
    assert found is None or image(str(found)) == found
