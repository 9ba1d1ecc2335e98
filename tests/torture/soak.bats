#!/usr/bin/env bats
# A day in an hour: a run each minute on a tree that changes, with faults at
# random. In the end the bucket is the tree, and nothing has grown.

setup() {
	load ../lib/servers.bash
	load lib.bash
	make_home
}

teardown() { stop_servers; }

FAKETIME_LIBRARY=$(ls /usr/lib/*/faketime/libfaketime.so.1 /usr/lib/faketime/libfaketime.so.1 2>/dev/null | head -n 1)

# at_minute N COMMAND...: a run of that minute
at_minute() {
	local minute=$1
	shift
	# the sanitizer asks for the time inside its allocator, and libfaketime,
	# asked for the first time, allocates
	local asan=detect_leaks=0:allocator_release_to_os_interval_ms=-1
	s3_control "clock +$((minute * 60))"
	env -i PATH="$PATH" LC_ALL=C.UTF-8 ASAN_OPTIONS="$asan" LD_PRELOAD="$(preload_of "$FAKETIME_LIBRARY")" \
		FAKETIME="+$((minute * 60))s" FAKETIME_DONT_FAKE_MONOTONIC=1 "$@"
}

# change_tree MINUTE: some files come, change and go, with the times of then
change_tree() {
	local n path when
	when=$(date -d "+$1 minutes" '+%Y-%m-%d %H:%M:%S')
	for n in 1 2 3 4; do
		path=$HOME_DIR/data/$((RANDOM % 7))/$((RANDOM % 30))
		case $((RANDOM % 6)) in
		0) rm -f "$path" ;;
		1) [ ! -e "$path" ] || { echo "$1" >>"$path" && touch -d "$when" "$path"; } ;;
		2) rm -rf "${path%/*}" ;;
		*)
			mkdir -p "${path%/*}"
			# a size of its own: what changes twice in a second is told by it
			seq "$((RANDOM % 500))" "$(($1 + 600))" >"$path"
			touch -d "$when" "$path"
			;;
		esac
	done
}

# fault: one at random for the next run; most minutes have none
fault() {
	case $((RANDOM % 12)) in
	0) s3_control "fail status=500 code=InternalError times=$((RANDOM % 9))" ;;
	1) s3_control "fail method=PUT lost times=$((RANDOM % 3 + 1))" ;;
	2) s3_control "fail status=503 code=SlowDown times=$((RANDOM % 4))" ;;
	3) s3_control "fail method=PUT status=403 code=AccessDenied skip=1 times=2" ;;
	4) reply default 'no JSON' ;;
	5) reply default '' '{"status":500}' ;;
	6) killed=yes ;;
	*) ;;
	esac
}

clear_fault() {
	s3_control clear
	reply default '{"state":"configured"}' '{}'
	killed=
}

# one_minute N: what cron would do
one_minute() {
	change_tree "$1"
	fault
	if [ -n "$killed" ]; then
		ended=killed
		at_minute "$1" timeout -s KILL "0.0$((RANDOM % 9))" "$S3_INGESTOR" -C "$HOME_DIR" >/dev/null 2>&1 || true
	else
		run at_minute "$1" timeout 60 "$BUILD/tests/stopwatch" "$S3_INGESTOR" -C "$HOME_DIR"
		read -r _ _ _ peak_kib ended _ <<<"$(tail -n 1 <<<"$output")"
		[[ $ended =~ ^(0|69|75|77)$ ]] || { echo "minute $1: $ended $output" && return 1; }
		[ "$peak_kib" -le "$most_kib" ] || most_kib=$peak_kib
	fi
	clear_fault
}

ledger_pages() { ledger 'pragma page_count'; }

@test "a day of runs each minute: the bucket is the tree, ledger and memory are flat" {
	[ -n "$FAKETIME_LIBRARY" ] || skip "no libfaketime here"
	seeded
	start_fake_s3
	start_mothership
	configured
	config
	minutes=$(rounds 40 1440)
	clear_fault
	most_kib=0
	for ((minute = 1; minute <= minutes; minute++)); do
		one_minute "$minute"
		# after a kill a row may be behind its object, until the next run
		[ "$ended" != 0 ] || [ $((minute % 10)) -ne 0 ] || held
		[ "$minute" -ne $((minutes / 2)) ] || { half=$(ledger_pages) && half_kib=$most_kib && most_kib=0; }
	done
	# without faults all is done
	run at_minute "$minute" "$S3_INGESTOR" -C "$HOME_DIR" --action wakeup
	[ "$status" -eq 0 ] || { echo "$output" && return 1; }
	held --tree "$HOME_DIR/data" equal --tidy
	echo "ledger: $half pages at noon, $(ledger_pages) at midnight; runs: $half_kib and $most_kib KiB"
	[ "$most_kib" -le $((half_kib * 5 / 4)) ]
	[ "$(ledger_pages)" -le $((half * 3 / 2 + 8)) ]
	# a month later rows of files that are gone are gone too, but for those
	# whose folder is missing
	mkdir -p "$HOME_DIR"/data/{0,1,2,3,4,5,6}
	for day in 1 32 33; do
		run at_minute $((minute + day * 1440)) "$S3_INGESTOR" -C "$HOME_DIR" --action wakeup
		[ "$status" -eq 0 ] || { echo "$output" && return 1; }
	done
	[ "$(ledger 'select count(*) from file')" -eq "$(find "$HOME_DIR/data" -type f | wc -l)" ]
	survived "$minutes" "a run each minute, faults at random"
}

@test "a listener that is woken again and again: memory and descriptors are flat" {
	seeded
	start_fake_s3
	start_mothership
	configured
	config '.api_port = 0'
	env -i PATH="$PATH" ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} "$S3_INGESTOR" -C "$HOME_DIR" --listen >"$BATS_TEST_TMPDIR/listen" 2>&1 3>&- &
	pid=$!
	note_pid "$pid"
	wait_for "$BATS_TEST_TMPDIR/listen"
	listen=http://$(sed 's/listening on //' "$BATS_TEST_TMPDIR/listen")
	used() { echo "$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status") $(find "/proc/$pid/fd" -mindepth 1 | wc -l)"; }
	wakes=$(rounds 20 1440)
	for ((wake = 1; wake <= wakes; wake++)); do
		before=$(contacts)
		curl -s --noproxy '*' "$listen/" >/dev/null
		until [ "$(contacts)" -gt "$before" ]; do sleep 0.02; done
		[ "$wake" -ne $((wakes / 4)) ] || early=$(used)
	done
	# its last child is gone, too
	until [ -z "$(pgrep -P "$pid")" ]; do sleep 0.05; done
	late=$(used)
	echo "KiB and descriptors: $early, then $late"
	[ "${late% *}" -le $((${early% *} * 5 / 4 + 512)) ]
	[ "${late#* }" -le $((${early#* } + 1)) ]
	survived "$wakes" "a wake of the listener"
}
