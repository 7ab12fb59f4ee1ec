#!/bin/sh
# Debian packages that a step uses: installed where the user may (root, or sudo without a password), else named.
# Usage: debian_packages.sh setup|test|console ...   Nothing here is fatal: a test whose tool is absent is skipped and says so.
set -u

packages_of() {
  case "$1" in
    setup) echo "python3:python3 python3-venv:python3-venv" ;;
    test) echo "tshark:tshark charon:strongswan-charon swanctl:strongswan-swanctl ip:iproute2 ike-scan:ike-scan vpnc:vpnc linux.uml:user-mode-linux g++:g++ ccache:ccache make:make perl:perl libpython:libpython3-dev lz4:liblz4-dev" ;;
    *) echo "debian_packages.sh: no step named $1" >&2; exit 2 ;;
  esac
}

present() { # a program on PATH or where Debian keeps those that are not
  case "$1" in
    charon) [ -x /usr/lib/ipsec/charon ] ;;
    python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    libpython) # the shared library, which cocotb loads into the simulator
      python3 -c 'import os, sys, sysconfig as s
sys.exit(not os.path.exists(os.path.join(*s.get_config_vars("LIBDIR", "INSTSONAME"))))' 2>/dev/null ;;
    lz4) [ -e /usr/include/lz4.h ] ;; # waveforms in FST
    *) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;;
  esac
}

for step in "$@"; do
  missing=""
  for pair in $(packages_of "$step"); do
    present "${pair%%:*}" || missing="$missing ${pair#*:}"
  done
  [ "$step" = test ] && case "$missing" in
    *strongswan*) missing="$missing libcharon-extra-plugins libstrongswan-extra-plugins libstrongswan-standard-plugins" ;;
  esac
  [ -z "$missing" ] && continue
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "note: '$step' uses programs of these Debian packages, which are not installed:$missing" >&2
    continue
  fi
  as_root=""
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
      as_root="sudo"
    else
      echo "note: '$step' uses these Debian packages; install them with: apt-get install$missing" >&2
      continue
    fi
  fi
  echo "installing Debian packages for '$step':$missing"
  $as_root apt-get update -qq >/dev/null 2>&1
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    echo "note: could not install:$missing" >&2
done
exit 0
