"""The schema of the settings: their keys, their defaults, and what each may be."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator
from pydantic_core.core_schema import ValidationInfo

from dora_exporter.app.catalogue_settings import EnvironmentSettings, ServiceSettings, catalogue, checked
from dora_exporter.app.failure_rules import FailureSettings
from dora_exporter.app.group_settings import GroupSettings, checked_groups
from dora_exporter.app.incident_settings import IncidentSettings
from dora_exporter.app.label import Label, Name
from dora_exporter.commits.providers.contract import PullRequestSettings
from dora_exporter.commits.settings import CommitSettings, GitSettings, RepositorySettings
from dora_exporter.config import addresses, public_url
from dora_exporter.config.durations import Duration, Span
from dora_exporter.config.errors import ConfigError, Mistake, misplaced
from dora_exporter.config.validators import NamedFile, Whole
from dora_exporter.dora.events import DAY_MS
from dora_exporter.runtime.hosts import ANY_HOST, one_spelling
from dora_exporter.sources import AnySettings
from dora_exporter.sources.github.settings import GitHubSettings
from dora_exporter.sources.gitlab.settings import GitLabSettings
from dora_exporter.sources.settings import SourceName
from dora_exporter.storage.postgresql.url import ReadUrl, check, from_file, from_text

_ORIGIN = re.compile(r"https?://[^/?#\s]+")


def _tag(name: str) -> str:
    if ":" in name:
        raise ValueError("must be the name of a tag, which is what comes before the colon")
    return name


def _not_empty(path: object) -> object:
    """Pydantic would take an empty path for the working directory."""
    if path == "":
        raise ValueError("must not be empty")
    return path


def _address(text: str) -> str:
    addresses.split(text)
    return text


def _host(text: str) -> str:
    host = text if text == ANY_HOST else one_spelling(text.removeprefix("[").removesuffix("]"))
    if host is None:
        raise ValueError(f"must be the name or the address of a host, without a port, or {ANY_HOST} for all")
    return host


def _origin(text: str) -> str:
    if text != ANY_HOST and not _ORIGIN.fullmatch(text):
        raise ValueError(f"must be an origin such as https://p.example, without a path, or {ANY_HOST} for all")
    return text


def _database(url: SecretStr) -> SecretStr:
    check(url.get_secret_value())
    return url


def _key(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not text:
        raise ValueError("must not be empty")
    if text != text.strip() or not text.isprintable() or not text.isascii():
        raise ValueError("must be printable ASCII without surrounding white space, as it is sent in a header")
    return key


Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(_host)]
Origin = Annotated[str, AfterValidator(_origin)]
Url = Annotated[SecretStr, AfterValidator(_database)]
File = Annotated[Path, BeforeValidator(_not_empty)]
Key = Annotated[SecretStr, AfterValidator(_key)]


class Section(BaseModel):
    """What all groups of settings have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WebSettings(Section):
    """The HTTP server. ``config_file`` is a web configuration file as exporter-toolkit defines it."""

    listen_addresses: tuple[Address, ...] = Field(default=("127.0.0.1:3672",), min_length=1)
    config_file: File | None = None
    enable_lifecycle: bool = False
    allowed_hosts: tuple[Host, ...] = ()
    cors_origins: tuple[Origin, ...] = ()
    external_url: Annotated[str, AfterValidator(public_url.external)] | None = None
    route_prefix: Annotated[str, AfterValidator(public_url.prefix)] | None = None
    max_body_bytes: Whole = Field(default=1 << 20, ge=1 << 10, le=1 << 30)

    @property
    def prefix(self) -> str:
        """The path that everything is served below, empty for the root; without ``route_prefix`` the external URL's."""
        if self.route_prefix is not None:
            return self.route_prefix
        return public_url.path_of(self.external_url) if self.external_url else ""

    @property
    def url(self) -> str:
        """Where others reach all that is served: a URL or only its path, empty for the root of wherever it is."""
        return self.external_url or self.prefix


class SnapshotSettings(Section):
    """The snapshot file. With ``written``, what was acknowledged survives a crash of the daemon, not a power cut."""

    path: File = Path("dora-exporter.snapshot")
    durability: Literal["fsync", "written"] = "fsync"


