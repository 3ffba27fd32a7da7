#!/usr/bin/env bash
# Unpacks packages of Debian into a folder, without installing them: `scripts/fetch-debian.sh FOLDER PACKAGE...`.
# Their programs are below FOLDER/usr/bin. Needs apt-get and dpkg; dependencies are not fetched. Debian's Alertmanager
# reads its templates below /usr/share, so root puts them there.
set -euo pipefail
folder=$(realpath -m "$1"); shift
command -v apt-get >/dev/null && command -v dpkg >/dev/null || { echo 'this is no Debian'; exit 1; }
mkdir -p "$folder"
packages=$(mktemp -d)
trap 'rm -rf "$packages"' EXIT
cd "$packages"
apt-get download -qq "$@" >/dev/null 2>&1 || { apt-get update -qq && apt-get download -qq "$@" >/dev/null 2>&1; }
for package in *.deb; do dpkg -x "$package" "$folder"; done
if [ "$(id -u)" = 0 ] && [ -d "$folder/usr/share/prometheus" ]; then
  mkdir -p /usr/share/prometheus && cp -rn "$folder/usr/share/prometheus/." /usr/share/prometheus
fi
