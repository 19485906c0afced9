# The server, its engine and the command line, on Debian 13.
#
#   docker build -t octavo:0.1.0 .
#   docker run --rm -p 127.0.0.1:8470:8470 -v octavo-data:/var/lib/octavo --read-only --tmpfs /tmp octavo:0.1.0
#
# For a build that can be repeated, pin the base by its digest: --build-arg BASE_DIGEST=sha256:...
ARG BASE=debian:13.1-slim
ARG BASE_DIGEST=

FROM ${BASE}${BASE_DIGEST:+@${BASE_DIGEST}} AS build
ENV DEBIAN_FRONTEND=noninteractive
WORKDIR /src
COPY scripts/packages.txt scripts/requirements.txt scripts/
# All but the tests' programs; the tests' libraries are asked for when the build is configured.
RUN awk '/^# tests/ {tests = 1} !/^#/ && (!tests || /-dev$/)' scripts/packages.txt > /tmp/packages \
 && apt-get update \
 && xargs -a /tmp/packages apt-get install -y --no-install-recommends python3 python3-venv ca-certificates \
 && rm -rf /var/lib/apt/lists/*
# google/rpc/*.proto, as scripts/setup gets them.
RUN python3 -m venv /tmp/venv \
 && grep '^googleapis-common-protos==' scripts/requirements.txt > /tmp/requirements \
 && /tmp/venv/bin/pip install --no-cache-dir --disable-pip-version-check -r /tmp/requirements \
 && mkdir -p build/googleapis/google \
 && cp -r /tmp/venv/lib/python3*/site-packages/google/rpc build/googleapis/google/
COPY . .
RUN cmake --preset release \
 && cmake --build --preset release --target octavod octavo-engine octavo \
 && install -D -s -t /out/bin build/release/bin/octavod build/release/bin/octavo-engine build/release/bin/octavo
# What the programs are linked with, by the names of its packages. A library that is missing or of no package ends this.
RUN ldd /out/bin/* > /tmp/ldd \
 && ! grep 'not found' /tmp/ldd \
 && awk '$3 ~ /^\// {print $3}' /tmp/ldd | sort -u | xargs -n 1 readlink -f | sort -u > /tmp/libraries \
 && xargs -a /tmp/libraries dpkg-query -S > /tmp/owners \
 && grep -v '^diversion by' /tmp/owners | cut -d : -f 1 | sort -u > /out/packages \
 && grep -q '^libgrpc++' /out/packages

FROM ${BASE}${BASE_DIGEST:+@${BASE_DIGEST}}
COPY --from=build /out/packages /tmp/packages
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive xargs -a /tmp/packages apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/* /tmp/packages \
 && groupadd --gid 10001 octavo \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/octavo --shell /usr/sbin/nologin octavo \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/octavo
COPY --from=build /out/bin/ /usr/bin/
COPY LICENSE /usr/share/doc/octavo/copyright
USER 10001:10001
# Everything that is kept. Nothing else is written, but for /tmp.
VOLUME /var/lib/octavo
EXPOSE 8470 9464
# Kubernetes and compose probe by gRPC from outside.
HEALTHCHECK NONE
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/octavod", "--data", "/var/lib/octavo"]
# A container's network is its own: who is let in is said where its port is published.
CMD ["--listen", "0.0.0.0:8470", "--insecure", "--metrics-listen", "0.0.0.0:9464"]
