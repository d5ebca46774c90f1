#!/bin/sh
# Install lock/KIND.txt (KIND: runtime or dev) and this checkout (editable) into .venv.
# .venv/.runtime and .venv/.dev tell make what is there; both hold the checkout's path.
set -eu
cd "$(dirname "$0")/.."
kind=$1
python=.venv/bin/python

pip() { "$python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }

whole() {
    # No stamp: an install was interrupted. Another path: the checkout was moved, and .venv points to the old one.
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
# Without a compiler the install is pure Python: it works, many times slower.
"$python" -c 'import trainer.als._als, trainer.plays._settle, consumer.ingest._decode' 2>/dev/null || {
    echo "WARNING: gigstream is NOT COMPILED here: decoding, settling, fitting and ranking run in Python," >&2
    echo "many times slower. Install a C++ compiler (g++ or clang++ with OpenMP), then \`make clean install\`." >&2
}
echo "$PWD" >".venv/.$kind"
if [ "$kind" = dev ]; then # which holds all of runtime, at the same versions
    echo "$PWD" >.venv/.runtime
fi
