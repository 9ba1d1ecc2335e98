#!/usr/bin/env bats
# --if-due and --splay: what a schedule that ticks each minute starts.

setup() {
	load lib/servers.bash
	start_fake_s3
	start_mothership
	make_home
	config
	reply default '{"state":"configured"}'
}

teardown() { stop_servers; }

# age_runs MS: as if the runs so far had been that much earlier
age_runs() {
	ledger "update note set value =
		(cast(substr(value, 1, instr(value, ' ') - 1) as integer) - $1) || ' ' ||
		(cast(substr(value, 1, instr(value, ' ') - 1) as integer) - $1) || ' 0 0'
		where name = 'runs'"
}

@test "the first tick is due, the one after it is not, and says nothing" {
	ingest_is 0 --if-due
	asked=$(contacts)
	[ "$asked" -ge 1 ]
	ingest_is 0 --if-due
	[ -z "$output" ]
	[ "$(contacts)" -eq "$asked" ]
}

@test "a tick that is not due writes nothing and takes no lock" {
	ingest_is 0 --if-due
	before=$(find "$HOME_DIR" -type f -printf '%p %s %T@ %i\n' | sort)
	traced -o "$BATS_TEST_TMPDIR/trace" -e trace=flock,connect,rename,fsync \
		"$S3_INGESTOR" -C "$HOME_DIR" --if-due
	! grep -qE 'flock|AF_INET|rename|fsync' "$BATS_TEST_TMPDIR/trace"
	[ "$(find "$HOME_DIR" -type f -printf '%p %s %T@ %i\n' | sort)" = "$before" ]
}

@test "heartbeat_period less 30 s has passed: due" {
	ingest_is 0
	ingest_is 0
	asked=$(contacts)
	age_runs 3560000
	ingest_is 0 --if-due
	[ "$(contacts)" -eq "$asked" ]
	age_runs 3575000
	ingest_is 0 --if-due
	[ "$(contacts)" -eq $((asked + 1)) ]
}

@test "the mothership sets the pace: a shorter period counts at once" {
	reply default '{"state":"configured","config":{"heartbeat_period":10}}'
	ingest_is 0
	ingest_is 0
	asked=$(contacts)
	age_runs 6000
	ingest_is 0 --if-due
	[ "$(contacts)" -gt "$asked" ]
}

@test "an action that is named is due" {
	ingest_is 0
	asked=$(contacts)
	ingest_is 0 --if-due --action heartbeat
	[ "$(contacts)" -eq $((asked + 1)) ]
}

@test "startup is due after restart, so is the tick" {
	reply 1 '{"state":"configured","action":"restart"}'
	ingest_is 0
	asked=$(contacts)
	ingest_is 0 --if-due
	[ "$(told $((asked + 1)) .context.action)" = startup ]
}

@test "a run without a mothership does not count: the next tick is due" {
	configured
	reply default '{}' '{"status":503}'
	ingest_is 69
	asked=$(contacts)
	ingest_is 69 --if-due
	[ "$(contacts)" -eq $((asked + 1)) ]
}

@test "work that was left: due after its backoff" {
	configured
	ingest_is 0
	echo one >"$HOME_DIR/data/a"
	s3_control 'fail method=PUT status=400 code=MalformedACLError times=9'
	ingest_is 75 --action heartbeat
	asked=$(contacts)
	ingest_is 0 --if-due
	[ "$(contacts)" -eq "$asked" ]
	s3_control clear
	# contact, finish, not before, how often
	read -r contact finish _ count <<<"$(ledger "select value from note where name = 'runs'")"
	[ "$count" -eq 1 ]
	ledger "update note set value = '$contact $finish 1 $count' where name = 'runs'"
	ingest_is 0 --if-due
	[ "$(contacts)" -gt "$asked" ]
	s3_has data/a
}

@test "a stored time in the future is due: the clock was set back" {
	ingest_is 0
	asked=$(contacts)
	age_runs -100000000
	ingest_is 0 --if-due
	[ "$(contacts)" -gt "$asked" ]
}

@test "--standalone: the last finished run counts" {
	ingest_is 0 --standalone --if-due
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone --if-due
	[ "$(s3_count)" -eq 0 ]
	age_runs 3600000
	ingest_is 0 --standalone --if-due
	[ "$(s3_count)" -eq 1 ]
}

@test "--splay sleeps first, and a signal ends it" {
	"$S3_INGESTOR" -C "$HOME_DIR" --splay 604800 3>&- &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		grep -q nanosleep "/proc/$pid/wchan" 2>/dev/null && break
		grep -qE 'poll|sleep|pause|futex' "/proc/$pid/wchan" 2>/dev/null && break
		sleep 0.02
	done
	[ "$(contacts)" -eq 0 ]
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	[ "$(contacts)" -eq 0 ]
	[ ! -e "$HOME_DIR/s3-ingestor.lock" ]
}

@test "--if-due is tested before --splay" {
	ingest_is 0
	run timeout 20 "$S3_INGESTOR" -C "$HOME_DIR" --if-due --splay 604800
	[ "$status" -eq 0 ]
}

@test "--splay never sleeps on a terminal" {
	run timeout 20 script -qec "$S3_INGESTOR -C $HOME_DIR --splay 604800" /dev/null
	[ "$status" -eq 0 ]
	[ "$(contacts)" -ge 1 ]
}
