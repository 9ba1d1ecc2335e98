#!/usr/bin/env bats
# Local files that go after their upload: only with proof, only the file that
# was sent, and nothing else.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
}

teardown() { stop_servers; }

# age FILE...: not modified just now, so that one look is enough
age() { touch -d '2001-01-01' "$@"; }

policy() { config ".policies = [{input_file_pattern: \"data/**/*\"} + $1]"; }

# ---- delete_after_upload ----

@test "delete_after_upload: deleted once S3 confirmed it, and counted" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	cp "$HOME_DIR/data/a" "$BATS_TEST_TMPDIR/a"
	age "$HOME_DIR/data/a"
	[ "$(summary '[.added,.deleted,.failed]|join(" ")' --standalone)" = "1 1 0" ]
	[ ! -e "$HOME_DIR/data/a" ]
	s3_same data/a "$BATS_TEST_TMPDIR/a"
	[ "$(summary '[.added,.deleted,.unchanged]|join(" ")' --standalone)" = "0 0 0" ]
}

@test "a file modified within the clock's grain goes in the next run" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	touch -d "$(date -d '+1 hour')" "$HOME_DIR/data/a"
	[ "$(summary '[.added,.deleted]|join(" ")' --standalone)" = "1 0" ]
	[ -e "$HOME_DIR/data/a" ]
}

@test "a refused upload deletes nothing" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	s3_control 'fail method=PUT status=403 code=AccessDenied times=9'
	ingest_is 77 --standalone
	[ -e "$HOME_DIR/data/a" ]
}

@test "a 200 with an error inside, or a wrong checksum, deletes nothing" {
	policy '{delete_after_upload: true}'
	head -c 17000000 /dev/zero >"$HOME_DIR/data/large"
	age "$HOME_DIR/data/large"
	s3_control 'fail method=POST query=uploadId ok-with-error code=InternalError times=99'
	ingest --standalone
	[ "$status" -ne 0 ]
	[ -e "$HOME_DIR/data/large" ]
}

@test "empty folders go up to the literal folder of the pattern" {
	policy '{delete_after_upload: true}'
	mkdir -p "$HOME_DIR/data/x/y/z" "$HOME_DIR/data/kept/inner"
	echo one >"$HOME_DIR/data/x/y/z/a"
	echo two >"$HOME_DIR/data/kept/b"
	age "$HOME_DIR/data/x/y/z/a" "$HOME_DIR/data/kept/b"
	[ "$(summary .deleted --standalone)" = 2 ]
	[ ! -e "$HOME_DIR/data/x" ]
	[ -d "$HOME_DIR/data/kept/inner" ]
	[ -d "$HOME_DIR/data" ]
}

@test "configured later: what is proven is deleted without asking S3" {
	policy '{}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	policy '{delete_after_upload: true}'
	: >"$S3_LOG"
	[ "$(summary '[.unchanged,.deleted]|join(" ")' --standalone)" = "1 1" ]
	[ ! -e "$HOME_DIR/data/a" ]
	[ "$(s3_requests)" -eq 0 ]
}

@test "in the bucket already: compared by content, deleted if equal" {
	policy '{}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	rm "$HOME_DIR"/s3-ingestor-ledger.db*
	policy '{delete_after_upload: true}'
	: >"$S3_LOG"
	[ "$(summary '[.skipped,.deleted]|join(" ")' --standalone)" = "1 1" ]
	[ "$(s3_requests '^PUT')" -eq 0 ]
	[ ! -e "$HOME_DIR/data/a" ]
}

@test "in the bucket with the same size and other content: uploaded, then deleted" {
	policy '{}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	rm "$HOME_DIR"/s3-ingestor-ledger.db*
	echo two >"$HOME_DIR/data/a"
	cp "$HOME_DIR/data/a" "$BATS_TEST_TMPDIR/a"
	age "$HOME_DIR/data/a"
	policy '{delete_after_upload: true}'
	[ "$(summary '[.updated,.deleted]|join(" ")' --standalone)" = "1 1" ]
	s3_same data/a "$BATS_TEST_TMPDIR/a"
	[ ! -e "$HOME_DIR/data/a" ]
}

