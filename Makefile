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
	$(BIN)/changegate policy schema --of key-rotation > schema/key-rotation.v1.json
	$(BIN)/changegate policy schema --of key-revocation > schema/key-revocation.v1.json
	$(BIN)/changegate policy schema --of attestation > schema/attestation.v1.json
	$(BIN)/changegate policy schema --of sample-draw > schema/sample-draw.v1.json
	$(BIN)/changegate policy schema --of waiver > schema/waiver.v1.json
	$(BIN)/changegate policy schema --of follow-up > schema/follow-up.v1.json

# Rewrites the locks from pyproject.toml; needs uv. An extra's lock holds everything, so that it is installed by itself.
COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml
EXTRAS := s3 postgres kms sigstore timestamps
lock:
	$(COMPILE) --group build -o actions/setup/requirements.txt
	$(foreach extra,$(EXTRAS),$(COMPILE) --group build --extra $(extra) -c actions/setup/requirements.txt -o actions/setup/requirements-$(extra).txt &&) true
	$(COMPILE) --group build --group test --extra s3 --extra postgres --extra sigstore --extra timestamps --extra xlsx --extra serve -c actions/setup/requirements.txt -o requirements/test.txt

$(INSTALLED): requirements/test.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/test.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
