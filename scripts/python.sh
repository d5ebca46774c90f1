#!/bin/sh
# Print the path of a Python 3.11 or newer that can make virtual environments; exit 1 where none is.
# PYTHON=/path/to/python is tried first.
set -u

usable='import sys
if sys.version_info < (3, 11): sys.exit(1)
import ensurepip, venv
print(sys.executable)'

for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    # Run it: a version manager's shim is on the PATH even where no such Python is behind it.
    if path=$("$name" -c "$usable" 2>/dev/null); then
        echo "$path"
        exit 0
    fi
done
exit 1
