#!/usr/bin/env bats
# What cron does to a program: runs that overlap, little of everything, nobody
# who listens, and signals at any time.

setup() {
	load ../lib/servers.bash
	load lib.bash
	start_fake_s3
	start_mothership
	make_home
	config
	configured
}

teardown() { stop_servers; }

# start OPTION...: in the background; PID
start() {
	env -i PATH="$PATH" ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
		"$S3_INGESTOR" -C "$HOME_DIR" "$@" >/dev/null 2>"$BATS_TEST_TMPDIR/err" 3>&- &
	PID=$!
}

# ends STATUS...: it ends with one of them, within far less than what it would wait for
ends() {
	local status=0 i
	for ((i = 0; i < 200; i++)); do
		kill -0 "$PID" 2>/dev/null || break
		sleep 0.05
	done
	echo "ended after $((i * 50)) ms at most"
	[ "$i" -lt 200 ] || { kill -KILL "$PID" && return 1; }
	wait "$PID" || status=$?
	[[ " $* " == *" $status "* ]] || { echo "status $status, not $*" && return 1; }
}

# whole: one more run, then the tree is in the bucket and recorded
whole() {
	ingest_is 0
	held --tree "$HOME_DIR/data" equal
	[ "$(summary .unchanged)" -eq "$(find "$HOME_DIR/data" -type f | wc -l)" ]
}

@test "20 runs at once: one works, 19 say 75 at once and touch nothing" {
	for ((round = 0; round < $(rounds 2 50); round++)); do
		seq 50 | while read -r n; do echo "$round $n" >"$HOME_DIR/data/$n"; done
		# the one that works waits until the others are gone
		reply default '{"state":"configured"}' "{\"until\":\"go$round\"}"
		pids=()
		for ((i = 0; i < 20; i++)); do
			"$S3_INGESTOR" -C "$HOME_DIR" --action wakeup >"$BATS_TEST_TMPDIR/out.$i" 2>&1 3>&- &
			pids+=($!)
		done
		done75=0
		for ((turn = 0; turn < 400 && done75 < 19; turn++)); do
			done75=0
			for pid in "${pids[@]}"; do
				kill -0 "$pid" 2>/dev/null || done75=$((done75 + 1))
			done
			sleep 0.05
		done
		[ "$done75" -eq 19 ]
		touch "$MOTHER/go$round"
		statuses=
		for pid in "${pids[@]}"; do
			status=0
			wait "$pid" || status=$?
			statuses+="$status "
		done
		[ "$(tr ' ' '\n' <<<"$statuses" | grep -cx 75)" -eq 19 ]
		[ "$(tr ' ' '\n' <<<"$statuses" | grep -cx 0)" -eq 1 ]
		[ "$(cat "$BATS_TEST_TMPDIR"/out.* | grep -c 'another run')" -eq 19 ]
	done
	reply default '{"state":"configured"}'
	whole
	survived "$((round * 19))" "a second run beside one that works"
}

# the ways in which a run can hang, each by a function that begins one

in_phone_home() {
	reply default '{"state":"configured"}' '{"until":"never"}'
	start --action wakeup "$@"
	until [ "$(contacts)" -ge 1 ]; do sleep 0.05; done
}

# in each of these the log begins anew, and no file is what it was before
in_uploads() {
	: >"$S3_LOG"
	seq 100 | while read -r n; do echo "$n, ${times:-0}" >"$HOME_DIR/data/$n"; done
	s3_control 'fail method=PUT skip=40 delay=60000 times=999'
	start --standalone "$@"
	until [ "$(s3_requests '^PUT 200')" -ge 40 ]; do sleep 0.05; done
}

in_retries() {
	: >"$S3_LOG"
	seq 20 | while read -r n; do echo "$n, ${times:-0}" >"$HOME_DIR/data/$n"; done
	s3_control 'fail method=PUT status=503 code=SlowDown times=99999'
	start --standalone "$@"
	until [ "$(s3_requests ' 503 ')" -ge 10 ]; do sleep 0.05; done
}

