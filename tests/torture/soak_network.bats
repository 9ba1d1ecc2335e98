#!/usr/bin/env bats
# Runs in turn on a tree that grows, over a network that is bad all the time.

setup() {
	load ../lib/servers.bash
	load lib.bash
	make_home
}

teardown() { stop_servers; }

grow() {
	local n
	for n in 1 2 3 4 5; do
		grown=$((grown + 1))
		head -c $((RANDOM % 60000)) /dev/urandom >"$HOME_DIR/data/$grown"
	done
	[ $((RANDOM % 6)) -ne 0 ] || head -c $((17000000 + RANDOM)) /dev/urandom >"$HOME_DIR/data/large$((RANDOM % 2))"
}

# weather PARTITION-SECONDS: the network changes until it is killed; each fault
# is noted
weather() {
	local faults=(stall "reset up" "reset down" "cut down" refuse deaf drop "idle 300" "rate 300000" ignore)
	RANDOM=$TORTURE_SEED
	while :; do
		fault=${faults[RANDOM % ${#faults[@]}]}
		case $fault in
		reset* | cut*) fault="$fault $((RANDOM * 8))" ;;
		esac
		network "$fault"
		echo "$fault" >>"$BATS_TEST_TMPDIR/faults"
		sleep "0.$((RANDOM % 9 + 1))"
		network clear drop
		sleep "$((RANDOM % 2)).$((RANDOM % 10))"
		if [ $((RANDOM % 15)) -eq 0 ]; then
			network stall ignore
			echo partition >>"$BATS_TEST_TMPDIR/faults"
			sleep "$1"
			network clear drop
		fi
	done
}

@test "delay, stalls, resets, partitions: whatever is said was done, and all is there in the end" {
	seeded
	grown=0
	start_fake_s3
	start_relay "${S3_ENDPOINT#http://}" --delay-ms 100
	S3_ENDPOINT=http://127.0.0.1:$RELAY_PORT config '.s3_timeout = 1500'
	weather "$(rounds 2 20)" &
	sky=$!
	until_s=$((SECONDS + $(rounds 20 600)))
	runs=0
	while [ "$SECONDS" -lt "$until_s" ]; do
		grow
		run timeout 120 "$S3_INGESTOR" -C "$HOME_DIR" --standalone --json --max-runtime 60
		[[ $status =~ ^(0|69|75)$ ]] || { echo "$status $output" && return 1; }
		held
		runs=$((runs + 1))
	done
	kill "$sky"
	wait "$sky" || true
	network clear drop
	ingest_is 0 --standalone
	ingest_is 0 --standalone # what a lost reply may have left is found by the next one
	held --tree "$HOME_DIR/data" exact --tidy
	echo "$runs runs, $grown files"
	survived "$(wc -l <"$BATS_TEST_TMPDIR/faults")" "delay 200 ms, stalls, resets and partitions at random"
}

@test "loss, delay and reordering by the kernel" {
	unshare -rn sh -c 'ip link set lo up && tc qdisc add dev lo root netem delay 1ms' 2>/dev/null ||
		skip "no tc netem here"
	grown=0
	for ((i = 0; i < $(rounds 4 40); i++)); do grow; done
	export HOME_DIR
	# shellcheck disable=SC2016 # the other shell expands it
	unshare -rn bash -c '
		ip link set lo up
		tc qdisc add dev lo root netem delay 50ms 30ms loss 3% reorder 20%
		. "$1"
		start_fake_s3
		config
		"$S3_INGESTOR" -C "$HOME_DIR" --standalone
		status=$?
		stop_servers
		exit $status
	' netem "$ROOT/tests/lib/servers.bash"
	S3_DIR=$BATS_TEST_TMPDIR/s3
	held --tree "$HOME_DIR/data" exact --tidy
	survived "$grown" "loss, delay and reordering by the kernel"
}
