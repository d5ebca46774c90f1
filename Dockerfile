# One image for every gigstream process, chosen by the command: `consume`, `train`, `status`, ...
# Debian, not Alpine: confluent-kafka and implicit have no musl wheels.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
# For the ALS kernel; the final image has no compiler.
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/gigstream
ENV PATH=/opt/gigstream/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Packages first: they change less often than the code.
COPY lock/runtime.txt lock/
RUN pip install --require-hashes --only-binary :all: --requirement lock/runtime.txt
COPY pyproject.toml CMakeLists.txt README.md LICENSE ./
COPY native native
COPY consumer consumer
COPY trainer trainer
COPY serving serving
COPY operations operations
COPY web web
COPY gigstream gigstream
COPY examples/indistreet examples/indistreet
# Fail the build if the kernel does not load: without it the image would be slow for no visible reason.
RUN pip install --no-deps --no-build-isolation . \
    && cd / && python -c 'import consumer.ingest._decode, trainer.als._als' \
    && pip uninstall --yes cmake ninja nanobind scikit-build-core

FROM python:3.12-slim-bookworm
# implicit and the ALS kernel link the system's libgomp.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/gigstream gigstream \
    && install -d -o gigstream -g gigstream /var/lib/gigstream
COPY --from=build /opt/gigstream /opt/gigstream
ENV PATH=/opt/gigstream/bin:$PATH PYTHONUNBUFFERED=1 GIGSTREAM_HOME=/var/lib/gigstream
USER gigstream
WORKDIR /var/lib/gigstream
ENTRYPOINT ["gigstream"]
CMD ["--help"]
