#!/usr/bin/env bats
# the numbers of lists are words; setup() calls what stands behind it
# shellcheck disable=SC2086,SC2016,SC2317
# Clocks that jump, and times that no clock shows. What is promised: nothing
# waits for a time that a wrong clock wrote, longer than the wait itself; what
# has to wait is not early by a clock that is set back, and by one that jumps
# forward at most by that jump, never in the run that sent it.

setup() {
	load ../lib/servers.bash
	load lib.bash
	ingest() { ingest_by_clock "$@"; }
	command -v faketime >/dev/null || skip "no faketime here"
	make_home
	configured
	# only the time of day: waits go by the steady clock, and what the
	# kernel writes to files is what it is
	FAKE=$(faketime '2020-01-01 00:00:00' sh -c 'echo "$LD_PRELOAD"')
	fakes_time || skip "faketime does not fake the program's time"
}

teardown() { stop_servers; }

# at SECONDS COMMAND OPTION...: ingest, ingest_is or summary, when the clock
# shows so many seconds since 1970
at() {
	CLOCK=("LD_PRELOAD=$FAKE" "FAKETIME=$(offset "$1")" NO_FAKE_STAT=1
		FAKETIME_DONT_FAKE_MONOTONIC=1)
	shift
	"$@"
	CLOCK=()
}
CLOCK=()

offset() { printf '%+d' $(($1 - $(date +%s))); }

# as lib/servers.bash has it, by the clock that was set
ingest_by_clock() {
	run timeout 60 "${AS[@]}" env -i PATH="$PATH" LC_ALL=C.UTF-8 \
		TZ="${ZONE:-UTC}" \
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:allocator_release_to_os_interval_ms=-1" \
		"${CLOCK[@]}" "$S3_INGESTOR" -C "$HOME_DIR" "$@"
	echo "# exit $status: $output" >>"$BATS_TEST_TMPDIR/said"
}

# when the last run began, by its own clock
last_run() { ledger "select cast(value as text) from note where name = 'runs'" | cut -d' ' -f2; }

fakes_time() {
	echo '{"s3_bucket": "bucket", "policies": []}' >"$HOME_DIR/s3-ingestor.json"
	at 86400 ingest --standalone
	[ $(($(last_run) / 100000)) -eq 864 ] &&
		rm -f "$HOME_DIR"/s3-ingestor-ledger.db*
}

# some WORD...: all of them in the long form, the first ones in the short one
some() {
	[ "$TORTURE" = long ] || set -- "${@:1:3}"
	echo "$@"
}

NOW=$(date +%s)
HOUR=3600
DAY=86400
YEAR=31557600
Y2038=2147483700
Y2106=4294967400

# ---- schedules ----

# ticks YES|NO SECONDS: whether a tick at that time is due
ticks() {
	local before after
	before=$(ledger "select value from note where name = 'runs'")
	at "$2" ingest_is 0 --standalone --if-due
	after=$(ledger "select value from note where name = 'runs'")
	[ "$1 $([ "$before" = "$after" ] && echo no || echo yes)" = "$1 $1" ] ||
		{ echo "due at $2 (now: $NOW): not $1" && return 1; }
}

@test "--if-due: no clock makes a tick wait longer than a period" {
	start_fake_s3
	config
	jumps=0
	at "$NOW" ingest_is 0 --standalone
	for clock in $(some $((NOW - 2 * HOUR)) $Y2106 100 $Y2038 $((NOW - 2 * YEAR)) \
		$((NOW - 3 * DAY)) 50000 $NOW $((NOW - HOUR / 2)) 7); do
		ticks yes "$clock"
		ticks no $((clock + 60))
		ticks no $((clock + HOUR - 40))
		ticks yes $((clock + HOUR - 20))
		jumps=$((jumps + 1))
	done
	survived $jumps "the clock jumps: --if-due"
}

