#!/bin/sh
# Install pyspark from lock/spark.txt into .venv (456 MB, published as source only) and, by Maven, Delta's two jars beside
# pyspark's own, where the engine looks for them.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

rm -f .venv/.spark
echo "Installing pyspark into .venv ..."
"$python" -m pip --quiet --disable-pip-version-check --no-input install --require-hashes \
    --only-binary :all: --no-binary pyspark --requirement lock/spark.txt
folder=$("$python" -c 'from trainer.spark import ready as s; print(s.own_jars())')
"$python" -c 'from trainer.spark import ready as s
for name, version in s.JARS.items(): print(f"io.delta:{name}:{version}")' | while read -r jar; do
    mvn -q -B dependency:copy "-Dartifact=$jar" "-DoutputDirectory=$folder" </dev/null
done
echo "$PWD" >.venv/.spark
