#!/bin/sh
# Fetch real kernel sources, as Debian packages them, into a cache outside the repository.
#
#   tools/fetch-kernels.sh [VERSION ...]        default: 6.1 6.12 7.2
#
# For each VERSION the cache ($MMUPROOF_KERNELS, else mmuproof/kernels in the user's cache folder) gets
#   linux-VERSION/                what mmuproof reads of the tree (arch/x86, include, virt/kvm, Makefile)
#   linux-VERSION.version         the exact version of the package
#   linux-source-VERSION.deb      the package
# and the exact version is printed.  What is there is not fetched again; remove it to get a newer one.
# Only the mirror's address is taken from the machine's package configuration, and nothing of it is
# changed: apt gets lists, cache and settings of its own.  Nothing needs root.
# Exit status: 0 all are there; 1 some are not (the others are).
set -eu

say() { echo "fetch-kernels: $*"; }
die() { say "$@" >&2; exit 1; }

[ $# -gt 0 ] || set -- 6.1 6.12 7.2
for version in "$@"; do
    case $version in
        *[!0-9.]* | .* | *. | '') die "'$version' is not a version such as 7.2" ;;
    esac
done

missing=
for tool in apt-get dpkg-deb tar xz flock; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -z "$missing" ] || die "this needs$missing (on Debian: apt install apt dpkg tar xz-utils util-linux)"

cache=${MMUPROOF_KERNELS:-${XDG_CACHE_HOME:-$HOME/.cache}/mmuproof/kernels}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# One at a time; the kernel lets go of the lock however this ends.
exec 9>"$cache/.lock"
flock -n 9 || { say "waiting for another fetch"; flock 9; }
rm -rf "$cache"/.fetch.*        # of one that was killed
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

present() {     # present VERSION: everything of it is in the cache
    [ -f "$cache/linux-$1/Makefile" ] && [ -f "$cache/linux-$1.version" ] &&
        [ -f "$cache/linux-source-$1.deb" ]
}

# Suites that may carry linux-source-VERSION, the most settled first.
suites_for() {
    case $1 in
        6.1)  echo "bookworm" ;;
        6.12) echo "trixie bookworm-backports" ;;
        *)    echo "trixie-backports forky sid" ;;
    esac
}

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
find_mirror() {
    mirror=${MMUPROOF_DEBIAN_MIRROR:-}
    [ -n "$mirror" ] ||
        # A repository is Debian's if its lists say so, or, where they were not read yet, if its address does.
        mirror=$(apt-get indextargets --format '$(CREATED_BY)|$(LABEL)|$(REPO_URI)' 2>/dev/null | awk -F '|' '
            $1 == "Packages" && $2 == "Debian" && !said { said = $3 }
            $1 == "Packages" && $3 ~ /\/debian\/?$/ && !guess { guess = $3 }
            END { print said ? said : guess }')
    [ -n "$mirror" ] ||
        die "no Debian mirror in this machine's apt sources; set MMUPROOF_DEBIAN_MIRROR to one's address"
    [ -r "$keyring" ] || die "missing $keyring (package debian-archive-keyring)"
}

private_apt() { # private_apt SUITE ARGUMENT ...
    own=$work/$1
    [ -d "$own" ] || {
        mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
        : >"$own/status"
        printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$1" >"$own/sources.list"
    }
    shift
    LC_ALL=C apt-get -q \
        -o Dir::Etc::SourceList="$own/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$own/lists" -o Dir::State::status="$own/status" -o Dir::Cache="$own/cache" \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::http::Timeout=60 \
        -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}

download() {    # download VERSION: leaves its .deb in $work/deb, or fails and says why
    [ -n "${mirror:-}" ] || find_mirror
    rm -rf "$work/deb"
    mkdir "$work/deb"
    for suite in $(suites_for "$1"); do
        if ! [ -f "$work/$suite.read" ]; then
            private_apt "$suite" update >"$work/log" 2>&1 ||
                { say "suite $suite cannot be read:" >&2; sed 's/^/    /' "$work/log" >&2; continue; }
            : >"$work/$suite.read"
        fi
        if (cd "$work/deb" && private_apt "$suite" download "linux-source-$1") >"$work/log" 2>&1; then
            return 0
        fi
        say "not from suite $suite:" >&2
        grep '^[EW]:' "$work/log" | sed 's/^/    /' >&2
    done
    return 1
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

fetch() {       # fetch VERSION
    kept=$cache/linux-source-$1.deb
    if [ -f "$kept" ]; then
        deb=$kept       # it was put there whole
    else
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

failed=
for version in "$@"; do
    if present "$version"; then
        how=present
    else
        fetch "$version" || { failed="$failed $version"; continue; }
        how=fetched
    fi
    say "linux-$version $how: Debian's $(cat "$cache/linux-$version.version"), in $cache/linux-$version"
done
[ -z "$failed" ] || die "not fetched:$failed"
