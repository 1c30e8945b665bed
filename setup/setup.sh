#!/usr/bin/env bash
# Makes this machine able to build: Debian or Ubuntu packages, the pinned parts of parts.toml, the crates of bridge/Cargo.lock.
# Each step looks first and does nothing where everything is there, so a second run touches no network. Interrupted runs are
# simply repeated. See setup/README.md.
#
#   setup.sh [lint]     with `lint`: also the packages of packages-lint.txt
set -euo pipefail

here=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=setup/rust.sh
source "$here/rust.sh"

say() { echo "setup: $*"; }
fail() {  # WHAT [NEXT]...
  echo "setup: error: $1" >&2
  shift
  printf '  %s\n' "$@" >&2
  exit 1
}
list() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"; }

[[ $(uname -sm) == 'Linux x86_64' ]] ||
  fail "this is $(uname -sm); the pinned libraries are for Linux x86_64" 'next: build on such a machine, or in a virtual one'

# --- packages ---------------------------------------------------------------------------------------------

missing_packages() {
  local package status
  for package in $(list "$@"); do
    status=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null || true)
    [[ $status == *installed* && $status != *not-installed* ]] || echo "$package"
  done
}

as_root() {
  if ((EUID == 0)); then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else  # sudo drops the environment, and with it the proxy
    sudo env DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
      ${no_proxy:+no_proxy="$no_proxy"} "$@"
  fi
}

# Reads what apt-get prints, keeps it in the log, and tells every ten seconds how far it is.
tell_progress() {  # LOG
  local line code total='?' fetched=0 unpacked=0 installed=0 last=$SECONDS
  while true; do
    code=0
    IFS= read -r -t 10 line || code=$?
    ((code == 0 || code > 128)) || break  # above 128: nothing for ten seconds
    if ((code == 0)); then
      printf '%s\n' "$line" >>"$1"
      case $line in
        *' newly installed, '*) total=$(grep -oE '[0-9]+ newly' <<<"$line" | cut -d' ' -f1) ;;
        Get:*) fetched=$((fetched + 1)) ;;
        Unpacking*) unpacked=$((unpacked + 1)) ;;
        'Setting up '*) installed=$((installed + 1)) ;;
      esac
    fi
    if ((SECONDS - last >= 10)); then
      if ((unpacked + installed == 0)); then
        say "packages: $fetched fetched"
      else
        say "packages: $unpacked unpacked, $installed set up, of $total"
      fi
      last=$SECONDS
    fi
  done
}

apt() {  # LOG ARGUMENT...
  local log=$1
  shift
  # --no-remove: never take something off the user's machine to make room for a package of ours.
  as_root apt-get -q -o DPkg::Lock::Timeout=600 "$@" 2>&1 | tell_progress "$log"
}

install_packages() {
  local packages=("$@") log
  command -v apt-get >/dev/null ||
    fail "these packages are missing and there is no apt-get to install them: ${packages[*]}" \
         'next: install their counterparts of your distribution, then run the same command with BALLOT_OWN_PACKAGES=1'
  ((EUID == 0)) || command -v sudo >/dev/null ||
    fail "these packages are missing, and installing them needs root or sudo: ${packages[*]}" \
         "next: as root, apt-get install --no-install-recommends ${packages[*]}" '      then run the same command again'
  log=$(mktemp "${TMPDIR:-/tmp}/ballot-setup-XXXXXX.log")
  say "installing ${#packages[@]} packages with what they need (a minute or three; full output: $log)"
  say "packages: ${packages[*]}"
  if [[ -n $(dpkg --audit) ]]; then
    say 'packages: first finishing an installation that was interrupted'
    as_root dpkg --configure -a >>"$log" 2>&1 || true
  fi
  apt "$log" update || say "packages: apt-get update complained (see $log); trying with the lists at hand"
  if ! apt "$log" install --yes --no-install-recommends --no-remove "${packages[@]}"; then
    tail -n 15 "$log" >&2
    fail "apt-get could not install: ${packages[*]}" \
         'next: the lines above say why. A network, proxy (http_proxy, or Acquire::http::Proxy) or mirror at fault: mend it and run the' \
         '      same command again. Packages in conflict with yours: install those you can yourself and run it again.'
  fi
  rm -f "$log"
}

rust_packages() {
  local version
  for version in -web -1.89; do
    if apt-cache show "cargo$version" >/dev/null 2>&1; then
      echo "cargo$version rustc$version"
      return
    fi
  done
}

packages() {
  local missing=() log
  mapfile -t missing < <(missing_packages "$@")
  if ! find_rust && command -v apt-cache >/dev/null; then
    if [[ -z $(rust_packages) ]]; then  # a fresh machine has no package lists yet
      log=$(mktemp "${TMPDIR:-/tmp}/ballot-setup-XXXXXX.log")
      say 'reading the package lists'
      apt "$log" update || true
      rm -f "$log"
    fi
    # shellcheck disable=SC2046
    missing+=($(rust_packages))
  fi
  ((${#missing[@]} == 0)) || install_packages "${missing[@]}"
  hash -r
  find_rust || need_rust
}

need_rust() {
  fail "no Rust toolchain of version $rust_needed or later: $(cargo --version 2>/dev/null || echo 'no cargo on the PATH')" \
       'next: install cargo-web and rustc-web (Debian, with its security updates), cargo-1.89 and rustc-1.89 (Ubuntu), or any newer' \
       '      toolchain on the PATH, and run the same command again'
}

lists=("$here/packages.txt")
[[ ${1:-} != lint ]] || lists+=("$here/packages-lint.txt")
if [[ -n ${BALLOT_OWN_PACKAGES:-} ]]; then
  find_rust || need_rust
else
  command -v dpkg-query >/dev/null ||
    fail 'this is neither Debian nor Ubuntu, whose packages this set-up knows' \
         "next: install the counterparts of $(list "${lists[@]}" | tr '\n' ' ')" \
         "      and Rust $rust_needed or later, then run the same command with BALLOT_OWN_PACKAGES=1"
  packages "${lists[@]}"
fi

# --- parts ------------------------------------------------------------------------------------------------

python=''
for candidate in /usr/bin/python3 python3; do
  if "$candidate" -c 'import sys, tomllib, pip' >/dev/null 2>&1; then python=$candidate; break; fi
done
[[ -n $python ]] || fail 'no Python of version 3.11 or later with pip, which fetches the pinned parts' \
                         'next: install python3 and python3-pip, and run the same command again'
"$python" "$here/fetch_parts.py" "$("$here/deps_folder.sh")"

# --- crates -----------------------------------------------------------------------------------------------

"$here/../bridge/build.sh" --fetch
