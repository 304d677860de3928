# One container serves a whole class:
#   docker build -t optimscope .
#   docker run -p 8000:8000 -v optimscope:/data -e OPTIMSCOPE_TOKEN=… optimscope
# With an NVIDIA GPU: docker build --build-arg TORCH_INDEX= -t optimscope . && docker run --gpus all …

FROM python:3.11-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
# Where to look for torch besides PyPI: builds for the CPU alone by default, which are a tenth of the size.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PYTHONUNBUFFERED=1
# hadolint ignore=DL3013  # pyproject.toml bounds the versions
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --root-user-action=ignore ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} /wheels/*.whl \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin optimscope \
    && install --directory --owner=10001 --group=10001 /data
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ.get('OPTIMSCOPE_PORT', 8000)}/healthz\", timeout=4)"]
# Without OPTIMSCOPE_TOKEN a token is made up; the log shows the link that holds it.
CMD ["optimscope", "serve", "--host", "0.0.0.0", "--data-dir", "/data"]
