#!/bin/sh
# Bring .venv to lock/KIND.txt (KIND: runtime or dev) and this checkout installed into it, editable.
# .venv/.runtime and .venv/.dev tell make what is there; both hold the checkout's path.
set -eu
cd "$(dirname "$0")/.."
kind=$1
python=.venv/bin/python

pip() { "$python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }

whole() {
    # No stamp: an install was cut short. Another path: the checkout was moved, and .venv points away.
    { [ "$(cat .venv/.runtime 2>/dev/null)" = "$PWD" ] || [ "$(cat .venv/.dev 2>/dev/null)" = "$PWD" ]; } &&
        "$python" -c '' 2>/dev/null
}

if ! whole; then
    "$(sh scripts/python.sh)" -m venv --clear .venv
fi
rm -f .venv/.runtime .venv/.dev
echo "Installing the locked packages into .venv ..."
pip install --require-hashes --only-binary :all: --requirement "lock/$kind.txt"
pip install --no-deps --no-build-isolation --editable .
echo "$PWD" >".venv/.$kind"
if [ "$kind" = dev ]; then # which holds all of runtime, at the same versions
    echo "$PWD" >.venv/.runtime
fi
