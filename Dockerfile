# One container serves a whole class; compose.yaml says how to run it.
#   docker build -t optimscope .                            for the CPU, on x86-64
#   docker build -t optimscope --build-arg TORCH=gpu .      for an NVIDIA GPU, or another processor
# What is installed is named in requirements/, by version and hash.

ARG TORCH=cpu
# Another base, or this one by its digest: --build-arg BASE=docker.io/library/python@sha256:…
ARG BASE=docker.io/library/python:3.11-slim

FROM ${BASE} AS build
ARG TORCH
# Where torch for the CPU alone lies, a tenth of the size of the one in PyPI, which is for the GPU.
ARG TORCH_WHEELS=https://download.pytorch.org/whl/cpu/torch/
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
COPY requirements requirements
# Nobody compiles extensions in here, for which torch has headers and names setuptools, nor tests libraries.
RUN python -m venv --without-pip /opt/optimscope \
    && pip --python /opt/optimscope/bin/python install --require-hashes --find-links "$TORCH_WHEELS" \
        --requirement "requirements/$TORCH.lock" \
    && pip --python /opt/optimscope/bin/python uninstall --yes setuptools \
    && find /opt/optimscope/lib -type d \( -name tests -o -path '*/torch/test' -o -path '*/torch/include' \) \
        -prune -exec rm -rf {} + \
    && python -m venv /tools \
    && /tools/bin/pip install --require-hashes --requirement requirements/build.lock
COPY . .
RUN /tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/optimscope/bin/python install --no-deps --no-index /wheels/*.whl \
    && /opt/optimscope/bin/python -P -m app.http.packing

# hadolint ignore=DL3006
FROM ${BASE}
COPY --from=build /opt/optimscope /opt/optimscope
# Nothing is installed in here any more: what installs things goes.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin optimscope \
    && install --directory --owner=10001 --group=10001 /data \
    && find / -xdev \( -path '*/python3*/pip' -o -path '*/python3*/pip-*' -o -path '*/python3*/ensurepip' \
        -o -path '*/python3*/setuptools' -o -path '*/python3*/setuptools-*' -o -path '*/python3*/pkg_resources' \
        -o -path '*/python3*/wheel' -o -path '*/python3*/wheel-*' -o -path '*/bin/pip*' -o -path '*/bin/wheel' \
        \) -prune -exec rm -rf {} +
ENV PATH=/opt/optimscope/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    OPTIMSCOPE_HOST=0.0.0.0 OPTIMSCOPE_DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('OPTIMSCOPE_PORT', 8000)}/readyz\", timeout=4)"]
# Without OPTIMSCOPE_TOKEN a token is made up and kept in /data; the link that holds it is printed.
CMD ["optimscope", "serve"]
