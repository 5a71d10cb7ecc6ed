# gluonblocks for x86-64 and ARM CPUs (Apple Silicon, Graviton, Raspberry Pi 5):
#   docker build -t gluonblocks .
#   docker run --rm -v "$PWD/runs:/work/runs" gluonblocks train --model lenet_bn --out runs/lenet
FROM debian:bookworm-slim
# g++ compiles the C++ operators; MXNet for ARM needs OpenBLAS and LAPACKE (docs/arm.md).
RUN apt-get update && apt-get install -y --no-install-recommends \
    python3-venv g++ libopenblas0 liblapacke
RUN python3 -m venv --clear /venv
WORKDIR /gluonblocks
COPY pyproject.toml PACKAGE.md ./
COPY gluonblocks gluonblocks
# Without numpy<2, which MXNet's metadata requires, pip tries older versions of MXNet first.
RUN /venv/bin/pip install --no-cache-dir '.[mxnet,train,export]' 'numpy<2'
WORKDIR /work
ENTRYPOINT ["/venv/bin/gluonblocks"]
