#!/usr/bin/env bash
# Time what a new user runs first: README.md's training command or, with --tests, its test command.
# The command runs in a new clone, without a virtual environment, a package cache or data. Each line
# of its output is preceded by the seconds since the command started, which include downloads.
# Afterwards the script repeats the downloads alone, and prints how long they take.
#
# usage: scripts/first_minutes.sh [--tests]
set -euo pipefail
title=Train
case "${1-}" in
    '') ;;
    --tests) title=Test ;;
    *) sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2 ;;
esac
repository=$(cd "$(dirname "$0")/.." && pwd)
# The first block of commands after the paragraph that ends in "Train:" or "Test:".
command=$(awk -v title="$title:" '
    $NF == title { found = 1; next }
    found && /^```$/ { exit }
    found && !/^(```sh)?$/' "$repository/README.md")
[ -n "$command" ] || { echo "README.md has no command after \"$title:\"" >&2; exit 1; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone -q "$repository" "$folder/clone"
cd "$folder/clone"
mkdir "$folder/home"
export HOME=$folder/home
unset XDG_CACHE_HOME PIP_CACHE_DIR MXNET_HOME PYTHONPATH VIRTUAL_ENV

now() { date +%s.%N; }
since() { awk -v start="$1" -v end="$(now)" 'BEGIN { printf "%.1f", end - start }'; }

echo "$(nproc) CPUs, load $(cut -d ' ' -f 1 /proc/loadavg), $(git rev-parse --short HEAD)"
echo "$command"
start=$(now)
code=0
bash -euo pipefail -c "$command" 2>&1 < /dev/null | while IFS= read -r line; do
    printf '%7s s  %s\n' "$(since "$start")" "$line"
done || code=$?
printf '%7s s  the command exited with code %d\n' "$(since "$start")" "$code"

python=.venv/bin/python
start=$(now)
$python -m pip list --format freeze --exclude-editable > "$folder/packages"
$python -m pip download -q --no-cache-dir --no-deps -d "$folder/wheels" -r "$folder/packages"
printf '%7s s  downloads alone: %d packages, %s\n' "$(since "$start")" \
    "$(wc -l < "$folder/packages")" "$(du -sh "$folder/wheels" | cut -f 1)"
data=$(find "$HOME" -name '*-ubyte.gz' -printf '%h\n' -quit)
if [ -n "$data" ]; then
    start=$(now)
    $python -c 'import sys; from gluonblocks.data import load_data_fashion_mnist as load
load(256, root=sys.argv[1])' "$folder/data" 2> /dev/null
    printf '%7s s  downloads alone: the data set (%s)\n' "$(since "$start")" "$(du -sh "$data" | cut -f 1)"
fi
exit "$code"