@test "known by size alone before: compared by content first" {
	policy '{}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	rm "$HOME_DIR"/s3-ingestor-ledger.db*
	echo two >"$HOME_DIR/data/a"
	cp "$HOME_DIR/data/a" "$BATS_TEST_TMPDIR/a"
	age "$HOME_DIR/data/a"
	# same size and older: skipped, and known only by its size
	[ "$(summary .skipped --standalone)" = 1 ]
	policy '{delete_after_upload: true}'
	[ "$(summary '[.updated,.deleted]|join(" ")' --standalone)" = "1 1" ]
	s3_same data/a "$BATS_TEST_TMPDIR/a"
}

@test "two policies match: deleted only when both have it" {
	config '.policies = [
		{input_file_pattern: "data/*", delete_after_upload: true},
		{input_file_pattern: "data/*", output_key_prefix: "copy/"}]'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	s3_control 'fail method=PUT key=copy/ status=403 code=AccessDenied times=9'
	ingest_is 77 --standalone
	[ -e "$HOME_DIR/data/a" ]
	s3_control clear
	[ "$(summary '[.added,.unchanged,.deleted]|join(" ")' --standalone)" = "1 1 1" ]
	[ ! -e "$HOME_DIR/data/a" ]
	s3_has copy/data/a
}

@test "the same file under ./ in another policy counts as the same file" {
	config '.policies = [
		{input_file_pattern: "data/*", delete_after_upload: true},
		{input_file_pattern: "./data/*", output_key_prefix: "copy/", s3_bucket: "nosuch"}]'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest --standalone
	[ -e "$HOME_DIR/data/a" ]
	s3_has data/a
}

@test "a file that is appended to while it is sent is not deleted" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	s3_control 'fail method=PUT delay=1500 times=1'
	(
		for ((i = 0; i < 200; i++)); do
			[ "$(s3_requests '^HEAD')" -ge 1 ] && break
			sleep 0.02
		done
		echo more >>"$HOME_DIR/data/a"
	) 3>&- &
	ingest --standalone
	wait $!
	[ "$(cat "$HOME_DIR/data/a")" = $'one\nmore' ]
}

@test "a file that a process has open for writing is not deleted" {
	policy '{}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	policy '{delete_after_upload: true}'
	exec 7>>"$HOME_DIR/data/a"
	[ "$(summary .deleted --standalone)" = 0 ]
	[ -e "$HOME_DIR/data/a" ]
	exec 7>&-
	[ "$(summary .deleted --standalone)" = 1 ]
}

@test "a link goes, what it leads to stays" {
	config '.policies = [{input_file_pattern: "data/*.lnk", delete_after_upload: true}]'
	echo one >"$HOME_DIR/data/target"
	age "$HOME_DIR/data/target"
	ln -s target "$HOME_DIR/data/a.lnk"
	[ "$(summary '[.added,.deleted]|join(" ")' --standalone)" = "1 1" ]
	[ -e "$HOME_DIR/data/target" ]
	[ ! -L "$HOME_DIR/data/a.lnk" ]
}

@test "a folder that may not be written: told, exit 74, tried again" {
	as_user
	policy '{delete_after_upload: true}'
	mkdir "$HOME_DIR/data/locked"
	echo one >"$HOME_DIR/data/locked/a"
	age "$HOME_DIR/data/locked/a"
	chmod 500 "$HOME_DIR/data/locked"
	ingest_is 74 --standalone
	[[ $output == *data/locked/a:\ delete_after_upload:* ]]
	chmod 700 "$HOME_DIR/data/locked"
	[ "$(summary .deleted --standalone)" = 1 ]
}

