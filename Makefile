# One door to everything. `make demo` shows the whole path, `make test` proves it; both do all set-up themselves.
.DEFAULT_GOAL := help
.PHONY: help install demo test test-spark spark chaos powerloss fuzz check bench docs lock clean machine machine-for-tests

BIN := .venv/bin
NATIVE := $(wildcard native/*)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 18

install: .venv/.runtime ## gigstream into .venv, from the hashed lock

demo: .venv/.runtime ## real gigs through Kafka, the store, ALS and Redis, then live changes (ARGS="--keep" leaves it running)
	@$(BIN)/gigstream demo $(ARGS)

test: .venv/.dev ## every test, on a real Kafka and a real Redis (ARGS="-k name" picks)
	@PYTHONPATH=tests $(BIN)/python -m support.kafka >/dev/null
	@PYTHONPATH=tests $(BIN)/python -m support.apicurio >/dev/null
	$(BIN)/python -m pytest -n 2 --durations=10 $(ARGS)

test-spark: .venv/.dev .venv/.spark ## the spark engine on a standalone master with two workers (3 minutes; the first time pyspark, 456 MB)
	@PYTHONPATH=tests $(BIN)/python -m support.kafka >/dev/null
	$(BIN)/python -m pytest -n 0 --durations=10 tests/spark $(ARGS)

spark: .venv/.spark ## pyspark and Delta's jars into .venv, for GIGSTREAM_ENGINE=spark (docs/spark.md)

chaos: .venv/.dev ## 200 consumers killed and more: every event stored once (20 minutes; ARGS="--seed N" repeats one)
	@PYTHONPATH=tests $(BIN)/python -m support.kafka >/dev/null
	@PYTHONPATH=tests:. $(BIN)/python -m chaos $(ARGS)

powerloss: .venv/.dev ## the store after power cuts at every one of its calls (some minutes; ARGS=200 tries more outcomes of each)
	@PYTHONPATH=tests:. $(BIN)/python -m support.power_loss $(ARGS)

fuzz: .venv/.dev ## a million fuzzed records and a thousand gigs' lives (5 minutes on 2 quiet cores)
	@PYTHONPATH=tests $(BIN)/python -m support.kafka >/dev/null
	GIGSTREAM_TEST_FUZZ=1000000 GIGSTREAM_TEST_LIVES=1000 $(BIN)/python -m pytest -n 2 -rP \
		--timeout 3600 tests/fuzz tests/end_to_end/test_gig_life_cycle.py $(ARGS)

check: .venv/.dev ## format, lint, types, import contracts: what CI asks before the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## measure, and rewrite docs/benchmarks.md (ARGS="foldin --quick" measures one)
	$(BIN)/python -m benchmarks $(or $(ARGS),all)

docs: .venv/.dev ## the settings, commands and rooms in README and docs/, anew from the code
	@PYTHONPATH=tests $(BIN)/python -m project.reference

lock: ## lock/*.txt anew from pyproject.toml (ARGS="--upgrade" moves the pins)
	@sh scripts/lock.sh $(ARGS)

clean: ## remove .venv and caches (never gigstream-data: that may be your store)
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The machine is looked at every time (a fraction of a second); packages and compiled code only when
# a lock, pyproject.toml or a C++ source moved.
.venv/.runtime: lock/runtime.txt pyproject.toml CMakeLists.txt $(NATIVE) | machine
	@sh scripts/install.sh runtime

.venv/.dev: lock/dev.txt pyproject.toml CMakeLists.txt $(NATIVE) | machine-for-tests
	@sh scripts/install.sh dev

.venv/.spark: lock/spark.txt scripts/spark.sh trainer/engines/spark_ready.py .venv/.runtime | machine-for-tests
	@sh scripts/spark.sh

machine:
	@sh scripts/prepare.sh demo

machine-for-tests:
	@sh scripts/prepare.sh tests
