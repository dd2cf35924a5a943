#!/bin/sh
# Prints the path of a Python 3.13 that really runs, or one sentence on stderr.
#
# A bare `python3.13` may be a version manager's shim that refuses to run outside its own
# configuration, so every candidate is tried, and the managers' installed versions after them.
set -u

usable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

for candidate in \
    "${PYTHON:-}" python3.13 python3 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 \
    "${ASDF_DATA_DIR:-$HOME/.asdf}"/installs/python/3.13*/bin/python3.13 \
    "${MISE_DATA_DIR:-$HOME/.local/share/mise}"/installs/python/3.13*/bin/python3.13 \
    "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}"/cpython-3.13*/bin/python3.13 \
    /opt/homebrew/opt/python@3.13/bin/python3.13 \
    /usr/local/bin/python3.13 /usr/bin/python3.13
do
    if [ -n "$candidate" ] && usable "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done

echo "Python 3.13 with venv was not found: install it, or name it with make PYTHON=/path/to/python3.13" >&2
exit 1
