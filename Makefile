# All development tasks. `make demo` and `make test` set everything up themselves.
.DEFAULT_GOAL := help
.PHONY: help install demo test test-spark spark chaos powerloss fuzz sanitize check bench docs lock wheel clean machine machine-for-tests

BIN := .venv/bin
NATIVE := $(shell find native -type f)

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 18

install: .venv/.runtime ## install gigstream into .venv, from the hashed lock

demo: .venv/.runtime ## run real gigs through Kafka, store, ALS and Redis, then live changes (ARGS="--keep" leaves it running)
	@$(BIN)/gigstream demo $(ARGS)

test: .venv/.dev ## run every test, on a real Kafka and a real Redis (ARGS="-k name" selects)
	@PYTHONPATH=tests $(BIN)/python -m support.servers.kafka >/dev/null
	@PYTHONPATH=tests $(BIN)/python -m support.servers.apicurio >/dev/null
	$(BIN)/python -m pytest -n 2 --durations=10 $(ARGS)

test-spark: .venv/.dev .venv/.spark ## test the spark engine on a master with two workers (3 minutes; first downloads pyspark, 456 MB)
	@PYTHONPATH=tests $(BIN)/python -m support.servers.kafka >/dev/null
	$(BIN)/python -m pytest -n 0 --durations=10 tests/spark $(ARGS)

spark: .venv/.spark ## install pyspark and Delta's jars into .venv, for GIGSTREAM_ENGINE=spark (docs/spark.md)

chaos: .venv/.dev ## kill 200 consumers, check that every event is stored once (20 minutes; ARGS="--seed N" repeats a run)
	@PYTHONPATH=tests $(BIN)/python -m support.servers.kafka >/dev/null
	@PYTHONPATH=tests:. $(BIN)/python -m chaos $(ARGS)
	GIGSTREAM_TEST_ROUNDS=200 GIGSTREAM_TEST_WITHIN_S=2 $(BIN)/python -m pytest -n 0 -rP tests/end_to_end/test_lists_chaos.py
	GIGSTREAM_TEST_WITHIN_S=5 $(BIN)/python -m pytest -n 0 -rP tests/end_to_end/test_clocks.py

powerloss: .venv/.dev ## simulate a power cut at every call of the store (some minutes; ARGS=200 tries more outcomes of each)
	@PYTHONPATH=tests:. $(BIN)/python -m support.faults.power_loss $(ARGS)

fuzz: .venv/.dev ## fuzz a million records, ten thousand files and a thousand gig life cycles (7 minutes on 2 quiet cores)
	@PYTHONPATH=tests $(BIN)/python -m support.servers.kafka >/dev/null
	GIGSTREAM_TEST_FUZZ=1000000 GIGSTREAM_TEST_FILES=10000 GIGSTREAM_TEST_LIVES=1000 $(BIN)/python -m pytest -n 2 -rP \
		--timeout 3600 tests/fuzz tests/end_to_end/test_gig_life_cycle.py $(ARGS)

sanitize: .venv/.dev ## run the compiled code's tests and the fuzzer with ASan and UBSan (15 minutes)
	@PYTHONPATH=tests $(BIN)/python -m support.servers.kafka >/dev/null
	@PYTHONPATH=tests $(BIN)/python -m support.processes.sanitized $(ARGS)

check: .venv/.dev ## check format, lint, types and import contracts, as CI does before the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev ## measure and rewrite docs/benchmarks.md (ARGS="foldin --quick" measures one)
	$(BIN)/python -m benchmarks $(or $(ARGS),all)

docs: .venv/.dev ## tables of settings, commands, packages and files in README and docs/, from the code
	@PYTHONPATH=tests $(BIN)/python -m project.reference

lock: ## lock/*.txt from pyproject.toml (ARGS="--upgrade" moves the pins)
	@sh scripts/lock.sh $(ARGS)

wheel: .venv/.dev ## build sdist, wheels and client package into dist/ and try them in empty environments (15 minutes)
	@sh scripts/wheel.sh
	@PYTHONPATH=tests $(BIN)/python -m support.servers.kafka >/dev/null
	GIGSTREAM_TEST_DIST=dist $(BIN)/python -m pytest -n 0 --durations=10 --timeout 1200 tests/packages $(ARGS)

clean: ## remove .venv and caches (never gigstream-data: that may be your store)
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The machine is checked every time (a fraction of a second). Packages are installed and C++ is compiled
# only after a change of a lock, of pyproject.toml or of a C++ source.
.venv/.runtime: lock/runtime.txt pyproject.toml CMakeLists.txt $(NATIVE) | machine
	@sh scripts/install.sh runtime

.venv/.dev: lock/dev.txt pyproject.toml CMakeLists.txt $(NATIVE) | machine-for-tests
	@sh scripts/install.sh dev

.venv/.spark: lock/spark.txt scripts/spark.sh trainer/spark/ready.py .venv/.runtime | machine-for-tests
	@sh scripts/spark.sh

machine:
	@sh scripts/prepare.sh demo

machine-for-tests:
	@sh scripts/prepare.sh tests
