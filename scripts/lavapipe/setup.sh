#!/usr/bin/env bash
# Prepares a second software WebGPU adapter for the tests: Chromium with Mesa's lavapipe in SwiftShader's place (see
# shim.c). It has shader-f16, subgroups of 8 and 128 MiB storage bindings, and is several times faster.
# Needs root on Debian with `apt-get`. Writes .cache/lavapipe/env.json, which scripts/browsers.mjs reads.
# Ends with status 3, and a line that says why, where it cannot be set up.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../../.cache/lavapipe
chromium=/usr/lib/chromium
export DEBIAN_FRONTEND=noninteractive

cannot() {
  echo "lavapipe: $1" >&2
  exit 3
}

find_driver() { # newest Mesa calls it libvulkan_lvp.so in the library path of the machine's architecture
  find /usr/lib -name libvulkan_lvp.so -print -quit 2>/dev/null
}

[[ $(uname -s) == Linux ]] || cannot "needs Linux"
[[ -r /etc/os-release ]] && . /etc/os-release
[[ ${ID:-} == debian ]] || cannot "needs Debian, this is ${PRETTY_NAME:-unknown}"

install_packages() {
  [[ $(id -u) == 0 ]] || cannot "needs root to install Chromium, a C compiler and Mesa"
  apt-get update -qq || cannot "apt-get update failed"
  apt-get install -y -qq --no-install-recommends chromium gcc libc6-dev >/dev/null || cannot "apt-get install failed"
  local mesa=(mesa-vulkan-drivers)
  if [[ ${VERSION_CODENAME:-} == bookworm ]]; then # its own Mesa has no shader-f16
    local targets mirror
    targets=$(apt-get indextargets --format '$(ORIGIN)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages')
    if [[ $targets != *"|bookworm-backports|"* ]]; then
      mirror=$(awk -F'|' '$1 == "Debian" && $2 == "bookworm" { print $3; exit }' <<<"$targets")
      [[ -n $mirror ]] || cannot "found no Debian mirror in apt's sources"
      printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: %s\n' \
        "$mirror" /usr/share/keyrings/debian-archive-keyring.gpg >/etc/apt/sources.list.d/bookworm-backports.sources
      apt-get update -qq || cannot "bookworm-backports cannot be reached"
    fi
    mesa=(-t bookworm-backports mesa-vulkan-drivers)
  fi
  apt-get install -y -qq --no-install-recommends "${mesa[@]}" >/dev/null || cannot "Mesa could not be installed"
}

# Bookworm's own Mesa is version 22; anything from 24 on will do.
mesa_version=$(dpkg-query -W -f '${Version}' mesa-vulkan-drivers 2>/dev/null || true)
if [[ -z $(find_driver) || ! -x $chromium/chromium || ${mesa_version%%.*} -lt 24 ]] || ! command -v cc >/dev/null; then
  install_packages
fi
driver=$(find_driver)
manifest=$(find /usr/share/vulkan/icd.d -name 'lvp_icd*.json' -print -quit)
[[ -n $driver && -n $manifest && -x $chromium/chromium ]] || cannot "Debian's Chromium or Mesa's driver is not where it is expected"

version=$(dpkg-query -W -f '${Package} ${Version};' chromium mesa-vulkan-drivers)
if [[ -x $cache/chromium/chromium && -f $cache/env.json && $here/shim.c -ot $cache/env.json ]] &&
  grep -qF "\"$version\"" "$cache/env.json"; then
  echo "lavapipe: ready ($version)"
  exit 0
fi

rm -rf "$cache"
mkdir -p "$cache/chromium"
cache=$(cd "$cache" && pwd)
for file in "$chromium"/*; do
  case ${file##*/} in
    chromium | libvk_swiftshader.so) ;;
    *) ln -s "$file" "$cache/chromium/" ;;
  esac
done
# Chromium looks for its libraries beside its real file, so a symbolic link will not do.
ln "$chromium/chromium" "$cache/chromium/chromium" 2>/dev/null || cp "$chromium/chromium" "$cache/chromium/chromium"
cc -O1 -Wall -shared -fPIC -DDRIVER="\"$driver\"" -o "$cache/chromium/libvk_swiftshader.so" "$here/shim.c" -ldl

# WebGPU opens the library above; the rest of the GPU process finds its driver by this variable.
printf '{ "chrome": "%s", "env": { "VK_DRIVER_FILES": "%s" }, "version": "%s" }\n' \
  "$cache/chromium/chromium" "$manifest" "$version" >"$cache/env.json"
echo "lavapipe: ready ($version)"
