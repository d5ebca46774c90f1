#!/bin/sh
# Bring pyspark by lock/spark.txt into .venv (456 MB to download, as it comes as source alone), and Delta's two jars for
# it by Maven beside pyspark's own, where the engine looks for them.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

rm -f .venv/.spark
echo "Installing pyspark into .venv ..."
"$python" -m pip --quiet --disable-pip-version-check --no-input install --require-hashes \
    --only-binary :all: --no-binary pyspark --requirement lock/spark.txt
folder=$("$python" -c 'from trainer.engines import spark_ready as s; print(s.own_jars())')
"$python" -c 'from trainer.engines import spark_ready as s
for name, version in s.JARS.items(): print(f"io.delta:{name}:{version}")' | while read -r jar; do
    mvn -q -B dependency:copy "-Dartifact=$jar" "-DoutputDirectory=$folder" </dev/null
done
echo "$PWD" >.venv/.spark
