# Sourced by the scripts beside it: finds a Python, and makes and reuses a virtual environment for this checkout.
# Needs a Python 3.11-3.13 with venv, and a package index for pip (the model files come from it too); nothing else.

project="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"

say() { printf '%s\n' "$*" >&2; }

# Succeeds for a Python that wanfx supports and that can make virtual environments.
python_is_usable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

# Prints the first usable Python; WANFX_PYTHON decides alone when it is set.
find_python() {
    local candidate
    if [[ -n "${WANFX_PYTHON:-}" ]]; then
        if python_is_usable "$WANFX_PYTHON"; then
            printf '%s\n' "$WANFX_PYTHON"
            return
        fi
        say "WANFX_PYTHON=$WANFX_PYTHON is not a Python 3.11, 3.12 or 3.13 with the venv module."
        say "  remedy: point it at such a Python, or unset it"
        return 3
    fi
    for candidate in python3.11 python3.12 python3.13 python3 python; do
        if python_is_usable "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    say "wanfx needs Python 3.11, 3.12 or 3.13 with the venv module, and none is on PATH."
    say "  remedy: install one (Debian and Ubuntu: apt install python3-venv), or set WANFX_PYTHON to its path"
    return 3
}

# Prints what an installation depends on: if this changes, the environment is made again. A virtual environment
# cannot be moved, so the place of the checkout counts too.
environment_stamp() {
    local python="$1" what="$2"
    printf '%s\n' "$project" "$what"
    "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
    (cd "$project" && cksum setup.cfg pyproject.toml)
}

# make_environment FOLDER WHAT: installs WHAT (".", ".[test]") of this checkout, editable, into FOLDER.
make_environment() {
    local folder="$1" what="$2" python stamp
    python="$(find_python)"
    stamp="$(environment_stamp "$python" "$what")"
    if [[ -x "$folder/bin/python" && -f "$folder/wanfx-stamp" && "$(<"$folder/wanfx-stamp")" == "$stamp" ]]; then
        return
    fi
    say "Installing wanfx into ${folder#"$project"/} with $("$python" --version) (a minute or two, once) ..."
    "$python" -m venv --clear "$folder"
    # -qq: the index's notes about places that it skips are not of interest; errors are still shown.
    (cd "$project" && "$folder/bin/python" -m pip install -qq --disable-pip-version-check --editable "$what")
    printf '%s\n' "$stamp" >"$folder/wanfx-stamp"
}

# make_blender_environment FOLDER: installs Blender as a Python module and names its python in WANFX_BPY_PYTHON, unless
# that is set already. It needs a Python 3.11, which no other release of it does without, and 0.9 GB. Fails where that
# cannot be had.
make_blender_environment() {
    local folder="$1" release="bpy==5.0.1" candidate python="" stamp
    if [[ -n "${WANFX_BPY_PYTHON:-}" ]]; then
        return
    fi
    for candidate in ${WANFX_PYTHON:+"$WANFX_PYTHON"} python3.11 python3 python; do
        if python_is_usable "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
            python="$candidate"
            break
        fi
    done
    if [[ -z "$python" ]]; then
        say "There is no Python 3.11, which $release needs."
        return 3
    fi
    stamp="$release $("$python" -c 'import sys; print(sys.version, sys.base_prefix)')"
    if [[ ! -f "$folder/wanfx-stamp" || "$(<"$folder/wanfx-stamp")" != "$stamp" ]]; then
        say "Installing $release into ${folder#"$project"/} (a minute, once) ..."
        "$python" -m venv --clear "$folder" || return
        "$folder/bin/python" -m pip install -qq --disable-pip-version-check "$release" || return
        printf '%s\n' "$stamp" >"$folder/wanfx-stamp"
    fi
    export WANFX_BPY_PYTHON="$folder/bin/python"
}

# fetch_models FOLDER: makes sure that the small models are there for the environment in FOLDER, and tells wanfx where.
# $WANFX_MODELS decides where they lie if it is set.
fetch_models() {
    local folder="$1"
    export WANFX_MODELS="${WANFX_MODELS:-$folder/models}"
    "$folder/bin/wanfx" models fetch lite >/dev/null
}
