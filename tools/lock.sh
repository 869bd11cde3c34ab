#!/bin/sh
# Write requirements.lock: one version of everything, for every platform and Python from 3.11 on.
# It also holds what the project is built with (build-system.requires).
set -eu
cd "$(dirname "$0")/.."

tool=build/lock-venv
"${PYTHON:-python3}" -m venv --clear --without-pip "$tool"
"${PYTHON:-python3}" -m pip --python "$tool/bin/python" --quiet --disable-pip-version-check install 'uv>=0.9,<1'

"$tool/bin/python" -c '
import tomllib
for requirement in tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"]:
    print(requirement)
' >build/build-requirements.in

"$tool/bin/uv" pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
    --output-file build/requirements.lock pyproject.toml build/build-requirements.in
mv build/requirements.lock requirements.lock
echo "requirements.lock: $(grep -c == requirements.lock) packages"
