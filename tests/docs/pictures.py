"""The pictures of the daemon's pages that the manual shows; ``tests/e2e/test_pictures.py`` takes them."""

from dataclasses import dataclass

from tests.docs import manual

FOLDER = manual.ROOT / "docs" / "images"
_SERIES = "service=web-shop&environment=production"
_WIDE, _PHONE = (1400, 900), (390, 844)


@dataclass(frozen=True)
class Picture:
    """What of a page fits on a screen of ``size``, in the colours ``scheme``; ``heading`` is the page's."""

    name: str
    path: str
    heading: str
    size: tuple[int, int] = _WIDE
    scheme: str = "light"


def _three(name: str, path: str, heading: str) -> tuple[Picture, ...]:
    """A page in light and dark colours, and on a phone."""
    return (
        Picture(name, path, heading),
        Picture(f"{name}-dark", path, heading, scheme="dark"),
        Picture(f"{name}-phone", path, heading, _PHONE),
    )


PICTURES = (
    *_three("first-page", "/", "Delivery performance"),
    *_three("series", f"/series?{_SERIES}", "web-shop in production"),
    *_three("team", "/team?team=payments&environment=production", "Team payments in production"),
    *_three("explain", f"/explain?{_SERIES}", "Change failure rate explained"),
    Picture("group", "/group?group=shop&environment=production", "Group shop in production"),
    Picture("names", "/names", "Names", (1400, 640)),
    Picture("names-dark", "/names", "Names", (1400, 640), "dark"),
)
BADGES = {
    f"badge-{name.replace('_', '-')}": f"/badge/web-shop/production/{name}.svg"
    for name in (
        "deployment_frequency",
        "change_lead_time",
        "change_failure_rate",
        "time_to_restore",
        "recovery_time",
    )
}
"""The path of each badge, by the name of its file."""
