# What .ci/run checks, a step at a time: `just` lists the recipes, `just setup` comes first.

python := ".venv/bin/python"

# lists the recipes
default:
    @just --list

# makes .venv with everything
setup:
    python3 -m venv .venv
    {{python}} -m pip install --upgrade pip
    {{python}} -m pip install -e . --group test --group lint --group e2e --group docs

# tests that need nothing but Python
test *arguments:
    {{python}} -m pytest -n 2 --dist loadfile {{arguments}}

# format, lint, spelling, types, import contracts
lint:
    {{python}} -m ruff format --check .
    {{python}} -m ruff check .
    .venv/bin/codespell
    {{python}} -m mypy
    .venv/bin/lint-imports

# branch coverage of the definitions and the engine, which must not fall: all of it would double the time of the tests
coverage:
    {{python}} -m pytest -q -n 2 --dist loadfile tests/dora tests/series tests/web tests/oracle/test_numbers.py --cov --cov-report=
    {{python}} -m coverage report --include='*/dora_exporter/dora/*,*/dora_exporter/series/*' --skip-covered --fail-under=93

# tests that need other programs (Prometheus, PostgreSQL, Chromium, ...)
e2e *arguments:
    {{python}} -m pytest -m e2e {{arguments}}

# random histories against the oracle
machine minutes="3":
    {{python}} -m tests.machine --minutes {{minutes}}

# the dashboards anew, from grafana/generator
dashboards:
    {{python}} -m grafana.generator

# all pictures of the documentation anew: the daemon's pages, and the dashboards with Grafana's own components
pictures:
    npm ci --silent --no-audit --no-fund --ignore-scripts --prefix tests/grafana/rendering
    UPDATE_IMAGES=1 {{python}} -m pytest -m e2e tests/e2e/test_pictures.py tests/grafana/test_rendering.py

# the documentation as a site, in which a broken link is an error
docs:
    {{python}} -m zensical build --strict

# dora-send as one file, for any Python since 3.9
one-file output="dora-send":
    rm -rf build/one-file && mkdir -p build/one-file && cp -r src/dora_send build/one-file/
    rm -rf build/one-file/dora_send/__pycache__
    {{python}} -m zipapp build/one-file --main=dora_send.cli:run --python="/usr/bin/env python3" --compress --output={{output}}

# wheel and sdist in dist/: reproducible, readable for PyPI, and the quick start runs from the wheel
release:
    {{python}} -m pip install --quiet --group release
    .ci/release {{python}}

# the locks of image and CI anew, with hashes
lock:
    pipx run uv pip compile --quiet pyproject.toml --extra postgresql --universal --generate-hashes --no-header --output-file deploy/requirements.lock
    pipx run uv pip compile --quiet pyproject.toml --extra postgresql --group test --group lint --group e2e --group docs --group release --universal --generate-hashes --no-header --output-file .ci/requirements.lock

# all of it, on a copy of the checkout; installs what it needs
ci:
    .ci/run