@test "summer time begins and ends: nothing is off by an hour" {
	start_fake_s3
	config '.policies[0] += {delay_upload: 1800, delete_after_upload: true, delay_removal: 5400}'
	# as TZ rules have it, known to the libc without any table
	ZONE=CET-1CEST,M3.5.0,M10.5.0/3
	for change in 1774746000 1792890000; do
		from=$((change - 1200))
		at $from ingest_is 0 --standalone
		ticks no $((from + 1800))
		ticks no $((from + HOUR - 40))
		ticks yes $((from + HOUR - 20))
		rm -f "$HOME_DIR"/s3-ingestor-ledger.db*
		echo "$change" >"$HOME_DIR/data/f"
		touch -d "@$from" "$HOME_DIR/data/f"
		at $((from + 1795)) summary .delayed --standalone | grep -qx 1
		at $((from + 1805)) summary '[.delayed,.deleted]|join(" ")' \
			--standalone | grep -qx '0 0'
		at $((from + 1805 + 5390)) summary .deleted --standalone | grep -qx 0
		at $((from + 1805 + 5410)) summary .deleted --standalone | grep -qx 1
	done
	survived 2 "summer time begins, ends"
}

@test "backoff: no clock keeps the mothership waiting" {
	start_fake_s3
	start_mothership
	config
	reply default '' '{"status":503}'
	failures=0
	for clock in $(some $Y2106 $NOW 1000 $((NOW + 5 * DAY)) $((NOW - YEAR))) 1000; do
		failures=$((failures + 1))
		for i in 1 2 3 4 5; do
			at "$clock" ingest_is 69
		done
	done
	asked=$(contacts)
	# set back within the wait: it waits for that, at most a period
	at $((1000 + HOUR)) ingest
	[ "$(contacts)" -gt "$asked" ]
	for clock in $Y2106 $NOW $((NOW - 20 * YEAR)) 500; do
		asked=$(contacts)
		at "$clock" ingest
		[ "$(contacts)" -gt "$asked" ]
	done
	survived $((failures + 4)) "the clock jumps between failures: backoff"
}

@test "settings on trial are given up after three runs by any clock" {
	start_fake_s3
	start_mothership
	config
	reply default '{"state":"configured"}'
	reply 1 '{"state":"configured","config":{"host_port":1}}'
	at "$NOW" ingest
	[ "$(jq .host_port "$HOME_DIR/s3-ingestor.json")" = 1 ]
	for clock in $Y2106 300 $((NOW - DAY)) $((NOW - DAY)); do
		at "$clock" ingest
	done
	[ "$(jq .host_port "$HOME_DIR/s3-ingestor.json")" = "$MOTHER_PORT" ]
	survived 3 "the clock jumps while settings are on trial"
}

@test "a problem is said once a day by any clock" {
	start_fake_s3
	config '.policies[0].customizer = "none"'
	echo one >"$HOME_DIR/data/f"
	jumps=0
	for clock in $(some $NOW $((NOW - HOUR)) 100 $((NOW - YEAR)) $Y2038 $Y2106 $NOW); do
		at "$clock" ingest --standalone
		[ -n "$output" ] || { echo "silent at $clock" && return 1; }
		at $((clock + 60)) ingest --standalone
		[ -z "$output" ]
		at $((clock + DAY - HOUR)) ingest --standalone
		[ -z "$output" ]
		at $((clock + DAY + 60)) ingest --standalone
		[ -n "$output" ]
		jumps=$((jumps + 1))
	done
	survived $jumps "the clock jumps: problems are said once a day"
}

# ---- waits of files ----

