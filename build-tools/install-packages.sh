#!/bin/sh
# Installs those of the named Debian packages that are missing. None of the services that come with them is started,
# now or at the next boot.
# Usage: install-packages.sh PACKAGE...
set -eu

# Whatever kernel with 9p is there already will do for the test machine.
has_kernel() {
  for module in /lib/modules/*/kernel/fs/9p; do
    version=${module#/lib/modules/}
    [ -e "$module" ] && [ -e "/boot/vmlinuz-${version%%/*}" ] && return 0
  done
  return 1
}

installed() {
  case $1 in linux-image-*) has_kernel && return 0 ;; esac
  dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'
}

missing=
for package; do
  installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "podrun: needs the equivalents of these Debian packages:$missing" >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "podrun: only root can install$missing" >&2
  exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q=2
# shellcheck disable=SC2086  # words are wanted
apt-get install -y -q=2 --no-install-recommends $missing >/dev/null

case $missing in
  *docker-registry*)
    if [ -d /run/systemd/system ]; then systemctl disable --quiet docker-registry; else update-rc.d docker-registry disable >/dev/null; fi
    ;;
esac