# left_aside: a run is killed when data/a stands aside
left_aside() {
	run traced -o /dev/null -e trace=unlinkat \
		-e inject=unlinkat:signal=SIGKILL:when=1 \
		"$S3_INGESTOR" -C "$HOME_DIR" --standalone
	[ "$status" -eq 137 ] || return 1
	[ "$(find "$HOME_DIR/data" -name '.s3-ingestor-*' | wc -l)" -eq 1 ] || return 1
	[ ! -e "$HOME_DIR/data/a" ]
}

@test "killed between aside and away: the next run finishes" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	left_aside
	[ "$(summary .deleted --standalone)" = 1 ]
	[ -z "$(ls -A "$HOME_DIR/data")" ]
}

@test "killed between aside and away: the next run sends nothing again" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	left_aside
	requests=$(s3_requests)
	[ "$(summary '[.deleted,.added,.updated]|join(" ")' --standalone)" = "1 0 0" ]
	[ "$(s3_requests)" -eq "$requests" ]
	[ "$(ledger 'select count(*) from removal')" = 0 ]
	[ "$(ledger "select count(*) from note where name = 'removing'")" = 0 ]
}

@test "killed between aside and away, the policy removes no more: the file is back" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	left_aside
	policy '{}'
	[ "$(summary '[.deleted,.unchanged]|join(" ")' --standalone)" = "0 1" ]
	[ "$(cat "$HOME_DIR/data/a")" = one ]
	# and no policy at all knows of it
	policy '{delete_after_upload: true, output_key_prefix: "x/"}'
	left_aside
	config '.policies = [{input_file_pattern: "other/*"}]'
	ingest_is 0 --standalone
	[ "$(cat "$HOME_DIR/data/a")" = one ]
	[ -z "$(find "$HOME_DIR/data" -name '.s3-ingestor-*')" ]
}

@test "killed between aside and away, another file has the name: both are sent" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	left_aside
	echo another >"$HOME_DIR/data/a"
	cp "$HOME_DIR/data/a" "$BATS_TEST_TMPDIR/a"
	age "$HOME_DIR/data/a"
	[ "$(summary '[.deleted,.added,.updated]|join(" ")' --standalone)" = "2 1 1" ]
	s3_same data/a "$BATS_TEST_TMPDIR/a"
	[ "$(cat "$(s3_path data/a.1)")" = one ]
}

@test "killed between aside and away, written to meanwhile: sent again, then deleted" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	left_aside
	aside=$(find "$HOME_DIR/data" -name '.s3-ingestor-*')
	echo two >"$aside" # by who had it open; size and time are the same
	age "$aside"
	[ "$(summary '[.deleted,.updated]|join(" ")' --standalone)" = "1 1" ]
	[ "$(cat "$(s3_path data/a)")" = two ]
}

@test "a file that cannot be deleted once it stands aside has its name back" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	run traced -o /dev/null -e trace=unlinkat \
		-e inject=unlinkat:error=EIO:when=1 \
		"$S3_INGESTOR" -C "$HOME_DIR" --standalone
	[ "$status" -eq 74 ]
	[ "$(cat "$HOME_DIR/data/a")" = one ]
	[ "$(summary .deleted --standalone)" = 1 ]
}

# ---- move_after_upload ----

@test "move_after_upload: to folder/name without the prefix, folders made" {
	policy '{move_after_upload: "done/deep", input_remove_prefix: "data/"}'
	mkdir "$HOME_DIR/data/x"
	echo one >"$HOME_DIR/data/x/a"
	age "$HOME_DIR/data/x/a"
	[ "$(summary '[.added,.deleted]|join(" ")' --standalone)" = "1 1" ]
	[ "$(cat "$HOME_DIR/done/deep/x/a")" = one ]
	[ ! -e "$HOME_DIR/data/x/a" ]
	[ "$(summary '[.added,.unchanged]|join(" ")' --standalone)" = "0 0" ]
}

