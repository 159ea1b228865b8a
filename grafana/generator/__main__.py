"""Writes the dashboards anew."""

from pathlib import Path

from grafana.generator import generated

for name, content in generated():
    (Path(__file__).parents[1] / "dashboards" / name).write_text(content, encoding="utf-8")
