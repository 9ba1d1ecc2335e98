#!/usr/bin/env bash
# rgw-down.sh DIR: end what rgw-up.sh DIR started, by its pids, the last one
# first, and remove DIR.
set -uo pipefail

dir=${1:?usage: rgw-down.sh DIR}
[ -f "$dir/pids" ] || exit 0
mapfile -t pids < <(tac "$dir/pids")
for pid in "${pids[@]}"; do
	kill -TERM "$pid" 2>/dev/null
done
for pid in "${pids[@]}"; do
	for _ in $(seq 50); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null
done
rm -rf "$dir"
