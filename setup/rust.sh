# To be sourced. find_rust sets CARGO and RUSTC to a toolchain that can build bridge/, or returns 1.
#
# Looked for in this order: `cargo` on the PATH (a user's own, or Debian's cargo-web, which installs under that name), then
# Ubuntu's cargo-1.89. Debian's plain cargo (12: 1.63, 13: 1.85) and Ubuntu's (1.75) are too old.
rust_needed=1.87

at_least() {  # VERSION MINIMUM
  [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]
}

find_rust() {
  local cargo rustc version
  for cargo in cargo cargo-1.89; do
    rustc=${cargo/cargo/rustc}
    command -v "$cargo" >/dev/null && command -v "$rustc" >/dev/null || continue
    version=$("$cargo" --version 2>/dev/null | cut -d' ' -f2) || continue
    if [[ -n $version ]] && at_least "$version" "$rust_needed"; then
      CARGO=$cargo RUSTC=$rustc
      export RUSTC
      return 0
    fi
  done
  return 1
}