in_a_customizer() {
	mkdir "$HOME_DIR/customizers"
	printf '#!/bin/sh\necho begun >%s\nexec sleep 600\n' "$BATS_TEST_TMPDIR/begun" >"$HOME_DIR/customizers/c"
	chmod 700 "$HOME_DIR/customizers/c"
	config '.policies[0].customizer = "c" | .allow_executables = true'
	echo 1 >"$HOME_DIR/data/a"
	start --standalone "$@"
	until [ -e "$BATS_TEST_TMPDIR/begun" ]; do sleep 0.05; done
}

# it_listens: it has begun to catch SIGTERM (signal 15), so none gets lost
it_listens() {
	until [ $((0x$(awk '/^SigCgt/ { print $2 }' "/proc/$PID/status") >> 14 & 1)) -eq 1 ]; do
		sleep 0.02
	done
	sleep 0.3 # nothing outside shows that it waits
}

in_the_wait_for_the_lock() {
	exec 8<>"$HOME_DIR/s3-ingestor.lock"
	flock -x 8
	start --standalone --wait 600 "$@" 8>&-
	it_listens
}

in_its_splay() {
	start --splay 86400 "$@"
	it_listens
}

# may_end STATE: work is left; and S3 that refuses for long enough is said so
may_end() { [ "$1" = in_retries ] && echo 75 69 || echo 75; }

# quiet_again: what hung goes on
quiet_again() {
	s3_control clear
	reply default '{"state":"configured"}'
	rm -f "$MOTHER/replies/default.meta"
	exec 8>&-
	rm -rf "$HOME_DIR/customizers"
	config
}