@test "delay_upload: neither early nor for years by a clock that is set" {
	start_fake_s3
	config '.policies[0].delay_upload = 600'
	jumps=0
	for clock in $(some $NOW 5000 $Y2038 $((NOW - 2 * HOUR)) $((NOW - YEAR))); do
		rm -f "$HOME_DIR"/s3-ingestor-ledger.db* "$HOME_DIR"/data/*
		echo "$clock" >"$HOME_DIR/data/$clock"
		# written by a clock that ran ahead of the one of now
		touch -d "@$((clock + 30))" "$HOME_DIR/data/$clock"
		at $((clock + 60)) summary .delayed --standalone | grep -qx 1
		at $((clock - HOUR / 2)) summary .delayed --standalone | grep -qx 1
		at $((clock - HOUR / 2 + 590)) summary .delayed --standalone | grep -qx 1
		at $((clock - HOUR / 2 + 610)) summary .added --standalone | grep -qx 1
		jumps=$((jumps + 1))
	done
	survived $jumps "the clock is set back: delay_upload"
}

@test "delay_removal: neither early nor for years by a clock that is set" {
	start_fake_s3
	config '.policies[0] += {delete_after_upload: true, delay_removal: 604800}'
	jumps=0
	for clock in $NOW $Y2106 $Y2038; do
		for set in $(some $((clock - 60)) $((clock - 2 * YEAR)) 900 $((clock - HOUR))); do
			rm -f "$HOME_DIR"/s3-ingestor-ledger.db*
			echo "$clock$set" >"$HOME_DIR/data/f"
			touch -d 2001-01-01 "$HOME_DIR/data/f"
			at "$clock" ingest_is 0 --standalone
			at "$set" ingest_is 0 --standalone
			at $((set + 60)) ingest_is 0 --standalone
			at $((set + 6 * DAY)) ingest_is 0 --standalone
			[ -e "$HOME_DIR/data/f" ]
			at $((set + 7 * DAY + 10)) ingest_is 0 --standalone
			[ ! -e "$HOME_DIR/data/f" ]
			jumps=$((jumps + 1))
		done
	done
	survived $jumps "the clock is set back: delay_removal"
}

@test "delay_removal: a jump forward is the only thing that shortens it" {
	start_fake_s3
	config '.policies[0] += {delete_after_upload: true, delay_removal: true}'
	echo one >"$HOME_DIR/data/f"
	touch -d 2001-01-01 "$HOME_DIR/data/f"
	at 100 ingest_is 0 --standalone
	[ -e "$HOME_DIR/data/f" ]
	at "$Y2106" ingest_is 0 --standalone
	[ ! -e "$HOME_DIR/data/f" ]
	config '.policies[0] += {delete_after_upload: true, delay_removal: 3600}'
	echo two >"$HOME_DIR/data/f"
	touch -d 2001-01-01 "$HOME_DIR/data/f"
	at 100 ingest_is 0 --standalone
	at 3000 ingest_is 0 --standalone
	[ -e "$HOME_DIR/data/f" ]
	at "$NOW" ingest_is 0 --standalone
	[ ! -e "$HOME_DIR/data/f" ]
	survived 2 "the clock jumps forward: removals"
}

@test "a snapshot comes after a day by the clock that is right at last" {
	[ "$(uname -s)" = Linux ] || skip "leases are Linux'"
	start_fake_s3
	config
	echo one >"$HOME_DIR/data/f"
	touch -d 2001-01-01 "$HOME_DIR/data/f"
	exec 9>>"$HOME_DIR/data/f"
	jumps=0
	for clock in $Y2106 $NOW $((NOW - YEAR)) 200; do
		at "$clock" summary .delayed --standalone | grep -qx 1
		at $((clock + 23 * HOUR)) summary .delayed --standalone | grep -qx 1
		jumps=$((jumps + 1))
	done
	at $((200 + 25 * HOUR)) summary .added --standalone | grep -qx 1
	exec 9>&-
	survived $jumps "the clock is set back: a file that is open for a day"
}

# ---- times of files ----

# of_times FOLDER: files of odd times there; sets times
of_times() {
	times=$(python3 -S - "$1" <<-'END'
		import os, sys
		S = 10**9
		times = [0, 1, -1, -S, -S + 1, -2**31 * S, (-2**31 + 1) * S + 999, 2**31 * S,
		         (2**31 - 1) * S + 999999999, 2**32 * S, (2**32 + 8) * S + 1,
		         9223372036 * S, 9223372037 * S, 15032385535 * S,
		         S // 2, 1700000000 * S + 123456789, 1700000000 * S + 7]
		for i, time in enumerate(times):
		    path = os.path.join(sys.argv[1], "t%d" % i)
		    with open(path, "w") as file:
		        file.write("%d\n" % i)
		    os.utime(path, ns=(time, time))
		    # what the file system can hold is what counts
		    assert os.stat(path).st_mtime_ns // S - time // S in (0, ) or \
		        not -2**31 <= time // S < 15032385536, path
		print(len(times))
	END
	)
}

# taken_once: all are sent, once; then nothing is asked; then they go
taken_once() {
	config ".policies[0].input_file_pattern = \"$1/**/*\" | $2"
	[ "$(summary .added --standalone)" -eq "$times" ]
	: >"$S3_LOG"
	[ "$(summary '[.unchanged,.added,.updated,.skipped]|join(" ")' --standalone)" = "$times 0 0 0" ]
	[ "$(summary .unchanged --standalone)" -eq "$times" ]
	[ "$(s3_requests)" -eq 0 ]
	[ "$(ledger 'select count(*) from file where racy')" -eq 0 ]
	rm -f "$HOME_DIR"/s3-ingestor-ledger.db*
	config ".policies[0].input_file_pattern = \"$1/**/*\" | $2 | .policies[0].delete_after_upload = true"
	ingest_is 0 --standalone
	ingest_is 0 --standalone
	[ "$(find "$1" -type f | wc -l)" -eq 0 ]
}

