#!/bin/sh
# p4runtime-shell on a running switch. Usage: p4runtime_shell.sh HOST:PORT DEVICE [its other arguments]
set -eu
here=$(dirname "$0")
target=$1; device=$2; shift 2
sh "$here/make_extra_venv.sh" p4rt-shell
exec .venv-p4rt-shell/bin/python -m p4runtime_sh --grpc-addr "$target" --device-id "$device" --election-id 0,1 "$@"
