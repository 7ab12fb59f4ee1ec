#!/bin/sh
# Environments apart from .venv/, for programs whose requirements do not agree with ours:
#   p4rt-shell   p4runtime-shell pins an old protobuf; `make shell` and its tests use it
#   genie        Cisco's parsers of show output, which our output is checked with (an optional test)
# Usage: make_extra_venv.sh NAME ...   each becomes .venv-NAME/
set -eu
for name in "$@"; do
  case "$name" in
    p4rt-shell) packages="p4runtime-shell==0.0.6" ;;
    genie) packages="genie==26.9 genie.libs.parser==26.9 pyats==26.9" ;;
    *) echo "make_extra_venv.sh: no environment named $name" >&2; exit 2 ;;
  esac
  venv=.venv-$name
  stamp="$venv/.made-for"
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$packages" ] && continue
  echo "making $venv: $packages"
  "${PYTHON3:-python3}" -m venv "$venv"
  # shellcheck disable=SC2086
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $packages
  echo "$packages" >"$stamp"
done