class StoreSettings(Section):
    """A PostgreSQL database that replicas share, in the place of the snapshot file.

    ``url_file`` holds the URL, and is read again at each connect.
    """

    url: Url | None = None
    url_file: Annotated[NamedFile, BeforeValidator(_not_empty)] | None = None

    @field_validator("url_file")
    @classmethod
    def _only_one(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is not None and info.data.get("url") is not None:
            raise ValueError("url and url_file exclude each other")
        return file

    @property
    def is_database(self) -> bool:
        """Whether one is configured."""
        return self.url is not None or self.url_file is not None

    @property
    def read_url(self) -> ReadUrl:
        """Where it is."""
        if self.url_file is not None:
            return from_file(self.url_file)
        return from_text(self.url.get_secret_value() if self.url else "")


class LimitSettings(Section):
    """What protects the daemon and Prometheus from too much."""

    series: Whole = Field(default=10_000, ge=1)
    values: Whole = Field(default=50, ge=1, le=1000)


class LevelSettings(Section):
    """Which of DORA's reports the performance levels are taken from."""

    edition: Literal["2019", "2021", "2022", "2023", "2024"] = "2024"


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warn", "error"] = "info"
    format: Literal["logfmt", "json"] = "logfmt"


_WINDOWS = tuple(Span(f"{days}d", days * DAY_MS) for days in (7, 30, 90))


class Settings(Section):
    """All settings. A section is added by a line here, and by its keys in ``config.example.yaml``."""

    snapshot: SnapshotSettings = SnapshotSettings()
    store: StoreSettings = StoreSettings()
    retention: Duration = Span("400d", 400 * DAY_MS)
    windows: tuple[Duration, ...] = Field(default=_WINDOWS, min_length=1, max_length=10, validate_default=True)
    default_environment: Label = "none"
    attribution_limit: Duration | None = Span("7d", 7 * DAY_MS)
    limits: LimitSettings = LimitSettings()
    services: dict[Label, ServiceSettings] = Field(default_factory=dict)
    environments: dict[Label, EnvironmentSettings] = Field(default_factory=dict)
    groups: dict[Label, GroupSettings] = Field(default_factory=dict)
    dimensions: tuple[Annotated[Label, AfterValidator(_tag)], ...] = Field(default=(), max_length=3)
    merge_within: Duration = Span("30m", 1_800_000)
    sources: dict[SourceName, AnySettings] = Field(default_factory=dict)
    repositories: dict[Name, RepositorySettings] = Field(default_factory=dict)
    git: GitSettings = GitSettings()
    commits: CommitSettings = CommitSettings()
    pull_requests: dict[Name, PullRequestSettings] = Field(default_factory=dict)
    failures: FailureSettings = FailureSettings()
    incidents: IncidentSettings = IncidentSettings()
    levels: LevelSettings = LevelSettings()
    log: LogSettings = LogSettings()
    api_keys: tuple[Key, ...] = ()
    api_keys_file: File | None = None
    read_keys: tuple[Key, ...] = ()
    read_keys_file: File | None = None
    allow_anonymous: bool = False
    web: WebSettings = WebSettings()  # the last one, because what it may be depends on the keys

    @property
    def git_folder(self) -> Path:
        """Where repositories are kept."""
        return self.git.path or self.snapshot.path.parent / "git"

    @field_validator("services")
    @classmethod
    def _consistent_services(cls, services: dict[str, ServiceSettings]) -> dict[str, ServiceSettings]:
        return checked("services", services)

    @field_validator("environments")
    @classmethod
    def _consistent_environments(cls, environments: dict[str, EnvironmentSettings]) -> dict[str, EnvironmentSettings]:
        return checked("environments", environments)

    @field_validator("groups")
    @classmethod
    def _one_tree(cls, groups: dict[str, GroupSettings], info: ValidationInfo) -> dict[str, GroupSettings]:
        """Names that are themselves wrong give no second complaint."""
        services, environments = info.data.get("services"), info.data.get("environments")
        if services is not None and environments is not None:
            checked_groups(groups, services, catalogue(services, environments))
        return groups

    @field_validator("dimensions")
    @classmethod
    def _different(cls, dimensions: tuple[str, ...]) -> tuple[str, ...]:
        for index, name in enumerate(dimensions):
            if name in dimensions[:index]:
                raise misplaced(f"duplicates dimensions[{dimensions.index(name)}]", "dimensions", index)
        return dimensions

    @field_validator("windows")
    @classmethod
    def _distinct_and_kept(cls, windows: tuple[Span, ...], info: ValidationInfo) -> tuple[Span, ...]:
        retention: Span | None = info.data.get("retention")
        for index, window in enumerate(windows):
            earlier = [each.ms for each in windows[:index]]
            if window.ms in earlier:
                raise misplaced(f"duplicates windows[{earlier.index(window.ms)}]", "windows", index)
            if retention is not None and window.ms > retention.ms:
                place = ("retention",) if windows == _WINDOWS else ("windows", index)
                raise misplaced(f"the window {window.text} is longer than the retention {retention.text}", *place)
        return windows

    @field_validator("pull_requests")
    @classmethod
    def _lent_by_sources(
        cls, pull_requests: dict[str, PullRequestSettings], info: ValidationInfo
    ) -> dict[str, PullRequestSettings]:
        """Sources that are themselves wrong give no second complaint."""
        sources = info.data.get("sources")
        for name, each in pull_requests.items():
            if each.source is None or sources is None:
                continue
            source = sources.get(each.source)
            if not isinstance(source, GitHubSettings | GitLabSettings) or not source.is_polled:
                text = "must be the name of a source of kind github or gitlab that has a token or an App"
                raise misplaced(text, "pull_requests", name, "source")
        return pull_requests

    @field_validator("web")
    @classmethod
    def _closed_to_strangers(cls, web: WebSettings, info: ValidationInfo) -> WebSettings:
        """Keys that are themselves wrong give no second complaint."""
        keys = [info.data.get(name) for name in ("api_keys", "read_keys")]
        if info.data.get("allow_anonymous") is False and keys == [(), ()]:
            for index, address in enumerate(web.listen_addresses):
                if not addresses.is_loopback(address):
                    raise misplaced(_OPEN_TO_ALL, "web", "listen_addresses", index)
        return web


_OPEN_TO_ALL = (
    "is reachable from other machines: set api_keys, or set allow_anonymous: true to allow access without a key"
)


def check_doors(settings: Settings, open_addresses: Iterable[str], *, has_keys: bool) -> None:
    """Raises ``ConfigError`` where settings without keys would take the place of others that listen to strangers.

    Where there are keys (``has_keys``) the last one stays on any address: a proxy on this machine brings strangers too.
    """
    if settings.api_keys or settings.read_keys or settings.allow_anonymous:
        return
    if has_keys:
        text = "a reload does not remove the last key: set allow_anonymous: true to allow access without a key"
        raise ConfigError([Mistake("configuration", f"api_keys: {text}")])
    for address in open_addresses:
        if not addresses.is_loopback(address):
            text = f"a key is required until the next restart: the daemon still listens on {address}"
            raise ConfigError([Mistake("configuration", f"api_keys: {text}")])
