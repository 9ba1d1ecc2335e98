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

# killed MODE OPTION...: prints, and sets KILLS to the number of kills
killed() {
	/usr/bin/python3 "$ROOT/tests/torture/killed.py" "$@" \
		--program "$S3_INGESTOR" --work "$BATS_TEST_TMPDIR/work" \
		--endpoint "$S3_ENDPOINT" --keys "$KEY:$SECRET" \
		--mother "$MOTHER" --mother-port "$MOTHER_PORT" \
		--seed "$TORTURE_SEED" >"$BATS_TEST_TMPDIR/killed" || {
		cat "$BATS_TEST_TMPDIR/killed"
		return 1
	}
	KILLS=$(tail -n 1 "$BATS_TEST_TMPDIR/killed" | cut -d' ' -f1)
}

# the customizers that the mothership speaks of
put_customizers() {
	start_fake_s3
	start_mothership
	printf "%s\n" "module.exports = function (name) { return 'keyed/' + name; };" >"$BATS_TEST_TMPDIR/c"
	for name in c.js c2.js; do
		s3cmd --config=/dev/null --access_key="$KEY" --secret_key="$SECRET" \
			--host="${S3_ENDPOINT#http://}" --no-ssl --region=us-east-1 \
			--host-bucket="${S3_ENDPOINT#http://}" --quiet put \
			"$BATS_TEST_TMPDIR/c" "s3://bucket/code/s3-ingestor/customizers/$name"
	done
}

@test "killed at random instants of a whole cycle" {
	put_customizers
	killed random --s3-root "$S3_DIR" --s3-log "$S3_LOG" --rounds "$(rounds 12 500)"
	survived "$KILLS" "SIGKILL at a random instant of a whole cycle, fake S3"
}

@test "killed at system calls of a small cycle, each in turn" {
	put_customizers
	sample=$(rounds "--sample 20" "")
	# shellcheck disable=SC2086 # two words or none
	killed calls --s3-root "$S3_DIR" --s3-log "$S3_LOG" $sample
	survived "$KILLS" "SIGKILL at each system call of a cycle, fake S3"
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
		killed rgw --rounds "$(rounds 1 10)"
		all=$((all + KILLS))
		stop_servers
		"$ROOT/tests/servers/rgw-down.sh" "$BATS_TEST_TMPDIR/rgw"
		rm -rf "$BATS_TEST_TMPDIR/rgw" "$BATS_TEST_TMPDIR/work" "$MOTHER"
	done
	survived "$all" "SIGKILL at a random instant of a whole cycle, RGW"
}
