# Everything a person does here: `make run`, `make test`. The rest is for those who change the product.

WORKERS ?= 2
PYTHONS ?= python3.13 python3.12 python3.11 python3
BIN     := .venv/bin

.PHONY: help run test check static format lock clean
.DEFAULT_GOAL := help

help:  ## What can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/.installed  ## Start the product; everything it needs is under SEATGRAPH_HOME
	@exec $(BIN)/python -m gateway serve

test: .venv/.complete  ## Run the tests: TESTS=tests/billing chooses, WORKERS=0 keeps them in one process
	@$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

check: static test  ## The whole gate: lint, format, types, floors, the contract and its reference, the migrations, and the tests

static: .venv/.complete  ## The gate without the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m gateway schema --check
	$(BIN)/python -m gateway migrate --check

format: .venv/.complete  ## Format, and repair what can be repaired
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# The lock files name versions and hashes and no place to get them from. UPGRADE=--upgrade takes newer versions.
COMPILE = uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --quiet $(UPGRADE)
lock:  ## Pin what pyproject.toml asks for, and what builds it; needs uv
	@printf '%s\n' hatchling editables | $(COMPILE) pyproject.toml - -o requirements.lock
	@printf '%s\n' hatchling editables | $(COMPILE) pyproject.toml - --group dev -c requirements.lock -o requirements-dev.lock
	@cd tests/graph/peers/pypi && $(COMPILE) requirements.in -o requirements.lock

clean:  ## Remove what was installed and cached; the product's own home stays
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Installing: with uv where there is one, else with pip, and from the lock alone.
.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	@$(call install,requirements.lock)

.venv/.complete: requirements-dev.lock .venv/.installed
	@$(call install,requirements-dev.lock)

.venv/bin/python:
	@python=$$(for each in $(PYTHONS); do \
		"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; \
	done); \
	[ -n "$$python" ] || { echo "Python 3.11 or newer is needed, and none was found; PYTHONS=/path/to/python names one." >&2; exit 1; }; \
	if command -v uv >/dev/null; then uv venv --quiet --python "$$python" .venv; else "$$python" -m venv .venv; fi \
	|| { rm -rf .venv; echo "$$python can't make a virtual environment; its package for venv may be missing." >&2; exit 1; }

define install
if command -v uv >/dev/null; then install="uv pip install --quiet --compile-bytecode --python $(BIN)/python"; \
else install="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; fi; \
echo "Installing $(1)"; \
$$install --require-hashes -r $(1) && $$install --no-deps --no-build-isolation -e . && touch $@
endef
