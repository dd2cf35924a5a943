#!/bin/sh
# Makes a virtual environment from a file of hashed pins, unless it stands already.
#
#   environment.sh FOLDER REQUIREMENTS [this]
#
# `this` also installs the project itself, as a link to the clone. The stamp is written last and
# says what the environment was made of: interrupted, moved or outdated, it is made anew.
set -eu

folder=$1
requirements=$2
with_project=${3:-}
here=$(dirname "$0")
stamp=$folder/.made-of

made_of=$(
    {
        pwd
        echo "$with_project"
        cat "$requirements" "$0"
        # What is installed comes first in there, the tools' own settings after it.
        sed '/^\[tool\.ruff\]/,$d' pyproject.toml
    } | cksum
)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$made_of" ] && "$folder/bin/python" -c '' 2>/dev/null
then
    exit 0
fi

python=$("$here/find_python.sh")
echo "Setting up $folder from $requirements ..." >&2
rm -rf "$folder"
"$python" -m venv "$folder"
# Every pin is listed, so nothing is left to resolve. Bytecode is compiled when it is first needed.
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
    --require-hashes --requirement "$requirements"
if [ "$with_project" = this ]; then
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
        --no-index --no-build-isolation --editable .
fi
echo "$made_of" >"$stamp"