@test "SIGTERM, SIGINT, SIGHUP end every state of a run at once, nothing is lost" {
	times=0
	for state in in_phone_home in_uploads in_retries in_a_customizer in_the_wait_for_the_lock in_its_splay; do
		for signal in $(rounds TERM "TERM INT HUP"); do
			rm -rf "$MOTHER/requests"/* "$HOME_DIR/customizers" "$BATS_TEST_TMPDIR/begun"
			echo "$state, $signal"
			$state
			kill -"$signal" "$PID"
			# shellcheck disable=SC2046 # one or more
			ends $(may_end "$state")
			quiet_again
			times=$((times + 1))
		done
	done
	whole
	survived "$times" "a signal in each state of a run"
}

@test "--max-runtime ends every state of a run, nothing is lost" {
	times=0
	for state in in_phone_home in_uploads in_retries in_a_customizer in_the_wait_for_the_lock; do
		rm -rf "$MOTHER/requests"/* "$HOME_DIR/customizers" "$BATS_TEST_TMPDIR/begun"
		echo "$state"
		$state --max-runtime 2
		# shellcheck disable=SC2046 # one or more
		ends $(may_end "$state")
		quiet_again
		times=$((times + 1))
	done
	whole
	survived "$times" "--max-runtime in each state of a run"
}

@test "what was uploaded before a signal is not sent again" {
	in_uploads
	kill -TERM "$PID"
	ends 75
	quiet_again
	had=$(ledger "select count(*) from file where state = 0")
	[ "$had" -ge 40 ]
	: >"$S3_LOG"
	whole
	[ "$(s3_requests '^PUT 200')" -le $((100 - had)) ]
	survived 1 "uploads ended by a signal keep what was confirmed"
}

# said_nowhere STATUSES REDIRECTION: a run whose streams are as said
said_nowhere() {
	local status=0
	echo "$2" >"$HOME_DIR/data/new"
	bash -c "exec 3>&-; exec \"\$0\" -C \"\$1\" --json -v $2" "$S3_INGESTOR" "$HOME_DIR" || status=$?
	echo "$2: $status"
	[[ " $1 " == *" $status "* ]]
	s3_same data/new "$HOME_DIR/data/new"
	for file in "" -context -keys; do
		jq -e . "$HOME_DIR/s3-ingestor$file.json" >/dev/null
	done
	[ "$(ledger 'pragma integrity_check')" = ok ]
	[ ! -s "$HOME_DIR/s3-ingestor.lock" ]
}

@test "streams that are closed, full or abandoned: the work is done all the same" {
	# new settings are written while nobody knows where 0, 1 and 2 lead
	reply default '{"state":"configured","config":{"heartbeat_period":1200},"aws_keys":{"access_key_id":"'"$KEY"'","secret_access_key":"'"$SECRET"'"}}'
	times=0
	for streams in '<&-' '>&-' '2>&-' '>&- 2>&-' '<&- >&- 2>&-' '2>/dev/full' '2> >(true)'; do
		said_nowhere 0 "$streams"
		times=$((times + 1))
		reply default '{"state":"configured","id":'"$times"',"config":{"heartbeat_period":'"$((1200 + times))"'}}'
	done
	# who asked for the summary did not get it, or was gone before it came
	said_nowhere 74 '>/dev/full'
	said_nowhere "0 74" '> >(true)'
	survived "$((times + 2))" "streams closed, full or abandoned"
}

@test "no HOME, no environment at all, umask 0, another working folder" {
	echo 1 >"$HOME_DIR/data/a"
	(
		umask 0
		cd /
		env -i "$S3_INGESTOR" -C "$HOME_DIR"
	)
	s3_same data/a "$HOME_DIR/data/a"
	reply default '{"state":"configured","config":{"heartbeat_period":1200}}'
	(
		umask 0
		env -i "$S3_INGESTOR" -C "$HOME_DIR" --action wakeup
	)
	[ "$(jq .heartbeat_period "$HOME_DIR/s3-ingestor.json")" -eq 1200 ]
	for file in .json -context.json -ledger.db .lock; do
		[ "$(stat -c %a "$HOME_DIR/s3-ingestor$file")" = 600 ] || [ "$file" = .json ]
	done
	[ -z "$(find "$HOME_DIR" -maxdepth 1 -name 's3-ingestor*' -perm /077 ! -newer "$HOME_DIR/s3-ingestor-keys.json")" ] || true
	[ "$(stat -c %a "$HOME_DIR/s3-ingestor-context.json")" = 600 ]
	survived 2 "an empty environment and umask 0"
}

@test "32 open files are enough" {
	deep=$HOME_DIR/data/$(seq -s / 40)
	mkdir -p "$deep"
	seq 60 | while read -r n; do echo "$n" >"$deep/$n"; done
	head -c 20000000 /dev/urandom >"$HOME_DIR/data/large"
	mkdir "$HOME_DIR/customizers"
	echo 'module.exports = function (name) { return name; };' >"$HOME_DIR/customizers/c.js"
	config '.policies[0].customizer = "c"'
	(
		# four that the caller left open; a deep tree and a child beside them
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -le 2 ] || eval "exec $fd>&-"
		done
		exec 3</dev/null 4<&3 5<&3 6<&3
		ulimit -n 32
		"$S3_INGESTOR" -C "$HOME_DIR"
	)
	config
	whole
	survived 1 "32 open files"
}

@test "64 MiB of address space are enough for 100,000 files" {
	[[ "$BUILD" != *address* ]] || skip "the sanitizer's shadow needs terabytes"
	count=$(rounds 2000 100000)
	(
		cd "$HOME_DIR/data"
		for ((folder = 0; folder < 100; folder++)); do
			mkdir "$folder"
			(cd "$folder" && seq $((count / 100)) | xargs touch)
		done
	)
	limited() (
		ulimit -v 65536
		exec 3>&-
		"$S3_INGESTOR" -C "$HOME_DIR" "$@"
	)
	limited --standalone
	[ "$(ledger 'select count(*) from file')" -eq "$count" ]
	: >"$S3_LOG"
	limited
	[ "$(s3_requests)" -eq 0 ]
	survived 2 "64 MiB of address space"
}
