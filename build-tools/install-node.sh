#!/bin/sh
# Makes sure that there is a Node.js of at least 20.18 with npm: what is installed, else the distribution's where that is new enough.
set -eu

new_enough() {
  version=${1#v}
  version=${version%%[!0-9.]*}
  major=${version%%.*}
  rest=${version#*.}
  [ "$major" -gt 20 ] || { [ "$major" -eq 20 ] && [ "${rest%%.*}" -ge 18 ]; }
}

if command -v node >/dev/null && new_enough "$(node --version)"; then
  command -v npm >/dev/null && exit 0
  exec "$(dirname "$0")/install-packages.sh" npm
fi

apt-get update -q=2 2>/dev/null || true
candidate=$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^  Candidate: //p')
case $candidate in
  [0-9]*) ;;
  *) candidate=0.0 ;;
esac
if new_enough "$candidate"; then exec "$(dirname "$0")/install-packages.sh" nodejs npm libnode-dev; fi
echo "podrun: needs Node.js 20.18 or later; this distribution has $candidate: install one from https://nodejs.org and try again" >&2
exit 1