@test "times of 1901, 1970, 2038, 2106, 2446, to the nanosecond" {
	start_fake_s3
	of_times "$HOME_DIR/data"
	taken_once "$HOME_DIR/data" .
	total=$times
	folder=$(mktemp -d /dev/shm/times.XXXXXX 2>/dev/null) || folder=
	if [ -n "$folder" ]; then
		of_times "$folder"
		taken_once "$folder" . || { rm -rf "$folder" && return 1; }
		# from one file system to another they keep their times
		of_times "$folder"
		# ext4 knows none after 2446
		find "$folder" -newermt @15032385536 -delete
		before=$(cd "$folder" && stat -c '%n %.9Y' -- * | sort)
		rm -f "$HOME_DIR"/s3-ingestor-ledger.db*
		config ".policies[0].input_file_pattern = \"$folder/*\" | .policies[0].input_remove_prefix = \"$folder/\" | .policies[0].move_after_upload = \"moved\""
		ingest_is 0 --standalone
		ingest_is 0 --standalone
		rm -rf "$folder"
		diff <(cd "$HOME_DIR/moved" && stat -c '%n %.9Y' -- * | sort) \
			<(echo "$before")
		total=$((3 * times))
	fi
	survived "$total" "a file has a time that no clock shows, on ext4 and tmpfs"
}

@test "an mtime ahead by less than a day is looked at again, by more is not" {
	start_fake_s3
	config
	echo one >"$HOME_DIR/data/day"
	touch -d "@$((NOW + DAY / 2))" "$HOME_DIR/data/day"
	echo two >"$HOME_DIR/data/year"
	touch -d "@$((NOW + YEAR))" "$HOME_DIR/data/year"
	at "$NOW" ingest_is 0 --standalone
	[ "$(ledger "select group_concat(racy) from (select racy from file order by name)")" = 1,0 ]
	: >"$S3_LOG"
	at $((NOW + DAY)) summary .unchanged --standalone | grep -qx 2
	[ "$(ledger 'select count(*) from file where racy')" -eq 0 ]
	[ "$(s3_requests)" -eq 0 ]
	survived 2 "a file's time is ahead of the clock"
}

