#!/usr/bin/env bash
# rgw-down.sh DIR: end what rgw-up.sh DIR started, by its pids, the last one
# first, and remove DIR.
set -uo pipefail

dir=${1:?usage: rgw-down.sh DIR}
[ -f "$dir/pids" ] || exit 0
mapfile -t pids < <(tac "$dir/pids")
# nothing in it is worth an orderly end, which takes them seconds
for pid in "${pids[@]}"; do
	kill -KILL "$pid" 2>/dev/null
done
for pid in "${pids[@]}"; do
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
done
rm -rf "$dir"
