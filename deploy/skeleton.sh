#!/bin/sh
# Copies the workspace SOURCE to TARGET with nothing in its programs: manifests, and an empty file where cargo looks for one.
# What is built of it is the dependencies. Two sources with equal manifests and programs give the same files.
set -eu

source=$1 target=$2
mkdir -p "$target"
cd "$source"

find . \( -name target -o -name .git \) -prune -o \
    \( -name Cargo.toml -o -path ./Cargo.lock -o -path './.cargo/*' \) -type f -print |
    while read -r path; do
        mkdir -p "$target/$(dirname "$path")"
        cp "$path" "$target/$path"
    done

# The names by which cargo finds libraries, programs and tests, in this workspace's layout.
find . \( -name target -o -name .git \) -prune -o \
    \( -path '*/src/lib.rs' -o -path '*/src/main.rs' -o -path '*/src/bin/*.rs' -o -path '*/tests/*/main.rs' -o -name build.rs \) \
    -type f -print |
    while read -r path; do
        mkdir -p "$target/$(dirname "$path")"
        case $path in
        */src/lib.rs) echo '//! Nothing yet.' ;;
        *) printf '//! Nothing yet.\n\nfn main() {}\n' ;;
        esac >"$target/$path"
    done
