#!/usr/bin/env bash
# Builds the standard library of wasm32-wasip2 for the installed rustc from the distribution's sources, into a private copy
# of the toolchain: guest-toolchain.sh DIRECTORY. The installed toolchain and apt's own lists stay as they are.
#
# From the distribution come Rust's library sources (package rust-src, or rustup's component of that name) and the C
# library (package wasi-libc), of whichever suite of apt's own mirrors has them. What it does is said on standard error.
set -euo pipefail

target=wasm32-wasip2
out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
log=$out/build.log
: >"$log"

note() { echo "guest toolchain: $*" >&2; }
fail() { note "$*; see $log"; exit 1; }

release=$(rustc -vV | sed -n 's/^release: //p')
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
host=$(rustc -vV | sed -n 's/^host: //p')
sysroot=$(rustc --print sysroot)

scratch=$(mktemp -d "$out/scratch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# --- packages, from any suite of the mirrors that apt already trusts
mirrors() {
  python3 - 2>/dev/null <<'PY' || sed -nE 's/^deb +(\[[^]]*\] +)?([^ ]+) +[^ ]+ .*\bmain\b.*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | sort -u
import glob, re
found = set()
for name in glob.glob("/etc/apt/sources.list.d/*.sources"):
    for block in re.split(r"\n\s*\n", open(name).read()):
        fields = dict(re.findall(r"(?mi)^([\w-]+):[ \t]*(.+)$", block))
        fields = {key.lower(): value for key, value in fields.items()}
        if "main" in fields.get("components", "").split() and fields.get("enabled", "yes") != "no":
            key = fields.get("signed-by", "")
            option = f"[signed-by={key}] " if key.startswith("/") else ""
            found.update(option + uri for uri in fields.get("uris", "").split() if "security" not in uri)
print("\n".join(sorted(found)), end="\n" if found else "")
if not found:
    raise SystemExit(1)
PY
}

apt_of() { # SUITE COMMAND...: apt with lists and cache of its own
  local suite=$1 home=$scratch/apt-$1
  shift
  if [ ! -d "$home" ]; then
    mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
    touch "$home/status"
    mirrors | sed "s|^|deb |; s|\$| $suite main|" >"$home/sources.list"
  fi
  "$@" -o Dir::Etc::SourceList="$home/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State="$home" -o Dir::State::Lists="$home/lists" -o Dir::State::status="$home/status" \
    -o Dir::Cache="$home/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3
}

package() { # NAME VERSION-PATTERN DIRECTORY: unpacks the newest match of the first suite that has one
  local name=$1 pattern=$2 into=$3 suite version
  for suite in stable-backports testing unstable experimental stable; do
    [ -d "$scratch/apt-$suite" ] || apt_of $suite apt-get -qq update >>"$log" 2>&1 || continue
    version=$(apt_of $suite apt-cache madison "$name" 2>/dev/null | awk -F'|' '{gsub(/ /, "", $2); print $2}' | grep -E "$pattern" | sort -V | tail -1) || continue
    [ -n "$version" ] || continue
    note "$name $version, from $suite"
    mkdir -p "$into"
    (cd "$scratch" && apt_of $suite apt-get -qq download "$name=$version" >>"$log" 2>&1) || continue
    dpkg-deb --extract "$scratch/$name"_*.deb "$into" && return 0
  done
  return 1
}

# --- sources
library=$sysroot/lib/rustlib/src/rust/library
if [ -d "$library/std" ]; then
  cp -r "$library" "$scratch/library"
else
  command -v apt-get >/dev/null || fail "neither rustup nor apt can give Rust's library sources"
  minor=$(cut -d. -f1,2 <<<"$release" | sed 's/\./\\./')
  package rust-src "^(${release//./\\.}|$minor\.[0-9]+)[+~-]" "$scratch/rust-src" || fail "no suite has rust-src $release"
  mv "$scratch"/rust-src/usr/src/rustc-*/library "$scratch/library"
fi
package wasi-libc . "$scratch/wasi-libc" || fail "no suite has wasi-libc"
libc=$scratch/wasi-libc/usr/lib/$target
[ -f "$libc/libc.a" ] || fail "this wasi-libc has no $target"

# --- std, from its own workspace and lock file
note "building std (one or two minutes)"
(
  cd "$scratch/library/sysroot"
  env -u RUSTC_WRAPPER -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
    RUSTC="$sysroot/bin/rustc" RUSTC_BOOTSTRAP=1 __CARGO_DEFAULT_LIB_METADATA=rusm-guest \
    RUSTFLAGS="-Zforce-unstable-if-unmarked -Cembed-bitcode=yes --remap-path-prefix=$scratch/library=/rustc/$commit/library" \
    CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_TARGET_DIR="$scratch/std" \
    "$sysroot/bin/cargo" build --release --locked --target $target --features panic-unwind
) >>"$log" 2>&1 || fail "std did not build"

# --- a copy of the toolchain that has it
new=$out/toolchain.new
rm -rf "$new"
mkdir -p "$new"
for part in bin lib libexec; do
  [ -e "$sysroot/$part" ] || continue
  cp -al "$sysroot/$part" "$new/" 2>/dev/null || { rm -rf "${new:?}/$part"; cp -a "$sysroot/$part" "$new/"; }
done
guest=$new/lib/rustlib/$target/lib
rm -rf "$new/lib/rustlib/$target"
mkdir -p "$guest/self-contained"
cp "$scratch/std/$target"/release/deps/*.rlib "$guest/"
cp "$libc"/crt1-command.o "$libc"/crt1-reactor.o "$libc"/libc.a "$guest/self-contained/"
if [ ! -x "$new/lib/rustlib/$host/bin/wasm-component-ld" ]; then
  note "installing wasm-component-ld"
  "$sysroot/bin/cargo" install --quiet --locked --root "$scratch/ld" wasm-component-ld >>"$log" 2>&1 || fail "no wasm-component-ld"
  cp "$scratch/ld/bin/wasm-component-ld" "$new/lib/rustlib/$host/bin/"
fi

# --- it counts once a component has come out of it
echo 'fn main() { println!("{:?}", std::collections::HashMap::from([(1, 2)])); }' >"$scratch/proof.rs"
"$new/bin/rustc" --edition 2024 --target $target -o "$scratch/proof.wasm" "$scratch/proof.rs" >>"$log" 2>&1 || fail "the new std does not link"
[ "$(head -c 8 "$scratch/proof.wasm" | od -An -tx1 | tr -d ' \n')" = 0061736d0d000100 ] || fail "the linker made no component"
rm -rf "$out/toolchain"
mv "$new" "$out/toolchain"
note "ready: $out/toolchain"
