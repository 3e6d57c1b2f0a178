# Sourced by the scripts beside it: finds the checkout, and keeps .venv in step with pyproject.toml.
# Nothing is installed, and the network is not touched, while neither the requirements nor the interpreter changed.

set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$ROOT/.venv"
CONSTRAINTS="$ROOT/.ci/constraints.txt"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
fail() { say "$@"; exit 1; }

# can_install_packages: whether this is Debian or a relative, and we are root.
can_install_packages() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# install_packages NAME...: system packages, without a question.
install_packages() {
    say "installing the system packages $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends "$@" >/dev/null </dev/null
}

# find_python: $PYTHON, or else the first interpreter that the project supports.
find_python() {
    local name
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if [ -z "${PYTHON:-}" ] && ! find_python >/dev/null && can_install_packages; then install_packages python3; fi
    python="$(find_python)" || fail "needs CPython 3.11, 3.12 or 3.13${PYTHON:+, which $PYTHON is not}; PYTHON=/path/to/python3 names one"
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        can_install_packages || fail "$python cannot make a virtual environment: install the system package python3-venv"
        install_packages python3-venv
    fi
    say "making .venv with $("$python" --version)"
    rm -rf "$VENV"
    "$python" -m venv "$VENV"
}

# requirements: all that .venv depends on. Its scripts hold the path of the checkout, so a moved one is made anew.
requirements() { echo "$ROOT" && cat "$ROOT/pyproject.toml" "$CONSTRAINTS" "$ROOT/agent/__init__.py"; }

# use_environment [EXTRA]: .venv with the product, and with that extra's packages.
use_environment() {
    local extra="${1:-}" stamp="$VENV/installed-${1:-product}"
    if [ -x "$VENV/bin/python" ] && requirements | cmp -s - "$stamp"; then return; fi
    if ! [ -x "$VENV/bin/python" ] || ! head -n1 "$VENV/made-for" 2>/dev/null | grep -qxF "$ROOT"; then
        make_venv
        echo "$ROOT" >"$VENV/made-for"
    fi
    say "installing ipsec-agent${extra:+ with its $extra packages} into .venv"
    "$VENV/bin/python" -m pip install -qq -c "$CONSTRAINTS" setuptools
    "$VENV/bin/python" -m pip install -qq --no-build-isolation -c "$CONSTRAINTS" -e "$ROOT${extra:+[$extra]}"
    requirements | tee "$VENV/installed-product" >"$stamp"
}
