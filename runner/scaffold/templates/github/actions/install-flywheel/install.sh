#!/usr/bin/env bash
# Puts flywheel on PATH: the runner of the checkout that this file lies in, else the release that REQUIREMENT pins, else the one
# that the machine's image brings.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
extra=${EXTRA:+"[$EXTRA]"}
pinned='^flywheel-vision(==[0-9][0-9A-Za-z.]*| @ [^[:space:]]+@[0-9a-f]{40})$'

refuse() {
  echo "::error title=flywheel cannot be installed::$1"
  exit 4
}

if grep -qs '^name = "flywheel-vision"$' "$checkout/pyproject.toml"; then
  wanted=(-c "$checkout/constraints.txt" "$checkout$extra")
elif [ -n "${REQUIREMENT:-}" ]; then
  [[ $REQUIREMENT =~ $pinned ]] || refuse "The variable FLYWHEEL_REQUIREMENT must pin one release: flywheel-vision==1.2.3, or flywheel-vision @ git+https://…@COMMIT with the commit in full."
  wanted=("flywheel-vision$extra${BASH_REMATCH[1]}")
elif command -v flywheel > /dev/null; then
  flywheel --version
  exit 0
else
  refuse "This repository does not hold the runner: set the variable FLYWHEEL_REQUIREMENT to a pinned release, or use a machine whose image brings flywheel."
fi

python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
  || refuse "Python 3.11 or 3.12 is needed on this machine."
place="$RUNNER_TEMP/flywheel"
# -I: nothing of the working folder is imported.
python3 -I -m venv "$place"
"$place/bin/python" -I -m pip install --quiet --disable-pip-version-check "${wanted[@]}"
echo "$place/bin" >> "$GITHUB_PATH"
"$place/bin/flywheel" --version
