#!/usr/bin/env bats
# Files that move under the program: at moments chosen for sure, and in storms.

setup() {
	load ../lib/servers.bash
	load lib.bash
	make_home
	configured
}

teardown() { stop_servers; }

CALLS=openat,openat2,newfstatat,fstat,getdents64,pread64,renameat2,unlinkat
MOVES=(append truncate rewrite rewrite-in-the-past replace replace-alike delete
	rename lock-away fifo link-inside link-outside folder folder-renamed
	folder-linked)

# fresh SIZE: another home with data/sub/f of so many bytes, another file, and
# one outside of the pattern; an empty bucket
fresh() {
	chmod -R u+rwX "$HOME_DIR" 2>/dev/null || true
	rm -rf "$HOME_DIR" "$S3_DIR/bucket/objects" "$S3_DIR/bucket/uploads"
	mkdir "$S3_DIR/bucket/objects" "$S3_DIR/bucket/uploads"
	make_home
	configured
	LOG=$BATS_TEST_TMPDIR/moves.log
	rm -f "$LOG"
	mkdir -p "$HOME_DIR/data/sub" "$HOME_DIR/outside/sub"
	head -c "$1" /dev/urandom >"$HOME_DIR/data/sub/f"
	head -c "$1" /dev/urandom >"$HOME_DIR/outside/sub/f"
	echo other >"$HOME_DIR/data/other"
	touch -d '2001-01-01' "$HOME_DIR/data/sub/f" "$HOME_DIR/data/other" \
		"$HOME_DIR/outside/sub/f"
	printf 'had\t%s\tdata/other\n' \
		"$(sha256sum <"$HOME_DIR/data/other" | cut -d' ' -f1)" >>"$LOG"
	bash "$ROOT/tests/torture/move.bash" begin "$HOME_DIR" "$LOG"
	sha256sum "$HOME_DIR/outside/sub/f" >"$BATS_TEST_TMPDIR/outside"
}

# moved KIND N CALLS: one run, in which the file moves at the Nth of CALLS in
# its folder; 1 if there are not so many
moved() {
	local status=0
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 \
		timeout 60 python3 -S "$ROOT/tests/torture/stop_at.py" \
		--calls "$3" --path "$HOME_DIR/data" --path data \
		--path "$HOME_DIR/data/sub" --path data/sub \
		--path "$HOME_DIR/data/sub/f" --stop "$2" \
		"bash '$ROOT/tests/torture/move.bash' $1 '$HOME_DIR' '$LOG'" -- \
		"${AS[@]}" "$S3_INGESTOR" -C "$HOME_DIR" --standalone --json \
		>"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	case $status in
	0 | 74 | 75) ;;
	99) return 1 ;;
	*) echo "moved: exit $status" && cat "$BATS_TEST_TMPDIR/err" && exit 1 ;;
	esac
}

# settled: after what was left has gone on in peace all holds
settled() {
	local i
	[ ! -f "$HOME_DIR/data/sub/f" ] || chmod 600 "$HOME_DIR/data/sub/f"
	for i in 1 2 3; do
		ingest --standalone
		[ "$status" -eq 0 ] || { echo "quiet run: $status $output" && return 1; }
	done
	held --log "$LOG" --tree "$HOME_DIR/data" equal --tidy
	sha256sum --quiet -c "$BATS_TEST_TMPDIR/outside"
}

