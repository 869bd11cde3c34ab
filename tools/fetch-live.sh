#!/bin/sh
# Fetch what `make live` runs: kernels as Debian built them, and Bochs, into a cache outside the repository.
#
#   tools/fetch-live.sh [--headers] [--selftests] [VERSION ...]         default: 6.1 6.12 7.2 newest
#
# Of each VERSION the kernel is that of exactly the package whose source is in the cache (tools/fetch-kernels.sh), so
# that what runs is what is proved.  The cache gets
#   built-VERSION/                vmlinuz and KVM's modules, uncompressed
#   built-VERSION.version         the exact version of the packages
#   bochs/                        Bochs and what makes a CD to boot, with all libraries, unpacked from Debian's
#                                 packages; 2.8 is the first with MBEC, and is not in every Debian that this runs on
#   headers-VERSION/              with --headers: a root folder with the kernel's headers, and the compiler and make that
#                                 belong to them, to build a changed KVM in (make live ARGS="--fix PATCH")
#   selftests-VERSION/            with --selftests: KVM's selftests and the headers that they are built with, of the
#                                 same source package
# What is there is not fetched again.  Nothing needs root, and nothing is installed.
# Exit status: 0 all are there; 1 some are not (the others are).
set -eu

name=fetch-live
. "$(dirname "$0")/debian.sh"
need apt-get apt-cache dpkg dpkg-deb xz flock

headers= selftests=
while [ $# -gt 0 ]; do
    case $1 in
        --headers) headers=yes ;;
        --selftests) selftests=yes ;;
        *) break ;;
    esac
    shift
done
cache=${MMUPROOF_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/mmuproof/kernels}
open_workplace
[ $# -gt 0 ] || set -- 6.1 6.12 7.2 newest

modules="irqbypass tsm rng-core ccp kvm kvm-amd kvm-intel"
bochs_suite=trixie

packages_of() { # packages_of VERSION: the packages of kernel and modules that have exactly this version
    private_apt apt-cache dumpavail | awk -v wanted="$1" '
        $1 == "Package:" { package = $2 }
        $1 == "Version:" && $2 == wanted && package ~ /^linux-(image|binary|modules)-[0-9][^-]*(-[0-9]+)?-amd64$/ {
            print package
        }' | sort -u
}

unpack_modules() {      # unpack_modules: from $work/unpacked to $work/built
    for module in $modules; do
        found=$(find "$work/unpacked" -name "$module.ko*" | head -n 1)
        case $found in
            '') ;;      # which of them there are depends on the kernel
            *.xz) xz -dc "$found" >"$work/built/$module.ko" ;;
            *.ko) cp "$found" "$work/built/$module.ko" ;;
            *) say "$found has a compression that is not known" >&2; return 1 ;;
        esac
    done
    [ -f "$work/built/kvm.ko" ] && [ -f "$work/built/kvm-amd.ko" ] && [ -f "$work/built/kvm-intel.ko" ]
}

