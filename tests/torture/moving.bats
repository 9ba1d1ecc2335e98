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
		timeout 60 python3 "$ROOT/tests/torture/stop_at.py" \
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

# settled OPTION...: after what was left has gone on in peace all holds
settled() {
	local i
	[ ! -f "$HOME_DIR/data/sub/f" ] || chmod 600 "$HOME_DIR/data/sub/f"
	for i in 1 2 3; do
		ingest --standalone
		[ "$status" -eq 0 ] || { echo "quiet run: $status $output" && return 1; }
	done
	held --log "$LOG" --tree "$HOME_DIR/data" equal --tidy "$@"
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

# held OPTION...: the invariants, by code that is not the program's
held() {
	python3 "$ROOT/tests/torture/invariants.py" --home "$HOME_DIR" \
		--prefix s3-ingestor --s3-root "$S3_DIR" --bucket bucket "$@"
}

# violated TEXT OPTION...: the same, and it is found that TEXT
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
	walk "$CALLS" 1000 12
	survived $walked "a small file moves while it is scanned, read, sent"
	walk pread64 300000 6
	survived $walked "a larger file moves while it is hashed, sent"
}

@test "a file that moves at any call of a run is never removed for another" {
	seeded
	as_user
	start_fake_s3
	WALK_CONFIG='.policies[0].delete_after_upload = true'
	walk "$CALLS" 1000 12
	survived $walked "a file moves while it is sent, deleted"
	WALK_CONFIG='.policies[0].move_after_upload = "moved"'
	walk "$CALLS" 1000 12
	survived $walked "a file moves while it is sent, moved away"
}

# storm SECONDS FILTER: runs in turn while a tree changes, then in peace
storm() {
	local until=$((SECONDS + $1)) mutator i
	fresh 1000
	config "$2"
	python3 "$ROOT/tests/torture/mutator.py" --home "$HOME_DIR" --folder data \
		--log "$LOG" --seed "$RANDOM" >"$BATS_TEST_TMPDIR/changes" 3>&- &
	mutator=$!
	note_pid $mutator
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
	storm "$(rounds 3 120)" .
	survived "$changes" "changes of a tree as fast as it can be, runs in turn"
}

@test "a storm over a tree that is removed: nothing goes unsent" {
	seeded
	start_fake_s3
	storm "$(rounds 3 120)" '.policies[0].delete_after_upload = true'
	survived "$changes" "changes of a tree that is deleted after upload"
	storm "$(rounds 2 60)" '.policies[0].move_after_upload = "moved"'
	survived "$changes" "changes of a tree that is moved away after upload"
}
