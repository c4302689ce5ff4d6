# Two images from one file:
#   docker build --target serve .    the service (the default)
#   docker build --target train .    the training command line
# With --build-arg REQUIREMENTS=otel the service has what exports traces too.
# Both run as uid 10001 with a read-only root. The service writes to /tmp only, training also to
# models/, runs/ and its cache.

FROM python:3.11-slim-bookworm AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
RUN groupadd --gid 10001 rowscan \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin rowscan
WORKDIR /srv/rowscan

# Dependencies before code, so that a change of code leaves these layers alone. The pip of the base
# image installs into the environment and stays behind. So does what a running program never reads:
# TensorFlow's C++ headers (290 MB), libclang (60 MB, for building TensorFlow), tests, type stubs.
# Bytecode is compiled here because nothing can be written later.
FROM base AS serve-dependencies
ARG REQUIREMENTS=serve
COPY requirements/${REQUIREMENTS}.txt requirements/
RUN python -m venv --without-pip /opt/venv \
    && pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
        --require-hashes --requirement requirements/${REQUIREMENTS}.txt \
    && cd /opt/venv/lib/python3.11/site-packages \
    && rm -rf tensorflow/include clang \
    && find . -type d -name tests -prune -exec rm -rf {} + \
    && find . -type f -name '*.pyi' -delete \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash .

FROM base AS train-dependencies
COPY --from=serve-dependencies /opt/venv /opt/venv
COPY requirements/train.txt requirements/
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
        --require-hashes --requirement requirements/train.txt \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib/python3.11/site-packages

FROM base AS train
LABEL org.opencontainers.image.title="rowscan-train" \
      org.opencontainers.image.description="Trains the network of rowscan and publishes it" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=train-dependencies /opt/venv /opt/venv
RUN install -d -o rowscan -g rowscan runs /var/cache/rowscan
COPY LICENSE ./
COPY app app
COPY rowscan rowscan
COPY training training
COPY --chown=10001:10001 models models
ENV XDG_CACHE_HOME=/var/cache/rowscan \
    MPLCONFIGDIR=/var/cache/rowscan/matplotlib
USER 10001:10001
ENTRYPOINT ["python", "-m", "training"]
CMD ["train"]

FROM base AS serve
LABEL org.opencontainers.image.title="rowscan" \
      org.opencontainers.image.description="Reads handwritten digits over HTTP" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=serve-dependencies /opt/venv /opt/venv
COPY LICENSE ./
COPY app app
COPY rowscan rowscan
RUN python -m compileall -q --invalidation-mode unchecked-hash app rowscan
# Owned by the user so that a volume filled from here can be written by training, whichever image
# fills it first. The service itself mounts it read-only.
COPY --chown=10001:10001 models models
ENV ROWSCAN_HOST=0.0.0.0 \
    ROWSCAN_PORT=8000
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-m", "rowscan", "health"]
CMD ["python", "-m", "app"]
