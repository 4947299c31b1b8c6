# Two commands do everything on a machine with Python >= 3.11 and git: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint types bench schema lock clean

demo: $(INSTALLED)
	@$(BIN)/changegate demo

test: $(INSTALLED)
	$(BIN)/pytest -n auto --dist worksteal

lint: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(INSTALLED)
	$(BIN)/mypy

bench: $(INSTALLED)
	$(BIN)/python -m tests.bench

schema: $(INSTALLED)
	$(BIN)/changegate policy schema > schema/policy.v1.json
	$(BIN)/changegate policy schema --of gate-decision > schema/gate-decision.v1.json
	$(BIN)/changegate policy schema --of deploy-outcome > schema/deploy-outcome.v1.json

# Rewrites the locks from pyproject.toml; needs uv.
lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group build pyproject.toml -o actions/setup/requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group build --group test -c actions/setup/requirements.txt pyproject.toml -o requirements/test.txt

$(INSTALLED): requirements/test.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/test.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
