#!/bin/sh
# Make the Python environment in $1 exactly as requirements.lock says, with the project itself editable.
set -eu
venv=$1
here=$(dirname "$0")
sh "$here/debian_packages.sh" setup
python=${PYTHON3:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "ipsecplane needs Python 3.11 or newer; $("$python" --version) found (set PYTHON3=... to choose another)" >&2
  exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
