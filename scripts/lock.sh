#!/bin/sh
# Write lock/dev.txt, lock/runtime.txt, lock/spark.txt and lock/wheel.txt from pyproject.toml and lock/*.in: every platform, every hash,
# no index named. Pins stay where they are unless --upgrade (or --upgrade-package NAME) is given.
set -eu
cd "$(dirname "$0")/.."

if ! command -v uv >/dev/null; then
    tools=$(mktemp -d)
    trap 'rm -rf "$tools"' EXIT
    "$(sh scripts/python.sh)" -m venv "$tools"
    "$tools/bin/python" -m pip --quiet --disable-pip-version-check install uv
    PATH="$tools/bin:$PATH"
fi

compile() {
    # --universal: a lock made on 3.11.7 alone lacks async-timeout, which redis wants on 3.11.2.
    # --only-binary: nothing is compiled at install time, so a release without wheels is skipped.
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --only-binary :all: --custom-compile-command "make lock" "$@" pyproject.toml lock/build.in
}

compile --extra embedded --extra schema-registry --extra serve --extra tune --extra plot --extra test --extra check --output-file lock/dev.txt "$@"
compile --extra embedded --extra serve --constraint lock/dev.txt --output-file lock/runtime.txt "$@"
uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --only-binary :all: \
    --custom-compile-command "make lock" --constraint lock/dev.txt --output-file lock/wheel.txt "$@" lock/wheel.in
# pyspark has no wheels.
compile --extra spark --no-binary pyspark --constraint lock/dev.txt --output-file lock/spark.txt "$@"
