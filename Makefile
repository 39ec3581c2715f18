# The whole project from a fresh checkout. `make setup` makes .venv; every other target needs only that.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup browser demo test test-all check package bench peers growing-peers reward-peers rl-peers docs clean

setup: .venv/.done

.venv/.done: pyproject.toml requirements-dev.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# What the tests of pages need. Root gets it by apt-get; elsewhere these tests are skipped, and say so. With
# PREFTREE_NEED_BROWSER (CI) nothing is skipped: sudo is tried too, and no browser is an error.
BROWSERS := chromium chromium-browser google-chrome google-chrome-stable
APT := apt-get -qq -o DPkg::Lock::Timeout=300

browser:
	@found() { for name in $(BROWSERS); do command -v $$name >/dev/null && return 0; done; return 1; }; \
	found && exit 0; \
	as=""; may=yes; \
	if test "$$(id -u)" != 0; then \
		as="sudo -n"; may=""; test -z "$$PREFTREE_NEED_BROWSER" || ! sudo -n true 2>/dev/null || may=yes; \
	fi; \
	if test -n "$$may" && command -v apt-get >/dev/null; then \
		$$as $(APT) update >/dev/null; \
		$$as env DEBIAN_FRONTEND=noninteractive $(APT) install -y --no-install-recommends chromium >/dev/null; \
	fi; \
	found && exit 0; \
	if test -n "$$PREFTREE_NEED_BROWSER"; then \
		echo "no browser, and none can be installed here: install one of $(BROWSERS) before CI runs" >&2; exit 1; \
	fi; \
	echo "no browser, and none can be installed here: its tests will be skipped"

demo: setup
	$(BIN)/preftree run quickstart

test: setup browser
	$(BIN)/python -m pytest -m "not slow and not peer" -n 2 --dist loadfile

test-all: setup
	$(BIN)/python -m pytest -m "not peer"

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A wheel and a source archive in dist/, checked as the package index checks them.
package: setup
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

bench: setup
	$(BIN)/python -m benchmarks

# The projects that benchmarks measure beside us, in an environment of their own.
peers: .venv-peers/.done

.venv-peers/.done: pyproject.toml requirements-dev.lock requirements-peers.txt
	@test -x .venv-peers/bin/python || $(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	# evalplus wants an older protobuf, lm-eval an older antlr4 runtime than the lock has.
	sed '/^protobuf==/d; /^antlr4-/d' requirements-dev.lock > .venv-peers/constraints.txt
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-peers.txt -c .venv-peers/constraints.txt
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# The clients that `python -m benchmarks.growing` measures beside ours.
growing-peers: .venv-growing-peers/.done

.venv-growing-peers/.done: requirements-growing-peers.txt
	@test -x .venv-growing-peers/bin/python || $(PYTHON) -m venv .venv-growing-peers
	.venv-growing-peers/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-growing-peers.txt
	# inspect-ai asks for a newer openai than curator's litellm allows; both work with it.
	.venv-growing-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps openai==3.57.0
	@touch $@

# The rewardbench package, whose verdicts are compared with ours.
reward-peers: .venv-reward-peers/.done

.venv-reward-peers/.done: requirements-rewardbench.txt
	@test -x .venv-reward-peers/bin/python || $(PYTHON) -m venv .venv-reward-peers
	.venv-reward-peers/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-rewardbench.txt
	.venv-reward-peers/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		rewardbench==0.1.4 fschat==0.2.36
	@touch $@

# The package `verifiers`, an environment of which preftree is.
rl-peers: .venv-rl-peers/.done

.venv-rl-peers/.done: pyproject.toml requirements-dev.lock requirements-rl-peers.txt
	@test -x .venv-rl-peers/bin/python || $(PYTHON) -m venv .venv-rl-peers
	# It wants openai 2 and a pydantic of its own.
	sed '/^openai==/d; /^pydantic/d' requirements-dev.lock > .venv-rl-peers/constraints.txt
	.venv-rl-peers/bin/python -m pip install --quiet --disable-pip-version-check --editable . \
		-r requirements-rl-peers.txt -c .venv-rl-peers/constraints.txt
	@touch $@

# The docs as a site in site/. A link or anchor that leads nowhere is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

clean:
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
