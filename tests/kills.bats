#!/usr/bin/env bats
# Killed at any moment of an update from the mothership: afterwards either all
# is old or all is new, and the next run works.

setup() {
	load lib/servers.bash
	start_fake_s3
	start_mothership
	make_home
}

teardown() { stop_servers; }

put() {
	printf '%s' "$2" >"$BATS_TEST_TMPDIR/object"
	s3cmd --config=/dev/null --access_key="$KEY" --secret_key="$SECRET" \
		--host="${S3_ENDPOINT#http://}" --no-ssl --region=us-east-1 \
		--host-bucket="${S3_ENDPOINT#http://}" --quiet \
		put "$BATS_TEST_TMPDIR/object" "s3://bucket/code/s3-ingestor/customizers/$1"
}

# old_home: as before the update
old_home() {
	rm -rf "$HOME_DIR"
	make_home
	config '.debug = false'
	configured
	mkdir "$HOME_DIR/customizers"
	echo 'exports.old = 1;' >"$HOME_DIR/customizers/old1.js"
	echo 'exports.old = 2;' >"$HOME_DIR/customizers/old2.js"
	echo one >"$HOME_DIR/data/a"
}

# which NAME FILTER: what jq says of P.json, P-context.json, P-keys.json; the
# file always parses
which_is() { jq -r "$2" "$HOME_DIR/s3-ingestor$1.json"; }

# sound: all old or all new, nothing half, nothing left over
sound() {
	case $(find "$HOME_DIR/customizers" -type f -printf '%f\n' | sort | tr '\n' ' ') in
	"old1.js old2.js " | "new1.js new2.js ") ;;
	*) echo "customizers are mixed" && return 1 ;;
	esac
	for file in "" -context -keys; do
		which_is "$file" . >/dev/null || return 1
	done
	# one reply, one commit
	state="$(which_is '' '.heartbeat_period // "old"') $(which_is -keys '.note // "old"') $(which_is -context '.id // "old"')"
	case $state in
	"old old old" | "1234 new 9") ;;
	*) echo "a reply is half applied: $state" && return 1 ;;
	esac
}

@test "20 random kills during customizers, config and keys updates" {
	seed=${CHECK_SEED:-$RANDOM}
	echo "seed $seed"
	RANDOM=$seed
	put new1.js 'exports.x = 1;'
	put new2.js 'exports.x = 2;'
	update="{\"state\":\"configured\",\"id\":9,\"action\":\"customizers\",\"config\":{\"heartbeat_period\":1234},\"aws_keys\":{\"access_key_id\":\"$KEY\",\"secret_access_key\":\"$SECRET\",\"note\":\"new\"}}"
	# how long is it, undisturbed?
	old_home
	reply default "$update"
	began=$(date +%s%N)
	ingest_is 0 --action wakeup
	whole_us=$((($(date +%s%N) - began) / 1000))
	killed=0
	# one that ended before it was killed does not count
	for ((i = 0; i < 200 && killed < 20; i++)); do
		old_home
		reply default "$update"
		"$S3_INGESTOR" -C "$HOME_DIR" --action wakeup >/dev/null 2>&1 3>&- &
		pid=$!
		at_us=$(((RANDOM * 32768 + RANDOM) % whole_us))
		sleep "$(printf '0.%06d' "$at_us")"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null && continue
		killed=$((killed + 1))
		# the next run finishes what was begun, and nothing new is asked
		reply default '{"state":"configured","id":9}'
		[ "$(which_is -context '.id // "old"')" != old ] || reply default '{"state":"configured"}'
		[ ! -e "$HOME_DIR/s3-ingestor-reply.json" ] || reply default '{"state":"configured","id":9}'
		ingest_is 0 --action wakeup
		sound
		[ ! -e "$HOME_DIR/s3-ingestor-reply.json" ]
		[ -z "$(find "$HOME_DIR" -maxdepth 1 -name 'customizers.*')" ] || ingest_is 0 --action wakeup
		[ "$(ledger 'select count(*) from file where state = 0 or state = 1')" -ge 1 ]
	done
	echo "killed $killed times in $i runs"
	[ "$killed" -eq 20 ]
}

@test "killed at every write, sync, rename and removal of an update" {
	put new1.js 'exports.x = 1;'
	update="{\"state\":\"configured\",\"id\":9,\"config\":{\"heartbeat_period\":1234},\"aws_keys\":{\"access_key_id\":\"$KEY\",\"secret_access_key\":\"$SECRET\",\"note\":\"new\"}}"
	for call in rename fsync unlink; do
		for ((when = 1; when < 30; when++)); do
			old_home
			reply default "$update"
			run traced -o "$BATS_TEST_TMPDIR/trace" -e trace=$call \
				-e inject=$call:signal=SIGKILL:when=$when \
				"$S3_INGESTOR" -C "$HOME_DIR" --action wakeup
			[ "$status" -eq 137 ] || break
			reply default '{"state":"configured","id":9}'
			[ -e "$HOME_DIR/s3-ingestor-reply.json" ] || [ "$(which_is -context '.id // "old"')" != old ] ||
				reply default '{"state":"configured"}'
			ingest_is 0 --action wakeup
			sound
		done
		echo "$call: killed $((when - 1)) times"
		[ "$when" -gt 1 ]
	done
}