@test "racy: what changed in the tick of its upload is sent by the next run" {
	start_fake_s3
	config
	echo one >"$HOME_DIR/data/f"
	touch -d "@$NOW" "$HOME_DIR/data/f"
	at "$NOW" ingest_is 0 --standalone
	[ "$(ledger 'select racy from file')" = 1 ]
	# as if the change had come in the same tick: the row knows these times
	echo two >"$HOME_DIR/data/f"
	touch -d "@$NOW" "$HOME_DIR/data/f"
	ledger "update file set ctime_ns = $(python3 -S -c 'import os, sys
print(os.stat(sys.argv[1]).st_ctime_ns)' "$HOME_DIR/data/f")"
	at $((NOW + 60)) summary .updated --standalone | grep -qx 1
	s3_same data/f "$HOME_DIR/data/f"
	[ "$(ledger 'select racy from file')" = 0 ]
	at $((NOW + 90)) summary .unchanged --standalone | grep -qx 1
	survived 1 "a file changes in the tick of its upload"
}

# ---- the clock of S3, and jumps in a run ----

@test "a wrong clock is learned from S3 in the run, and again when it is right" {
	start_fake_s3
	config
	jumps=0
	for clock in $(some 100 $((NOW + 3 * HOUR)) $Y2106 $((NOW - 3 * HOUR)) \
		$Y2038 $((NOW - 20 * YEAR))) $NOW 86400; do
		echo "$clock" >"$HOME_DIR/data/$clock"
		touch -d 2001-01-01 "$HOME_DIR/data/$clock"
		at "$clock" summary .added --standalone | grep -qx 1
		s3_same "data/$clock" "$HOME_DIR/data/$clock"
		jumps=$((jumps + 1))
	done
	survived $jumps "the clock is wrong: signatures"
}

@test "the clock jumps while a body is under way" {
	start_fake_s3
	jumps=0
	for to in 100 $((NOW - HOUR)) $((NOW + HOUR)) $Y2106; do
		rm -f "$HOME_DIR"/s3-ingestor-ledger.db* "$HOME_DIR"/data/*
		config '.policies[0] += {delete_after_upload: true, delay_removal: 86400}'
		for ((i = 0; i < 40; i++)); do
			head -c 1000 /dev/urandom >"$HOME_DIR/data/$i"
		done
		s3_control "clear
fail method=PUT delay=300 times=2"
		offset "$NOW" >"$BATS_TEST_TMPDIR/clock"
		: >"$S3_LOG"
		timeout 60 env -i PATH="$PATH" "LD_PRELOAD=$FAKE" NO_FAKE_STAT=1 \
			ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:allocator_release_to_os_interval_ms=-1" \
			FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 \
			FAKETIME_TIMESTAMP_FILE="$BATS_TEST_TMPDIR/clock" \
			"$S3_INGESTOR" -C "$HOME_DIR" --standalone >/dev/null 3>&- &
		pid=$!
		note_pid $pid
		wait_for "$S3_LOG"
		offset "$to" >"$BATS_TEST_TMPDIR/clock.new"
		mv "$BATS_TEST_TMPDIR/clock.new" "$BATS_TEST_TMPDIR/clock"
		wait $pid
		sed -i "/^$pid\$/d" "$BATS_TEST_TMPDIR/pids"
		at "$to" ingest_is 0 --standalone
		# a jump forward is the only thing that shortens a wait
		[ "$(find "$HOME_DIR/data" -type f | wc -l)" -eq \
			$((to < NOW + DAY ? 40 : 0)) ]
		jumps=$((jumps + 1))
	done
	survived $jumps "the clock jumps while a body is under way"
}

@test "waits as long as options allow do not overflow" {
	start_fake_s3
	config
	ingest_is 64 --standalone --wait 99999999999
	ingest_is 64 --standalone --max-runtime 99999999999
	ingest_is 0 --standalone --max-runtime 604800
	exec 9>"$HOME_DIR/s3-ingestor.lock"
	flock 9
	run timeout 2 "$S3_INGESTOR" -C "$HOME_DIR" --standalone --wait 604800
	[ "$status" -eq 124 ] || [ "$status" -eq 75 ]
	[[ $output != *"another run"* ]] || [ "$status" -eq 124 ]
	exec 9>&-
	survived 4 "a wait of more than a clock can count"
}
