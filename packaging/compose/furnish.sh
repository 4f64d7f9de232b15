#!/bin/sh
# What has to be there before the first start of compose.yaml; run again, it changes nothing.
#   PLACE  folder for certificate and roster
#   OWNER  who the gateway runs as, uid:gid
set -eu

if [ ! -e "$PLACE/certificate.pem" ]; then
  python "$(dirname "$0")/certificate.py" "$PLACE" balancer localhost
fi
gateway db upgrade
if [ ! -e "$PLACE/roster.json" ]; then
  gateway provider add "Simulated service"
  gateway tenant add "Simulated garage" --provider 1
  gateway connector add --tenant 1 --count "${CONNECTORS:-50}" \
    --roster "$PLACE/roster.json" --gateway wss://balancer:8443/link/v1
fi
chown -R "$OWNER" "$PLACE"
