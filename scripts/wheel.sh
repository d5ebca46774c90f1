#!/bin/sh
# Build dist/: the sdist, of it a wheel for each Python that is here, and the client package. On Linux auditwheel copies
# libgomp into the wheels and names them by the oldest glibc that their symbols allow (manylinux).
# PYTHONS="3.12" builds for some versions only.
set -eu
cd "$(dirname "$0")/.."
versions=${PYTHONS:-3.11 3.12 3.13 3.14}
work=build/packages root=$PWD
rm -rf "$work" dist
mkdir -p "$work" dist

python_of() {
    # A version manager keeps its Pythons beside the PATH.
    for path in "$(command -v "python$1" || true)" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        "$path" -c 'import ensurepip, venv' 2>/dev/null && echo "$path" && return
    done
}

tools() {
    "$2" -m venv "$work/$1"
    "$work/$1/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes \
        --only-binary :all: --requirement lock/wheel.txt
}

built() {
    PATH="$root/$work/$1/bin:$PATH" "$work/$1/bin/python" -m pip --quiet --disable-pip-version-check wheel --no-deps \
        --no-build-isolation --wheel-dir "$work/$1/raw" dist/gigstream-*.tar.gz
}

portable() {
    if [ "$(uname -s)" = Linux ]; then
        PATH="$root/$work/$1/bin:$PATH" "$work/$1/bin/auditwheel" repair --wheel-dir dist "$work/$1"/raw/*.whl >/dev/null
    else
        cp "$work/$1"/raw/*.whl dist/
    fi
}

package() {
    # Folder, then sdist or wheel, into dist/.
    (cd "$2" && "$3" -c "from scikit_build_core.build import build_$1; build_$1('$root/dist')") >/dev/null
}

first=
for version in $versions; do
    path=$(python_of "$version" || true)
    [ -n "$path" ] || { echo "no Python $version here: left out" && continue; }
    echo "== Python $version"
    tools "$version" "$path"
    if [ -z "$first" ]; then
        first=$root/$work/$version/bin/python
        package sdist . "$first"
        package sdist client "$first"
        package wheel client "$first"
    fi
    built "$version"
    portable "$version"
done
[ -n "$first" ] || { echo "none of these Pythons is here: $versions" >&2 && exit 1; }
ls -l dist
