# Everything works on a fresh clone with Python >= 3.11 and make: the virtual environment comes
# from the locks in requirements/ (exact versions with hashes).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
# Test runs side by side, each with some of the files. 0 runs them in this process, for debuggers.
WORKERS ?= 2

.PHONY: demo test check bench lock format clean

demo: $(VENV)/.runtime
	@$(BIN)/gateway demo $(ARGS)

test: $(VENV)/.dev
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	git ls-files 'gateway/*.py' 'firmware_sim/*.py' 'protocols/*.py' ':!gateway/storage/migrations/versions' \
	  | xargs -P 2 -n 60 $(BIN)/flake8-async --disable ASYNC9,ASYNC114,ASYNC124,ASYNC128
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/codespell gateway firmware_sim protocols tests benchmarks docs README.md CHANGELOG.md
	$(BIN)/deptry .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The locks name no index: whichever one pip is configured with serves them, the hashes decide.
lock: $(VENV)/.dev
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url --upgrade \
	  --output-file runtime.txt ../pyproject.toml --group ../pyproject.toml:build
	cd requirements && ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --constraint runtime.txt --output-file dev.txt ../pyproject.toml \
	  --group ../pyproject.toml:build --group ../pyproject.toml:dev

# Silent, because the first line `make demo ARGS=--json` prints is for programs.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@$(BIN)/pip install --quiet --require-hashes -r requirements/runtime.txt
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
