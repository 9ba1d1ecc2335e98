#!/usr/bin/env bats
# The setting bandwidth_limit. No time is asserted but that something cannot
# have been faster.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
}

teardown() { stop_servers; }

# took_at_least MS COMMAND...: it succeeds, and not sooner
took_at_least() {
	local least=$1 start took
	shift
	start=${EPOCHREALTIME/[^0-9]/}
	"$@" || return
	took=$(((${EPOCHREALTIME/[^0-9]/} - start) / 1000))
	[ "$took" -ge "$least" ] || {
		echo "$took ms, not at least $least"
		return 1
	}
}

@test "one large body keeps the limit" {
	config '.bandwidth_limit = 1048576'
	head -c 3145728 /dev/urandom >"$HOME_DIR/data/large"
	took_at_least 2000 ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
}

@test "parts on many connections keep it together" {
	config '.bandwidth_limit = 8388608 | .s3_part_size = 5242880 | .s3_concurrency = 16'
	head -c 25165824 /dev/urandom >"$HOME_DIR/data/large"
	took_at_least 2500 ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
}

@test "many small files keep it together" {
	config '.bandwidth_limit = 204800'
	for i in $(seq 120); do head -c 4096 /dev/urandom >"$HOME_DIR/data/$i"; done
	took_at_least 2000 ingest_is 0 --standalone
	[ "$(s3_count)" -eq 120 ]
	s3_same data/120 "$HOME_DIR/data/120"
}

@test "a download keeps it" {
	head -c 2097152 /dev/urandom >"$HOME_DIR/data/a"
	config
	ingest_is 0 --standalone
	config '.bandwidth_limit = 1048576
		| .policies = [{handler: "download", file_keys: ["data/a"]}]'
	took_at_least 1500 ingest_is 0 --standalone
	cmp "$HOME_DIR/data/a" "$HOME_DIR/downloads/a"
}

@test "a limit below what a connection may be silent for fails nothing" {
	config '.bandwidth_limit = 1024 | .s3_timeout = 1000'
	for i in 1 2 3; do head -c 1500 /dev/urandom >"$HOME_DIR/data/$i"; done
	ingest_is 0 --standalone
	[ "$(s3_requests '^PUT')" -le 4 ]
	for i in 1 2 3; do s3_same "data/$i" "$HOME_DIR/data/$i"; done
}

@test "a limit that is none is refused by its name, and nothing is sent" {
	echo one >"$HOME_DIR/data/a"
	for value in 0 -1 1.5 '"fast"' true; do
		config ".bandwidth_limit = $value"
		ingest_is 78 --standalone
		[[ $output == *bandwidth_limit* ]]
	done
	[ "$(s3_requests)" -eq 0 ]
	config '.bandwidth_limit = null'
	ingest_is 0 --standalone
	s3_has data/a
}

@test "SIGTERM ends an upload that is held back, the next run goes on" {
	config '.bandwidth_limit = 2097152 | .s3_part_size = 5242880'
	head -c 31457280 /dev/urandom >"$HOME_DIR/data/large"
	"$S3_INGESTOR" -C "$HOME_DIR" --standalone \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	pid=$!
	note_pid "$pid"
	# the bucket is asked: sqlite3 would make the ledger before the program
	until [ "$(s3_requests '^PUT 200.*partNumber=')" -ge 1 ]; do
		kill -0 "$pid" || { cat "$BATS_TEST_TMPDIR/out" && false; }
		sleep 0.05
	done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 75 ] || [ "$status" -eq 143 ]
	! s3_has data/large
	had=$(ledger 'select count(*) from part')
	[ "$had" -ge 1 ]
	: >"$S3_LOG"
	config
	ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
	[ "$(s3_requests '^PUT.*partNumber=')" -eq $((6 - had)) ]
}

@test "--max-runtime ends an upload that would take hours, exit 75" {
	config '.bandwidth_limit = 1000 | .policies[0].output_key_prefix = "k/"'
	head -c 15000000 /dev/urandom >"$HOME_DIR/data/slow"
	ingest_is 75 --standalone --max-runtime 1
	! s3_has k/data/slow
	config '.policies[0].output_key_prefix = "k/"'
	ingest_is 0 --standalone
	s3_same k/data/slow "$HOME_DIR/data/slow"
}

@test "the mothership sets it and is told it" {
	start_mothership
	config
	reply 1 '{"state":"configured","config":{"bandwidth_limit":1000000}}'
	reply default '{"state":"configured"}'
	ingest_is 0
	[ "$(jq .bandwidth_limit "$HOME_DIR/s3-ingestor.json")" -eq 1000000 ]
	before=$(contacts)
	reply $((before + 1)) '{"state":"configured","action":"report"}'
	ingest_is 0
	[ "$(told $((before + 2)) .context.result.bandwidth_limit)" -eq 1000000 ]
}
