# The gateway and the simulated connectors, from the locks: exact versions with hashes.
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
RUN python -m venv /opt/gateway
COPY requirements/runtime.txt requirements/runtime.txt
RUN /opt/gateway/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY protocols protocols
COPY gateway gateway
COPY firmware_sim firmware_sim
RUN /opt/gateway/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
# Volumes that several containers share get their owner from the folders made here.
RUN groupadd --system --gid 10001 gateway \
    && useradd --system --uid 10001 --gid gateway --home-dir /var/lib/gateway --create-home gateway \
    && install -d -o gateway -g gateway -m 0700 /var/lib/gateway/images \
       /var/lib/gateway/descriptions /var/lib/gateway-files
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    GATEWAY_DATA_DIRECTORY=/var/lib/gateway \
    GATEWAY_HTTP_HOST=0.0.0.0 \
    GATEWAY_LINK_HOST=0.0.0.0 \
    GATEWAY_LOG_FORMAT=json \
    HEALTH_URL=http://127.0.0.1:8080/healthz
USER 10001:10001
WORKDIR /var/lib/gateway
VOLUME /var/lib/gateway
# HTTP and the port connectors dial in to; the latter takes a certificate, or
# GATEWAY_LINK_TLS_ELSEWHERE=true behind a balancer that ends TLS.
EXPOSE 8080 8443
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.environ['HEALTH_URL'], timeout=3)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["gateway"]
CMD ["serve"]