fetch_built() { # fetch_built VERSION EXACT
    read_suites
    packages=$(packages_of "$2")
    [ -n "$packages" ] || { say "no suite has the kernel of $2; make kernels ARGS=--update" >&2; return 1; }
    rm -rf "$work/deb" "$work/unpacked" "$work/built"
    mkdir "$work/deb" "$work/built"
    for package in $packages; do
        (cd "$work/deb" && private_apt apt-get download "$package=$2") >"$work/log" 2>&1 || {
            grep '^[EW]:' "$work/log" | sed 's/^/    /' >&2
            return 1
        }
    done
    for deb in "$work"/deb/*.deb; do
        dpkg-deb -x "$deb" "$work/unpacked" || return 1
    done
    image=$(find "$work/unpacked" -name 'vmlinuz*' -type f -size +1M | head -n 1)
    [ -n "$image" ] && cp "$image" "$work/built/vmlinuz" && unpack_modules ||
        { say "the packages of $2 lack the kernel or its modules" >&2; return 1; }
    rm -rf "$work/unpacked" "$cache/built-$1" &&
        echo "$2" >"$cache/built-$1.version" &&
        mv -T "$work/built" "$cache/built-$1"
}

unpack_all() {  # unpack_all FOLDER PACKAGE ...: packages and all that they need, as if nothing were installed
    folder=$1
    shift
    rm -rf "$work"/apt/archives/*.deb
    private_apt apt-get $own -y --download-only -o APT::Install-Recommends=false install "$@" >"$work/log" 2>&1 ||
        { grep '^[EW]:' "$work/log" | sed 's/^/    /' >&2; return 1; }
    for deb in "$work"/apt/archives/*.deb; do
        dpkg-deb -x "$deb" "$folder" || return 1
    done
}

fetch_headers() {       # fetch_headers VERSION EXACT
    read_suites
    package=$(private_apt apt-cache dumpavail | awk -v wanted="$2" '
        $1 == "Package:" { package = $2 }
        $1 == "Version:" && $2 == wanted && package ~ /^linux-headers-[0-9][^-]*(-[0-9]+)?-amd64$/ { print package }' | sort -u)
    [ -n "$package" ] || { say "no suite has the headers of $2" >&2; return 1; }
    rm -rf "$work/root"
    mkdir -p "$work/root/usr/bin" "$work/root/usr/sbin" "$work/root/usr/lib" "$work/root/usr/lib64"
    for folder in bin sbin lib lib64; do
        ln -s "usr/$folder" "$work/root/$folder"
    done
    own=
    unpack_all "$work/root" "$package=$2" make gcc libc6-dev bash dash coreutils findutils sed grep gawk diffutils kmod tar &&
        ln -sf gawk "$work/root/usr/bin/awk" &&
        mkdir -p "$work/root/tmp" "$work/root/proc" "$work/root/dev" "$work/root/kvm" || return 1
    rm -rf "$cache/headers-$1" && mv -T "$work/root" "$cache/headers-$1" && echo "$2" >"$cache/headers-$1.version"
}

unpack_selftests() {    # unpack_selftests VERSION
    top=linux-source-$1
    rm -rf "$work/selftests"
    mkdir "$work/selftests"
    dpkg-deb --fsys-tarfile "$cache/$top.deb" | tar -xO "./usr/src/$top.tar.xz" | xz -dc |
        tar -x -C "$work/selftests" --strip-components=1 --no-same-owner --wildcards \
            "$top/tools/testing/selftests/kvm" "$top/tools/testing/selftests/*.h" \
            "$top/tools/include" "$top/tools/arch/x86/include" &&
        [ -f "$work/selftests/tools/testing/selftests/kvm/include/kvm_util.h" ] &&
        rm -rf "$cache/selftests-$1" && mv -T "$work/selftests" "$cache/selftests-$1"
}

fetch_bochs() {
    read_suites
    mkdir -p "$work/bochs-lists/partial" "$work/bochs"
    grep " $bochs_suite main" "$work/sources.list" >"$work/bochs.list"
    # Libraries come along with their own loader.
    own="-o Dir::Etc::SourceList=$work/bochs.list -o Dir::State::Lists=$work/bochs-lists"
    private_apt apt-get $own update >"$work/log" 2>&1 &&
        unpack_all "$work/bochs" bochs bochs-term bochsbios vgabios isolinux syslinux-common genisoimage || return 1
    [ -x "$work/bochs/usr/bin/bochs-bin" ] && mv -T "$work/bochs" "$cache/bochs"
}

failed=
for version in "$@"; do
    [ "$version" != newest ] || version=$(cat "$cache/newest" 2>/dev/null) ||
        { say "which kernel is the newest? make kernels" >&2; failed="$failed newest"; continue; }
    exact=$(cat "$cache/linux-$version.version" 2>/dev/null) ||
        { say "there is no source of linux-$version: make kernels" >&2; failed="$failed $version"; continue; }
    how=present
    if ! [ -f "$cache/built-$version/vmlinuz" ] || [ "$(cat "$cache/built-$version.version")" != "$exact" ]; then
        how=fetched
        fetch_built "$version" "$exact" || { failed="$failed $version"; continue; }
    fi
    say "built-$version $how: Debian's $exact"
    if [ -n "$selftests" ] && [ ! -d "$cache/selftests-$version" ]; then
        unpack_selftests "$version" || { failed="$failed selftests-$version"; continue; }
    fi
    [ -z "$selftests" ] || say "selftests-$version present"
    [ -n "$headers" ] || continue
    if [ "$(cat "$cache/headers-$version.version" 2>/dev/null)" != "$exact" ]; then
        fetch_headers "$version" "$exact" || { failed="$failed headers-$version"; continue; }
    fi
    say "headers-$version present"
done
if [ -x "$cache/bochs/usr/bin/bochs-bin" ]; then
    say "bochs present"
elif fetch_bochs; then
    say "bochs fetched"
else
    failed="$failed bochs"
fi
[ -z "$failed" ] || die "not fetched:$failed"
