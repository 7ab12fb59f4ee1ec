#!/bin/sh
# p4runtime-shell pins an old protobuf, so it lives in an environment of its own, .venv-p4rt-shell/.
# Usage: p4runtime_shell.sh HOST:PORT DEVICE [its other arguments]
set -eu
venv=.venv-p4rt-shell
target=$1; device=$2; shift 2
if [ ! -x "$venv/bin/p4runtime-sh" ]; then
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check p4runtime-shell
fi
exec "$venv/bin/p4runtime-sh" --grpc-addr "$target" --device-id "$device" --election-id 0,1 "$@"