@test "move_after_upload overwrites nothing: a number is added" {
	policy '{move_after_upload: "done", input_remove_prefix: "data/"}'
	mkdir "$HOME_DIR/done"
	echo old >"$HOME_DIR/done/a"
	echo older >"$HOME_DIR/done/a.1"
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ "$(cat "$HOME_DIR/done/a" "$HOME_DIR/done/a.1" "$HOME_DIR/done/a.2")" = $'old\nolder\none' ]
}

@test "move_after_upload works across file systems, with mode and time" {
	[ -w /dev/shm ] || skip "no second file system here"
	other=$(mktemp -d /dev/shm/s3-ingestor-test.XXXXXX)
	[ "$(stat -c %d "$other")" != "$(stat -c %d "$HOME_DIR")" ] || skip "no second file system here"
	policy "{move_after_upload: \"$other\", input_remove_prefix: \"data/\"}"
	mkdir "$HOME_DIR/data/x"
	head -c 300000 /dev/urandom >"$HOME_DIR/data/x/a"
	cp "$HOME_DIR/data/x/a" "$BATS_TEST_TMPDIR/a"
	chmod 640 "$HOME_DIR/data/x/a"
	age "$HOME_DIR/data/x/a"
	ingest_is 0 --standalone
	cmp "$other/x/a" "$BATS_TEST_TMPDIR/a"
	[ "$(stat -c '%a %Y' "$other/x/a")" = "640 $(date -d 2001-01-01 +%s)" ]
	[ ! -e "$HOME_DIR/data/x/a" ]
	[ -z "$(find "$other" -name '.s3-ingestor-*')" ]
	rm -r "$other"
}

@test "what was moved is not uploaded again, also below the pattern's folder" {
	config '.policies = [{input_file_pattern: "**/*.txt", move_after_upload: "done"}]'
	echo one >"$HOME_DIR/data/a.txt"
	age "$HOME_DIR/data/a.txt"
	ingest_is 0 --standalone
	[ -e "$HOME_DIR/done/data/a.txt" ]
	[ "$(summary '[.added,.unchanged]|join(" ")' --standalone)" = "0 0" ]
}

# ---- delay_removal ----

@test "delay_removal true: the run after" {
	policy '{delete_after_upload: true, delay_removal: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	[ "$(summary '[.added,.deleted]|join(" ")' --standalone)" = "1 0" ]
	[ -e "$HOME_DIR/data/a" ]
	[ "$(summary '[.unchanged,.deleted]|join(" ")' --standalone)" = "1 1" ]
	[ ! -e "$HOME_DIR/data/a" ]
}

@test "delay_removal of seconds: not before, and then" {
	policy '{delete_after_upload: true, delay_removal: 3600}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ "$(summary .deleted --standalone)" = 0 ]
	ledger 'update removal set due_ms = due_ms - 3601000'
	[ "$(summary .deleted --standalone)" = 1 ]
}

@test "delay_removal: a file changed meanwhile is sent again, and waits anew" {
	policy '{delete_after_upload: true, delay_removal: true}'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	echo two >>"$HOME_DIR/data/a"
	touch -d '2002-01-01' "$HOME_DIR/data/a"
	cp "$HOME_DIR/data/a" "$BATS_TEST_TMPDIR/a"
	[ "$(summary '[.updated,.deleted]|join(" ")' --standalone)" = "1 0" ]
	[ -e "$HOME_DIR/data/a" ]
	ingest_is 0 --standalone
	s3_same data/a "$BATS_TEST_TMPDIR/a"
	[ ! -e "$HOME_DIR/data/a" ]
}

# ---- what the mothership hears ----

@test "deleted is in the result, the sums go on without a mothership" {
	start_mothership
	configured
	config '.host_port = 1 | .policies[0].delete_after_upload = true'
	echo one >"$HOME_DIR/data/a"
	age "$HOME_DIR/data/a"
	ingest_is 69 --action heartbeat
	config '.policies[0].delete_after_upload = true'
	ingest_is 0 --action heartbeat
	[ "$(told 1 '.context.result|[.added,.deleted,.runs]|join(" ")')" = "1 1 2" ]
}
