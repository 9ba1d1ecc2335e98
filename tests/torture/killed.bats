#!/usr/bin/env bats
# Killed anywhere in a whole cycle: nothing lost, nothing twice, nothing half.

setup() {
	load ../lib/servers.bash
	load lib.bash
}

teardown() {
	stop_servers
	[ ! -e "$BATS_TEST_TMPDIR/rgw" ] || "$ROOT/tests/servers/rgw-down.sh" "$BATS_TEST_TMPDIR/rgw"
}

@test "killed at random instants of a whole cycle" {
	start_fake_s3
	start_cycle
	in_cycles killed.py random --rounds "$(rounds 12 500)"
	survived "$CYCLES" "SIGKILL at a random instant of a whole cycle, fake S3"
}

@test "killed at system calls of a small cycle, each in turn" {
	start_fake_s3
	start_cycle
	sample=$(rounds "--sample 20" "")
	# shellcheck disable=SC2086 # two words or none
	in_cycles killed.py calls $sample
	survived "$CYCLES" "SIGKILL at each system call of a cycle, fake S3"
}

@test "killed at random instants, against RGW" {
	command -v radosgw >/dev/null || skip "no radosgw here"
	all=0
	for ((started = 0; started < $(rounds 1 5); started++)); do
		# its memory fills
		RGW_GC_S=5 "$ROOT/tests/servers/rgw-up.sh" "$BATS_TEST_TMPDIR/rgw" >/dev/null 3>&-
		# shellcheck source=/dev/null
		. "$BATS_TEST_TMPDIR/rgw/env"
		S3_ENDPOINT=$RGW_ENDPOINT KEY=$RGW_KEY SECRET=$RGW_SECRET
		start_mothership
		TORTURE_SEED=$((TORTURE_SEED + 1000 * started))
		in_cycles killed.py rgw --rounds "$(rounds 1 10)"
		all=$((all + CYCLES))
		stop_servers
		"$ROOT/tests/servers/rgw-down.sh" "$BATS_TEST_TMPDIR/rgw"
		rm -rf "$BATS_TEST_TMPDIR/rgw" "$BATS_TEST_TMPDIR/work" "$MOTHER"
	done
	survived "$all" "SIGKILL at a random instant of a whole cycle, RGW"
}
