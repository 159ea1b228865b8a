"""What is written in the file is what is used, whatever checks it passed."""

from pathlib import Path

from tests.app.settings.reading import settings_of

WRITTEN = r"""
web:
  listen_addresses: ["[::1]:1", "localhost:2"]
  config_file: web.yaml
  enable_lifecycle: true
  allowed_hosts: ["Dora.Example.", "*", "[::1]"]
  cors_origins: ["https://portal.example", "*"]
  external_url: https://dora.example/below/
  route_prefix: /other/
  max_body_bytes: 2048
api_keys: [one]
read_keys: [two]
dimensions: [tier]
repositories:
  shop: {url: "https://git.example/shop.git", aliases: ["https://Git.Example/shop"], interval: 7m}
commits:
  exclude_authors: ["^bot"]
failures:
  rules:
    - {name: fix, pattern: "^fix", match: [subject]}
services:
  checkout: {team: crew, aliases: [till], source_patterns: ["src/**"]}
store:
  url: postgresql://me:secret@db.example/dora
"""


def test_each_setting_has_the_value_that_was_written(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, WRITTEN)
    web = settings.web
    assert web.listen_addresses == ("[::1]:1", "localhost:2")
    assert web.config_file == tmp_path / "web.yaml"
    assert web.enable_lifecycle
    assert web.allowed_hosts == ("dora.example", "*", "::1")
    assert web.cors_origins == ("https://portal.example", "*")
    assert (web.external_url, web.route_prefix) == ("https://dora.example/below", "/other")
    assert web.max_body_bytes == 2048
    assert [each.get_secret_value() for each in (*settings.api_keys, *settings.read_keys)] == ["one", "two"]
    assert settings.dimensions == ("tier",)
    assert settings.repositories["shop"].url == "https://git.example/shop.git"
    assert settings.repositories["shop"].aliases == ("https://Git.Example/shop",)
    assert settings.repositories["shop"].interval.ms == 420_000
    assert settings.commits.exclude_authors == ("^bot",)
    (rule,) = settings.failures.rules
    assert (rule.name, rule.pattern, rule.match) == ("fix", "^fix", ("subject",))
    service = settings.services["checkout"]
    assert (service.team, service.aliases, service.source_patterns) == ("crew", ("till",), ("src/**",))
    assert settings.store.read_url() == "postgresql://me:secret@db.example/dora"
