# shellcheck shell=sh
# Functions the other scripts share; sourced, never run. All talk goes to stderr, so that stdout stays the caller's.

say() { printf '%s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Whether we may install Debian packages without asking anybody.
can_install() {
    have apt-get && { [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; }; }
}

# install_packages NAME... : installs Debian packages; fails if that is not possible here.
install_packages() {
    can_install || return 1
    say "Installing Debian packages: $*"
    apt_get install "$@" || { apt_get update && apt_get install "$@"; }
}

# --no-install-recommends keeps surprises (and services) off the machine.
apt_get() {
    verb=$1
    shift
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq "$verb" --yes --no-install-recommends "$@" >&2
}

# need COMMAND PACKAGE WHY : makes sure that a command is there, or says what to install.
need() {
    have "$1" && return
    install_packages "$2" || true
    have "$1" || die "$1 is missing ($3). Install it (Debian: apt-get install $2) and run this again."
}
