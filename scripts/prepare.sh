#!/bin/sh
# Find what this machine lacks to run gigstream ("tests": to test it), install it where that is allowed
# (root on Debian or Ubuntu), and otherwise print the one line that does.
set -eu
cd "$(dirname "$0")/.."

has_python() { sh scripts/python.sh >/dev/null; }

has_libgomp() {
    # implicit's wheel links the system's libgomp and ships none.
    [ "$(uname -s)" != Linux ] || probe 'import ctypes; ctypes.CDLL("libgomp.so.1")'
}

has_redis() {
    command -v redis-server >/dev/null || {
        [ "$purpose" = demo ] && [ "$(uname -sm)" = "Linux x86_64" ] &&
            probe 'import sys; sys.exit(sys.version_info >= (3, 13))' # the wheel with a Redis inside fits
    }
}

has_compiler() {
    command -v "${CXX:-g++}" >/dev/null &&
        probe 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
}

has_java() {
    version=$(java -version 2>&1 | sed -n '1s/.*version "\([0-9]*\).*/\1/p') || version=
    [ "${version:-0}" -ge 17 ]
}

has_maven() { command -v mvn >/dev/null; }

has_strace() {
    # The power-cut tests trace Linux system calls.
    [ "$(uname -s)" != Linux ] || command -v strace >/dev/null
}

has_prometheus() { command -v prometheus >/dev/null && command -v promtool >/dev/null; }

has_chromium() {
    # The console is tested in a real browser.
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" >/dev/null && return
    done
    return 1
}

probe() {
    path=$(sh scripts/python.sh) && "$path" -c "$1" 2>/dev/null
}

lacking() {
    for need in $needs; do
        "has_$need" || echo "$need"
    done
}

# The packages of a need, by package manager.
packages() {
    case "$manager $1" in
        "apt-get python") apt_python ;;
        "apt-get libgomp") echo libgomp1 ;;
        "apt-get compiler") echo "g++ $(apt_headers)" ;;
        "apt-get java") apt_java ;;
        "apt-get redis") echo redis-server ;;
        "dnf python") echo python3 ;;
        "dnf prometheus") echo golang-github-prometheus ;;
        "dnf java") echo java-17-openjdk-headless ;;
        "brew python") echo python@3.12 ;;
        "brew java") echo openjdk@17 ;;
        "brew chromium") echo --cask chromium ;;
        *) echo "$1" ;;
    esac
}

apt_python() {
    # Where the distribution's python3 is too old, the universe of Ubuntu 22.04 has a 3.11 beside it.
    case "$(python3 -c 'import sys; print(sys.version_info[1])' 2>/dev/null)" in
        [0-9] | 10) echo python3.11 python3.11-venv ;;
        *) echo python3 python3-venv ;;
    esac
}

apt_headers() {
    # Of the Python that apt knows; another one, found first, brings its own.
    case "$(apt_python)" in
        *3.11*) echo python3.11-dev ;;
        *) echo python3-dev ;;
    esac
}

apt_java() {
    # Not `apt-cache show`: that succeeds for a name without a package, too.
    if apt-cache policy openjdk-17-jre-headless 2>/dev/null | grep -q 'Candidate: [0-9]'; then
        echo openjdk-17-jre-headless
    else
        echo default-jre-headless
    fi
}

manager_here() {
    for name in apt-get dnf brew; do
        command -v "$name" >/dev/null && echo "$name" && return
    done
    echo "your package manager"
}

wanted() {
    for need in $missing; do
        packages "$need"
    done | tr '\n' ' ' | sed 's/ $//'
}

install_line() {
    case "$manager" in
        apt-get) echo "sudo apt-get update && sudo apt-get install -y --no-install-recommends $(wanted)" ;;
        dnf) echo "sudo dnf install -y $(wanted)" ;;
        brew) echo "brew install $(wanted)" ;;
        *) echo "install with $manager: $(wanted) (Python 3.11 or newer, Java 17 or newer)" ;;
    esac
}

install_missing() {
    echo "Installing what is missing here: $(wanted)"
    # Run level 1, so that no server that is installed starts by itself.
    # shellcheck disable=SC2046
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 $(wanted) </dev/null >/dev/null || true # judged by what is there then
    missing=$(lacking)
}

purpose=${1:-demo}
case "$purpose" in
    demo) needs="python libgomp redis" ;;
    tests) needs="python libgomp redis java maven strace prometheus chromium" ;;
    *) echo "usage: scripts/prepare.sh [demo|tests]" >&2 && exit 2 ;;
esac
manager=$(manager_here)

missing=$(lacking)
may_install() { [ "$manager" = apt-get ] && [ "$(id -u)" = 0 ]; }

# A compiler is optional: without one `implicit` fits in place of our own kernel.
if may_install && { [ -n "$missing" ] || ! has_compiler; }; then
    apt-get update -qq || true # old lists may do
    if ! has_python; then # first, for what else is missing depends on which one it is
        missing=python
        install_missing
    fi
    has_compiler || missing="$missing compiler"
    [ -z "$missing" ] || install_missing
fi
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    echo "This machine lacks: $(echo $missing). Install it, then run make again:" >&2
    echo "  $(install_line)" >&2
    exit 1
fi
