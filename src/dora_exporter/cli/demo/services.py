"""The services of an invented organisation, and what each is like."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceProfile:
    """A service and its habits.

    ``failure_ratio`` of its releases fail in production; ``failure_drift`` is how much that grows in a year.
    ``lead_hours`` is the usual age of a commit when its release begins, ``restore_minutes`` the usual length of a
    failure.
    """

    name: str
    team: str
    releases_per_day: float
    failure_ratio: float
    lead_hours: float
    restore_minutes: float
    failure_drift: float = 0.0

    @property
    def repository(self) -> str:
        """Where its code is kept."""
        return f"git.example.com/shop/{self.name}"


SERVICES = (
    ServiceProfile("web-shop", "storefront", 4.0, 0.06, 5, 25),
    ServiceProfile("search", "storefront", 2.5, 0.09, 9, 40),
    ServiceProfile("recommendations", "storefront", 1.2, 0.12, 30, 75),
    ServiceProfile("checkout", "payments", 3.0, 0.05, 7, 20),
    ServiceProfile("payments", "payments", 1.5, 0.04, 20, 30),
    ServiceProfile("invoicing", "payments", 0.3, 0.22, 120, 300),
    ServiceProfile("warehouse", "logistics", 0.8, 0.15, 60, 120, failure_drift=0.6),
    ServiceProfile("shipping", "logistics", 1.0, 0.13, 36, 90),
    ServiceProfile("login", "identity", 0.9, 0.07, 16, 35),
    ServiceProfile("accounts", "identity", 1.4, 0.10, 22, 60, failure_drift=-0.3),
    ServiceProfile("gateway", "platform", 0.6, 0.08, 48, 45),
    ServiceProfile("notifications", "platform", 1.8, 0.17, 12, 55),
)
"""Twelve services of five teams: quick and slow, careful and careless, one that gets worse and one that gets better."""

GROUPS = {
    "shop": {"teams": ["storefront", "payments", "logistics"]},
    "foundations": {"teams": ["identity", "platform"]},
}
"""What the teams work on, as the setting ``groups`` has it."""
