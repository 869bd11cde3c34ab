# Debian's packages of all suites, with lists, cache and settings of our own; to be read by a shell script that has
# set $name (its own), $cache (a folder to work in) and then calls open_workplace.
# Only the mirror's address is taken from the machine's package configuration, and nothing of it is changed.

say() { echo "$name: $*"; }
die() { say "$@" >&2; exit 1; }

need() {        # need PROGRAM ...: ends if one is missing
    missing=
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    [ -z "$missing" ] || die "this needs$missing (on Debian: apt install apt dpkg tar xz-utils util-linux)"
}

open_workplace() {      # sets $work, a folder in $cache that goes away at the end; one script at a time has it
    mkdir -p "$cache"
    cache=$(cd "$cache" && pwd)
    # The kernel lets go of the lock however this ends.
    exec 9>"$cache/.lock"
    flock -n 9 || { say "waiting for another fetch"; flock 9; }
    rm -rf "$cache"/.fetch.*    # of one that was killed
    work=$(mktemp -d "$cache/.fetch.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# Everything that may carry a kernel.
suites="bookworm bookworm-backports trixie trixie-backports forky sid experimental"

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

private_apt() { # private_apt PROGRAM ARGUMENT ...: one of apt's programs with the lists of all suites
    program=$1
    shift
    LC_ALL=C "$program" -q \
        -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/apt" \
        -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::http::Timeout=60 \
        -o APT::Sandbox::User=root -o Debug::NoLocking=1 "$@"
}

read_suites() { # the lists of all suites, once; those that cannot be read are named, and left out
    [ -z "${mirror:-}" ] || return 0
    find_mirror
    mkdir -p "$work/lists/partial" "$work/apt/archives/partial"
    : >"$work/status"
    for suite in $suites; do
        printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$suite"
    done >"$work/sources.list"
    private_apt apt-get update >"$work/log" 2>&1 || :
    grep '^[EW]:' "$work/log" | sed "s/^/$name: /" >&2 || :
}