# walk CALLS SIZE SHORT: each move at each moment, or at SHORT of them
walk() {
	local calls=$1 size=$2 kind n most i
	local filter=$WALK_CONFIG
	walked=0
	fresh "$size"
	config "$filter"
	! moved delete 9999 "$calls" || return 1
	most=$(tail -n 1 "$BATS_TEST_TMPDIR/err")
	[ "$most" -gt 0 ]
	if [ "$TORTURE" = long ]; then
		for kind in "${MOVES[@]}"; do
			for ((n = 1; n <= most; n++)); do
				one_move "$kind" "$n" "$calls" "$size" "$filter"
			done
		done
	else
		for ((i = 0; i < $3; i++)); do
			kind=${MOVES[(RANDOM + i) % ${#MOVES[@]}]}
			one_move "$kind" $((RANDOM % most + 1)) "$calls" \
				"$size" "$filter"
		done
	fi
}

one_move() {
	echo "$1 at call $2 of $3, $4 bytes, $5" >&2
	fresh "$4"
	config "$5"
	moved "$1" "$2" "$3" || return 0
	settled
	walked=$((walked + 1))
}

# violated TEXT OPTION...: the invariants, and it is found that TEXT
violated() {
	local text=$1
	shift
	run held "$@"
	[ "$status" -eq 1 ]
	grep -F "$text" <<<"$output"
}

@test "what violates an invariant is found by the checker" {
	start_fake_s3
	config '.policies[0].output_key_prefix = "to/"'
	echo one >"$HOME_DIR/data/one"
	head -c 20000000 /dev/urandom >"$HOME_DIR/data/large"
	(cd "$HOME_DIR" && sha256sum data/* >"$BATS_TEST_TMPDIR/before")
	ingest_is 0 --standalone
	held --key-prefix to/ --tree "$HOME_DIR/data" exact --tidy \
		--before "$BATS_TEST_TMPDIR/before" --moved "$HOME_DIR/data"

	violated "another content" --part-size 6000000
	printf 'had\t%s\tdata/one\n' "$(sha256sum <<<other | cut -d' ' -f1)" \
		>"$BATS_TEST_TMPDIR/log"
	violated "data/one never had what is recorded" --key-prefix to/ \
		--log "$BATS_TEST_TMPDIR/log"
	echo two >"$HOME_DIR/data/two"
	violated "tree: data/two" --key-prefix to/ --tree "$HOME_DIR/data" equal
	violated "moved: data/two" --moved "$HOME_DIR/data"
	mv "$HOME_DIR/data/two" "$HOME_DIR/data/.s3-ingestor-0"
	touch "$HOME_DIR/s3-ingestor.json.tmp" "$S3_DIR/bucket/uploads/x"
	violated "data/.s3-ingestor-0 was left" --tree "$HOME_DIR/data" equal \
		--tidy
	violated "json.tmp was left" --tidy
	violated "the upload x was left" --tidy
	rm "$HOME_DIR/data/one"
	violated "nothing below" --key-prefix to/ --tree "$HOME_DIR/data" exact
	violated "removed: data/one is not in the bucket as it was" \
		--before "$BATS_TEST_TMPDIR/before"
	echo '{' >"$HOME_DIR/s3-ingestor-context.json"
	violated "s3-ingestor-context.json"
	echo 2 >"$(s3_path to/data/one)"
	violated "data/one: to/data/one has another content"
	rm "$(s3_path to/data/one)"*
	violated "data/one: uploaded, but to/data/one is not in the bucket"
	survived 1 "an invariant violated on purpose"
}

@test "a file that moves at any call of a run is never recorded wrong" {
	seeded
	as_user
	start_fake_s3
	WALK_CONFIG=.
	walk "$CALLS" 1000 6
	survived $walked "a small file moves while it is scanned, read, sent"
	walk pread64 300000 2
	survived $walked "a larger file moves while it is hashed, sent"
}

@test "a file that moves at any call of a run is never removed for another" {
	seeded
	as_user
	start_fake_s3
	WALK_CONFIG='.policies[0].delete_after_upload = true'
	walk "$CALLS" 1000 6
	survived $walked "a file moves while it is sent, deleted"
	WALK_CONFIG='.policies[0].move_after_upload = "moved"'
	walk "$CALLS" 1000 5
	survived $walked "a file moves while it is sent, moved away"
}

# until COMMAND...: at most 20 s
until_true() {
	local i
	for ((i = 0; i < 1000; i++)); do
		! "$@" 2>/dev/null || return 0
		sleep 0.02
	done
	echo "never came: $*"
	return 1
}

# storm SECONDS FILTER: runs in turn while a tree changes, then in peace
storm() {
	local until=$((SECONDS + $1)) mutator i
	fresh 1000
	config "$2"
	python3 -S "$ROOT/tests/torture/mutator.py" --home "$HOME_DIR" --folder data \
		--log "$LOG" --seed "$RANDOM" >"$BATS_TEST_TMPDIR/changes" 3>&- &
	mutator=$!
	note_pid $mutator
	had=$(wc -l <"$LOG")
	# shellcheck disable=SC2016 # eval expands it
	until_true eval '[ "$(wc -l <"$LOG")" -gt "$had" ]'
	stormed=0
	while [ $SECONDS -lt "$until" ]; do
		ingest --standalone
		case $status in
		0 | 74 | 75) ;;
		*) echo "storm: $status $output" && return 1 ;;
		esac
		stormed=$((stormed + 1))
	done
	kill "$mutator"
	wait "$mutator"
	sed -i "/^$mutator\$/d" "$BATS_TEST_TMPDIR/pids"
	changes=$(cat "$BATS_TEST_TMPDIR/changes")
	echo "$changes changes in $stormed runs"
	settled
}

@test "a storm over a tree: what is recorded is true, nothing is lost" {
	seeded
	start_fake_s3
	storm "$(rounds 2 120)" .
	survived "$changes" "changes of a tree as fast as it can be, runs in turn"
}

@test "a storm over a tree that is removed: nothing goes unsent" {
	seeded
	start_fake_s3
	storm "$(rounds 2 120)" '.policies[0].delete_after_upload = true'
	survived "$changes" "changes of a tree that is deleted after upload"
	storm "$(rounds 1 60)" '.policies[0].move_after_upload = "moved"'
	survived "$changes" "changes of a tree that is moved away after upload"
}

# ---- while it is on its way ----

move() { bash "$ROOT/tests/torture/move.bash" "$1" "$HOME_DIR" "$LOG"; }

# start_run: one in the background, its pid in RUN
start_run() {
	"$S3_INGESTOR" -C "$HOME_DIR" --standalone \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	RUN=$!
	note_pid "$RUN"
}

end_run() {
	local status=0
	wait "$RUN" || status=$?
	sed -i "/^$RUN\$/d" "$BATS_TEST_TMPDIR/pids"
	case $status in
	0 | 74 | 75) ;;
	*) echo "exit $status: $(cat "$BATS_TEST_TMPDIR/out")" && return 1 ;;
	esac
}

first_part() { compgen -G "$S3_DIR/bucket/uploads/*/1.meta" >/dev/null; }

# while_sent KIND SIZE FILTER EVENT...: it moves once the EVENT has come, and
# before S3 has answered
while_sent() {
	local kind=$1 size=$2 filter=$3
	shift 3
	echo "$kind, $size bytes, $filter" >&2
	fresh "$size"
	config "$filter"
	s3_control "clear
fail method=PUT key=data/sub/ delay=1000 times=1"
	start_run
	until_true "$@"
	# S3 has it, and the run stands still until the file has moved
	kill -STOP "$RUN"
	move "$kind"
	kill -CONT "$RUN"
	end_run
	settled
}

@test "a file that moves while a PUT is under way" {
	seeded
	start_fake_s3
	moves=0
	for kind in "${MOVES[@]}"; do
		[ "$kind" != lock-away ] || continue
		for filter in . '.policies[0].delete_after_upload = true'; do
			[ "$TORTURE" = long ] || [ $((RANDOM % 5)) -eq 0 ] ||
				continue
			while_sent "$kind" 300000 "$filter" s3_has data/sub/f
			moves=$((moves + 1))
		done
	done
	survived $((moves + 1)) "a file moves while its PUT is under way"
}

@test "a file that moves while its parts are under way" {
	seeded
	start_fake_s3
	moves=0
	for kind in append "${MOVES[@]}"; do
		[ "$kind" != lock-away ] || continue
		[ "$TORTURE" = long ] || [ $moves -eq 0 ] ||
			[ $((RANDOM % 8)) -eq 0 ] || continue
		while_sent "$kind" 17000000 '.s3_part_size = 5242880' first_part
		moves=$((moves + 1))
	done
	survived $moves "a file moves while its parts are under way"
}

# replaced_in_vain END DELAY_MS: the object is replaced by a state of the file that no
# row tells of, since the run ends with END then
replaced_in_vain() {
	fresh 8
	config '.policies[0].input_file_pattern = "data/sub/*"'
	printf 'AAAAAAAA' >"$HOME_DIR/data/sub/f"
	touch -d '2001-01-01' "$HOME_DIR/data/sub/f"
	ingest_is 0 --standalone
	printf 'BBBBBBBB' >"$HOME_DIR/data/sub/f"
	touch -d '2001-01-02' "$HOME_DIR/data/sub/f"
	s3_control "clear
fail method=PUT delay=$2 times=1"
	start_run
	until_true grep -q BBBBBBBB "$(s3_path data/sub/f)"
	"$1"
	printf 'AAAAAAAA' >"$HOME_DIR/data/sub/f"
	touch -d '2001-01-03' "$HOME_DIR/data/sub/f"
}

it_moves() {
	echo more >>"$HOME_DIR/data/sub/f"
	end_run
}

it_is_killed() {
	# one that had ended does not count
	! kill -KILL "$RUN" 2>/dev/null || killed=$((killed + 1))
	wait "$RUN" 2>/dev/null || true
	sed -i "/^$RUN\$/d" "$BATS_TEST_TMPDIR/pids"
}

@test "a file that is again what it was is sent again, if its object is not" {
	start_fake_s3
	killed=0
	for end in it_moves it_is_killed; do
		delay=1000
		[ "$end" = it_moves ] || delay=9000
		replaced_in_vain "$end" "$delay"
		ingest_is 0 --standalone
		s3_same data/sub/f "$HOME_DIR/data/sub/f"
		replaced_in_vain "$end" "$delay"
		config '.policies[0].delete_after_upload = true'
		ingest_is 0 --standalone
		[ ! -e "$HOME_DIR/data/sub/f" ]
		[ "$(cat "$(s3_path data/sub/f)")" = AAAAAAAA ]
	done
	[ "$killed" -gt 0 ]
	survived $((2 + killed)) "a file becomes again what it was after its object was replaced"
}

@test "a key that another file took has nothing of the first one" {
	start_fake_s3
	fresh 8
	mkdir "$HOME_DIR/customizers"
	echo 'module.exports = function (f) { return "one-key"; };' \
		>"$HOME_DIR/customizers/one.js"
	config '.policies[0].customizer = "one" | .policies[0].input_file_pattern = "data/k/*"'
	mkdir "$HOME_DIR/data/k"
	printf 'AAAAAAAA' >"$HOME_DIR/data/k/a"
	touch -d '2001-01-01' "$HOME_DIR/data/k/a"
	ingest_is 0 --standalone
	mv "$HOME_DIR/data/k/a" "$HOME_DIR/a"
	printf 'BBBBBBBB' >"$HOME_DIR/data/k/b"
	touch -d '2001-01-01' "$HOME_DIR/data/k/b"
	ingest_is 0 --standalone
	rm "$HOME_DIR/data/k/b"
	cp "$HOME_DIR/a" "$HOME_DIR/data/k/a"
	ingest_is 0 --standalone
	[ "$(cat "$(s3_path one-key)")" = AAAAAAAA ]
	survived 1 "a file comes back after another one took its key"
}

# ---- writers ----

# hold FILE: somebody has it open for writing, until let_go
hold() {
	rm -f "$BATS_TEST_TMPDIR/go" "$BATS_TEST_TMPDIR/holds"
	mkfifo "$BATS_TEST_TMPDIR/go"
	(
		exec 9>>"$1"
		echo yes >"$BATS_TEST_TMPDIR/holds"
		while read -r word; do
			[ "$word" != more ] || echo more >&9
			echo did >"$BATS_TEST_TMPDIR/did"
		done <"$BATS_TEST_TMPDIR/go"
	) >/dev/null 2>&1 3>&- &
	HOLDER=$!
	note_pid $HOLDER
	exec 8>"$BATS_TEST_TMPDIR/go"
	wait_for "$BATS_TEST_TMPDIR/holds"
}

writes_more() {
	rm -f "$BATS_TEST_TMPDIR/did"
	echo more >&8
	wait_for "$BATS_TEST_TMPDIR/did"
}

let_go() {
	exec 8>&-
	wait "$HOLDER"
	sed -i "/^$HOLDER\$/d" "$BATS_TEST_TMPDIR/pids"
}

can_lease() {
	[ "$(uname -s)" = Linux ] || skip "leases are Linux'"
}

# as NAME: runs are those of that user from now on; home and data are its own
as() {
	[ "$(id -u)" -eq 0 ] || skip "only root can be somebody else"
	chown -R "$1" "$HOME_DIR"
	local folder=$BATS_TEST_TMPDIR
	while [ "$folder" != / ]; do
		chmod a+x "$folder"
		folder=$(dirname "$folder")
	done
	AS=(setpriv "--reuid=$1" --regid=65534 --clear-groups)
}

held_open() {
	fresh 1000
	config '.policies[0].input_file_pattern = "data/sub/*"'
	"$@"
	hold "$HOME_DIR/data/sub/f"
	[ "$(summary '[.added,.delayed]|join(" ")' --standalone)" = "$wanted" ]
	let_go
	[ "$(summary '[.added,.delayed,.failed]|join(" ")' --standalone)" = "$wanted_then" ]
}

@test "open for writing: delayed where we own the file, or may look" {
	can_lease
	start_fake_s3
	wanted="0 1" wanted_then="1 0 0"
	held_open true
	survived 1 "a file is open for writing: we own it, or are root"
}

@test "open for writing: delayed where we own the file, as no root" {
	can_lease
	start_fake_s3
	wanted="0 1" wanted_then="1 0 0"
	held_open as 65534
	survived 1 "a file is open for writing: we own it, and are not root"
}

@test "open for writing: where nobody can tell it is sent as it is" {
	can_lease
	start_fake_s3
	theirs() {
		as 65534
		chown 65533 "$HOME_DIR/data/sub/f"
		chmod 644 "$HOME_DIR/data/sub/f"
	}
	wanted="1 0" wanted_then="0 0 0"
	held_open theirs
	s3_same data/sub/f "$HOME_DIR/data/sub/f"
	survived 1 "a file is open for writing, and we may not look"
}

@test "after 24 hours a snapshot is sent, and never removed" {
	can_lease
	start_fake_s3
	fresh 1000
	config '.policies[0].delete_after_upload = true | .policies[0].input_file_pattern = "data/sub/*"'
	hold "$HOME_DIR/data/sub/f"
	[ "$(summary .delayed --standalone)" = 1 ]
	ledger 'update pending set since_ms = since_ms - 23*3600*1000'
	[ "$(summary '[.added,.delayed]|join(" ")' --standalone)" = "0 1" ]
	ledger 'update pending set since_ms = since_ms - 2*3600*1000'
	cp "$HOME_DIR/data/sub/f" "$BATS_TEST_TMPDIR/snapshot"
	# it grows while it is sent
	s3_control 'fail method=PUT delay=400'
	start_run
	until_true s3_has data/sub/f
	writes_more
	end_run
	s3_same data/sub/f "$BATS_TEST_TMPDIR/snapshot"
	[ -e "$HOME_DIR/data/sub/f" ]
	ledger 'select size from file' | grep -qx 1000
	[ "$(summary '[.delayed,.deleted]|join(" ")' --standalone)" = "1 0" ]
	let_go
	cp "$HOME_DIR/data/sub/f" "$BATS_TEST_TMPDIR/whole"
	ingest_is 0 --standalone
	ingest_is 0 --standalone
	[ ! -e "$HOME_DIR/data/sub/f" ]
	s3_same data/sub/f "$BATS_TEST_TMPDIR/whole"
	survived 1 "a file is open for writing for a day, and grows"
}

@test "who wants to write does not wait, and the run does not die of it" {
	can_lease
	seeded
	start_fake_s3
	fresh 1000
	config '.policies[0].force_upload = true'
	for ((i = 0; i < 200; i++)); do
		echo "$i" >"$HOME_DIR/data/$i"
	done
	python3 -S - "$HOME_DIR/data" >"$BATS_TEST_TMPDIR/waits" 3>&- <<-'END' &
		import os, signal, sys, time
		ended = []
		signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
		names = [e.path for e in os.scandir(sys.argv[1]) if e.is_file()]
		longest = opened = 0
		while not ended:
		    for name in names:
		        began = time.monotonic()
		        os.close(os.open(name, os.O_WRONLY))
		        longest = max(longest, time.monotonic() - began)
		        opened += 1
		print(opened, "long" if longest > 20 else "short")
	END
	writer=$!
	note_pid $writer
	for ((i = 0; i < $(rounds 3 50); i++)); do
		[ "$(summary .failed --standalone)" = 0 ]
	done
	kill $writer
	wait $writer
	sed -i "/^$writer\$/d" "$BATS_TEST_TMPDIR/pids"
	read -r opened longest <"$BATS_TEST_TMPDIR/waits"
	[ "$longest" = short ]
	survived "$opened" "somebody opens a file to write while it is looked at"
}

@test "who opens a file in the moment before it goes gets it back" {
	can_lease
	start_fake_s3
	fresh 1000
	config '.policies[0].delete_after_upload = true | .policies[0].input_file_pattern = "data/sub/*"'
	cat >"$BATS_TEST_TMPDIR/write" <<-END
		exec 3>&-
		set -- "$HOME_DIR"/data/sub/.s3-ingestor-*
		(echo more >>"\$1"; echo did >"$BATS_TEST_TMPDIR/did") >/dev/null 2>&1 &
		for i in {1..1000}; do
			! grep -q BREAKING /proc/locks || exit 0
			sleep 0.02
		done
		exit 1
	END
	traced_run() {
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 timeout 60 \
			python3 -S "$ROOT/tests/torture/stop_at.py" --calls renameat2 \
			--at 'renameat2\(.*= 0' "bash '$BATS_TEST_TMPDIR/write'" -- \
			"$S3_INGESTOR" -C "$HOME_DIR" --standalone
	}
	run traced_run
	[ "$status" -eq 0 ]
	wait_for "$BATS_TEST_TMPDIR/did"
	[ "$(stat -c %s "$HOME_DIR/data/sub/f")" -eq 1005 ]
	cp "$HOME_DIR/data/sub/f" "$BATS_TEST_TMPDIR/whole"
	ingest_is 0 --standalone
	ingest_is 0 --standalone
	[ ! -e "$HOME_DIR/data/sub/f" ]
	s3_same data/sub/f "$BATS_TEST_TMPDIR/whole"
	survived 1 "somebody opens a file between its rename and its removal"
}

@test "a fifo or a device never blocks, wherever it stands" {
	start_fake_s3
	fresh 10
	mkfifo "$HOME_DIR/data/fifo" "$HOME_DIR/data/sub/fifo"
	made=2
	# not everywhere that root may
	! mknod "$HOME_DIR/data/null" c 1 3 2>/dev/null || made=3
	ln -s fifo "$HOME_DIR/data/to-fifo"
	ln -s /dev/zero "$HOME_DIR/data/to-zero"
	mkdir "$HOME_DIR/data/deep"
	ln -s ../fifo "$HOME_DIR/data/deep/up"
	for pattern in 'data/**/*' data/fifo data/to-fifo data/null /dev/zero \
		'data/f*' data/deep/up 'data/fifo/*' '/dev/z*'; do
		for follow in '"inside"' true; do
			config ".policies = [{input_file_pattern: \"$pattern\", follow_symlinks: $follow}]"
			run timeout 20 env -i PATH="$PATH" "$S3_INGESTOR" \
				-C "$HOME_DIR" --standalone
			[ "$status" -eq 0 ]
		done
	done
	[ "$(s3_count)" -eq 2 ]
	survived $((made * 18)) "a fifo or a device where a file is looked for"
}
