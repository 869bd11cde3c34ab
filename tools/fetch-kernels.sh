#!/bin/sh
# Fetch real kernel sources, as Debian packages them, into a cache outside the repository.
#
#   tools/fetch-kernels.sh [--update] [VERSION ...]        default: 6.1 6.12 7.2 newest
#
# Of each VERSION the latest package in any of Debian's suites is taken; "newest" is the newest that is packaged in
# any of them, release candidates among them.
# The cache ($MMUPROOF_KERNELS, else mmuproof/kernels in the user's cache folder) gets
#   linux-VERSION/                what mmuproof reads of the tree (arch/x86, include, virt/kvm, Makefile)
#   linux-VERSION.version         the exact version of the package
#   linux-source-VERSION.deb      the package
#   newest                        which VERSION the newest is
# and the exact version is printed.  What is there is not fetched again, unless --update asks for what is newer.
# Only the mirror's address is taken from the machine's package configuration, and nothing of it is
# changed: apt gets lists, cache and settings of its own.  Nothing needs root.
# Exit status: 0 all are there; 1 some are not (the others are).
set -eu

name=fetch-kernels
. "$(dirname "$0")/debian.sh"

update=
[ "${1:-}" != --update ] || { update=yes; shift; }
[ $# -gt 0 ] || set -- 6.1 6.12 7.2 newest
for version in "$@"; do
    case $version in
        newest) ;;
        *[!0-9.]* | .* | *. | '') die "'$version' is not a version such as 7.2, nor 'newest'" ;;
    esac
done

need apt-get apt-cache dpkg dpkg-deb tar xz flock

cache=${MMUPROOF_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/mmuproof/kernels}
open_workplace

present() {     # present VERSION: everything of it is in the cache
    [ -f "$cache/linux-$1/Makefile" ] && [ -f "$cache/linux-$1.version" ] &&
        [ -f "$cache/linux-source-$1.deb" ]
}

latest_of() {   # latest_of PACKAGE: the highest version that any suite has of it; nothing if none has
    private_apt apt-cache madison "$1" 2>/dev/null | cut -d '|' -f 2 | tr -d ' ' | {
        best=
        while read -r each; do
            [ -n "$best" ] && dpkg --compare-versions "$each" le "$best" || best=$each
        done
        echo "$best"
    }
}

newest_kernel() {       # the highest N.M of which there is a linux-source-N.M
    private_apt apt-cache pkgnames linux-source- | sed -n 's/^linux-source-\([0-9]*\.[0-9]*\)$/\1/p' | sort -V | tail -n 1
}

download() {    # download VERSION: leaves its .deb in $work/deb, or fails and says why
    rm -rf "$work/deb"
    mkdir "$work/deb"
    latest=$(latest_of "linux-source-$1")
    [ -n "$latest" ] || { say "no suite of $suites has linux-source-$1" >&2; return 1; }
    (cd "$work/deb" && private_apt apt-get download "linux-source-$1=$latest") >"$work/log" 2>&1 || {
        grep '^[EW]:' "$work/log" | sed 's/^/    /' >&2
        return 1
    }
}

unpack() {      # unpack VERSION DEB: into $work/tree
    rm -rf "$work/unpacked" "$work/tree"
    mkdir "$work/tree"
    dpkg-deb -x "$2" "$work/unpacked" &&
        tar -xJf "$work/unpacked/usr/src/linux-source-$1.tar.xz" -C "$work/tree" \
            --strip-components=1 --no-same-owner \
            "linux-source-$1/arch/x86" "linux-source-$1/include" \
            "linux-source-$1/virt/kvm" "linux-source-$1/Makefile" &&
        [ -f "$work/tree/Makefile" ] &&
        rm -rf "$work/unpacked"
}

outdated() {    # outdated VERSION: there is a later package than the one in the cache
    latest=$(latest_of "linux-source-$1")
    [ -n "$latest" ] && dpkg --compare-versions "$latest" gt "$(cat "$cache/linux-$1.version")"
}

fetch() {       # fetch VERSION
    kept=$cache/linux-source-$1.deb
    if [ -f "$kept" ] && [ -z "$update" ]; then
        deb=$kept       # it was put there whole
    else
        read_suites
        download "$1" || { say "linux-source-$1 is not to be had from $mirror" >&2; return 1; }
        deb=$(echo "$work"/deb/*.deb)
    fi
    unpack "$1" "$deb" || { say "$deb cannot be unpacked" >&2; return 1; }
    dpkg-deb -f "$deb" Version >"$work/version" || return 1
    # The tree goes last: where it is, the rest is.
    rm -rf "$cache/linux-$1" &&
        { [ "$deb" = "$kept" ] || mv -f "$deb" "$kept"; } &&
        mv -f "$work/version" "$cache/linux-$1.version" &&
        mv -T "$work/tree" "$cache/linux-$1"
}

name_newest() { # sets $version to what "newest" is, as the cache knows it or the suites do
    if [ -n "$update" ] || ! [ -f "$cache/newest" ]; then
        read_suites
        version=$(newest_kernel)
        [ -n "$version" ] || { say "no suite of $suites has a kernel's source" >&2; return 1; }
        echo "$version" >"$work/newest"
        mv -f "$work/newest" "$cache/newest"
    else
        version=$(cat "$cache/newest")
    fi
}

failed=
for version in "$@"; do
    note=
    if [ "$version" = newest ]; then
        name_newest || { failed="$failed newest"; continue; }
        note=" (the newest)"
    fi
    how=present
    if ! present "$version" || { [ -n "$update" ] && read_suites && outdated "$version"; }; then
        how=fetched
        if ! fetch "$version"; then
            failed="$failed $version"
            present "$version" || continue
            how="still there"
        fi
    fi
    say "linux-$version$note $how: Debian's $(cat "$cache/linux-$version.version"), in $cache/linux-$version"
done
[ -z "$failed" ] || die "not fetched:$failed"
