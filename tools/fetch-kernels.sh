#!/bin/sh
# Fetch real kernel sources, as Debian packages them, into a cache outside the repository.
#
#   tools/fetch-kernels.sh [VERSION ...]        default: 6.12 7.2
#
# For each VERSION the cache gets
#   linux-VERSION/       what mmuproof reads of the tree (arch/x86, include, virt/kvm, Makefile)
#   linux-source-VERSION.deb
# and the exact version found is printed.  The machine's own package configuration is neither used
# for the lists nor changed: only the mirror's address is taken from it.  Nothing needs root.
set -eu

cache=${MMUPROOF_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/mmuproof/kernels}
[ $# -gt 0 ] || set -- 6.12 7.2

die() { echo "fetch-kernels: $*" >&2; exit 1; }

for tool in apt-get dpkg-deb tar xz; do
    command -v "$tool" >/dev/null || die "this needs $tool (a Debian machine, or a container of one)"
done

# Suites that may carry linux-source-VERSION, the most settled first.
suites_for() {
    case $1 in
        6.1)  echo "bookworm" ;;
        6.12) echo "trixie bookworm-backports" ;;
        *)    echo "trixie-backports forky sid" ;;
    esac
}

# The machine's Debian mirror: the first configured repository that serves a Debian suite.
mirror=${MMUPROOF_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(CREATED_BY) $(REPO_URI)' 2>/dev/null |
    awk '$1 == "Packages" && $2 ~ /\/debian\/?$/ { print $2; exit }')}
[ -n "$mirror" ] || die "no Debian mirror in this machine's apt sources; set MMUPROOF_DEBIAN_MIRROR"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || die "missing $keyring (package debian-archive-keyring)"

mkdir -p "$cache"
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
private_apt() {
    suite=$1; shift
    mkdir -p "$work/$suite/lists/partial" "$work/$suite/cache/archives/partial"
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite" >"$work/$suite/sources.list"
    apt-get -q \
        -o Dir::Etc::SourceList="$work/$suite/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/$suite/lists" -o Dir::Cache="$work/$suite/cache" \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User=root \
        -o Debug::NoLocking=1 "$@"
}

download() {    # download VERSION: leaves one .deb in $work/deb, or fails
    rm -rf "$work/deb"; mkdir "$work/deb"
    for suite in $(suites_for "$1"); do
        [ -d "$work/$suite" ] || private_apt "$suite" update >"$work/$suite.log" 2>&1 ||
            { echo "fetch-kernels: suite $suite cannot be read" >&2; continue; }
        if (cd "$work/deb" && private_apt "$suite" download "linux-source-$1") >"$work/$suite.log" 2>&1; then
            return 0
        fi
    done
    cat "$work"/*.log >&2
    return 1
}

failed=
for version in "$@"; do
    tree=$cache/linux-$version
    if [ -f "$tree/Makefile" ]; then
        echo "$tree: present, $(cat "$tree.version" 2>/dev/null || echo 'version not recorded')"
        continue
    fi
    if ! download "$version"; then
        echo "fetch-kernels: linux-source-$version is not to be had from $mirror" >&2
        failed="$failed $version"
        continue
    fi
    deb=$(ls "$work"/deb/*.deb)
    rm -rf "$work/unpacked" "$work/tree"; mkdir "$work/tree"
    dpkg-deb -x "$deb" "$work/unpacked"
    tar -xJf "$work/unpacked/usr/src/linux-source-$version.tar.xz" -C "$work/tree" --strip-components=1 \
        "linux-source-$version/arch/x86" "linux-source-$version/include" \
        "linux-source-$version/virt/kvm" "linux-source-$version/Makefile"
    dpkg-deb -f "$deb" Version >"$tree.version"
    mv "$deb" "$cache/linux-source-$version.deb"
    rm -rf "$tree"; mv "$work/tree" "$tree"
    rm -rf "$work/unpacked"
    echo "$tree: fetched, $(cat "$tree.version")"
done
[ -z "$failed" ] || die "not fetched:$failed"
