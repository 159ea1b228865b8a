"""What Prometheus is asked for."""

ENVIRONMENT = 'environment="$environment"'
WINDOW = 'window="$window"'
STATISTIC = 'statistic="$statistic"'
MEDIAN = 'statistic="median"'
SERVICES = "service, environment"
"""Labels that tell services apart."""


def gauge(metric: str, *matchers: str, by: str = "", how: str = "max") -> str:
    """A gauge, the highest where several instances of the exporter have it; empty matchers say nothing."""
    return f"{how}{f' by ({by}) ' if by else ''}({metric}{{{', '.join(filter(None, matchers))}}})"


def each_chosen(metric: str, *matchers: str) -> str:
    """A gauge of each service of the environments and teams that are chosen."""
    asked = gauge(metric, 'environment=~"$environment"', *matchers, by=SERVICES)
    return f'({asked} and on ({SERVICES}) dora_service_info{{team=~"$team"}})'
