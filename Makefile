# Every task of the project, once. CI runs these same targets (.ci/run).
# ARGS=… is passed on to the program that a target runs.

VENV := .venv
BIN := $(VENV)/bin
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)
# TensorFlow has wheels for these versions; venv and ensurepip are separate packages on some systems.
PROBE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --no-config --no-header --no-annotate \
  --universal --python-version 3.11 --fork-strategy fewest --no-strip-extras --only-binary :all: \
  --generate-hashes

.DEFAULT_GOAL := help
.PHONY: help serve train test check format bench fuzz docker-test lock clean

help: ## List the tasks
	@echo 'rowscan reads handwritten digits. Each task sets up $(VENV) by itself.'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
	  awk -F '|' '{ printf "%-20s %s\n", $$1, $$2 }'

serve: $(VENV)/.serve ## Serve the newest published model on port 8000
	@$(BIN)/python -m app

train: $(VENV)/.train ## Train a network and publish it (ARGS='--preset tutorial')
	@$(BIN)/python -m training train $(ARGS)

test: $(VENV)/.dev ## Run the tests with coverage (ARGS=path runs a part, in one process, without coverage)
	@$(BIN)/python -m pytest $(or $(ARGS),--cov --numprocesses 2 --dist loadfile)

check: $(VENV)/.dev ## Check format, lint and types
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy

format: $(VENV)/.dev ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

bench: $(VENV)/.dev ## Run the benchmarks (ARGS='load --quick' runs one, in a hurry)
	@$(BIN)/python -m benchmarks $(ARGS)

fuzz: $(VENV)/.dev ## Send the API 5,000 generated requests or more, check every answer
	@ROWSCAN_FUZZ_CASES=400 ROWSCAN_FUZZ_LEAST=5000 \
	  ROWSCAN_FUZZ_SEED=$${ROWSCAN_FUZZ_SEED:-$$(date +%s)} \
	  $(BIN)/python -m pytest tests/e2e/test_fuzz.py -s

docker-test: $(BIN)/pip ## Build the image, run it with compose, check it from outside
	@$(BIN)/python tests/e2e/docker_test.py

lock: $(VENV)/.dev ## Remake requirements/ from pyproject.toml (ARGS=--upgrade for newer versions)
	@$(COMPILE) $(ARGS) --output-file requirements/serve.txt
	@$(COMPILE) $(ARGS) --output-file requirements/otel.txt --constraints requirements/serve.txt \
	  --extra otel
	@$(COMPILE) $(ARGS) --output-file requirements/train.txt --constraints requirements/serve.txt \
	  --extra train
	@$(COMPILE) $(ARGS) --output-file requirements/dev.txt --constraints requirements/train.txt \
	  --constraints requirements/otel.txt --extra train --group dev
	@for peer in $(basename $(wildcard benchmarks/servers/*.in)); do \
	  $(subst pyproject.toml,$$peer.in,$(COMPILE)) $(ARGS) --output-file $$peer.txt \
	    --constraints requirements/serve.txt || exit; \
	done

clean: ## Remove the environment and all caches
	rm -rf $(VENV) benchmarks/.environments .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.* htmlcov
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp says which locked set is installed; a changed lock file installs it again. The project itself
# is linked in, for $(BIN)/rowscan.
$(VENV)/.%: requirements/%.txt $(BIN)/pip
	@echo 'Installing requirements/$*.txt into $(VENV) (some 300 MB the first time) …'
	@$(PIP) install --require-hashes --requirement $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# venv installs pip last: an environment whose making was interrupted is made again.
$(BIN)/pip:
	@for python in $(PYTHONS); do \
	  if $$python -c '$(PROBE)' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version) …"; \
	    rm -rf $(VENV); $$python -m venv $(VENV); exit; \
	  fi; \
	done; \
	echo 'No Python 3.11, 3.12 or 3.13 with venv found (tried: $(PYTHONS)).' >&2; \
	echo 'Install one (on Debian and Ubuntu: apt install python3-venv) or name it: make PYTHON=…' >&2; \
	exit 1
