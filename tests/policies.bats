#!/usr/bin/env bats
# Policies field by field, and the counters that hang on time.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
	config
}

teardown() { stop_servers; }

policy() { config ".policies = [{input_file_pattern: \"data/**/*\"} + $1]"; }

# since_before HOURS: what is put off was first put off so much earlier
since_before() { ledger "update pending set since_ms = since_ms - $1 * 3600000"; }

# ---- delayed ----

@test "delayed: open for writing; after 24 hours it is sent as a snapshot, and never removed" {
	policy '{delete_after_upload: true}'
	echo one >"$HOME_DIR/data/a"
	touch -d '2001-01-01' "$HOME_DIR/data/a"
	exec 7>>"$HOME_DIR/data/a"
	[ "$(summary '[.added,.delayed]|join(" ")' --standalone)" = "0 1" ]
	since_before 23
	[ "$(summary '[.added,.delayed]|join(" ")' --standalone)" = "0 1" ]
	since_before 2
	[ "$(summary '[.added,.deleted]|join(" ")' --standalone)" = "1 0" ]
	s3_same data/a "$HOME_DIR/data/a"
	[ "$(summary .deleted --standalone)" = 0 ]
	[ -e "$HOME_DIR/data/a" ]
	exec 7>&-
}

@test "delayed: too fresh, and an mtime in the future counts from first sight" {
	policy '{delay_upload: 3600}'
	echo one >"$HOME_DIR/data/fresh"
	echo two >"$HOME_DIR/data/future"
	touch -d '+2 days' "$HOME_DIR/data/future"
	echo three >"$HOME_DIR/data/old"
	touch -d '-2 hours' "$HOME_DIR/data/old"
	[ "$(summary '[.added,.delayed]|join(" ")' --standalone)" = "1 2" ]
	since_before 2
	touch -d '-2 hours' "$HOME_DIR/data/fresh"
	[ "$(summary '[.added,.delayed,.unchanged]|join(" ")' --standalone)" = "2 0 1" ]
}

@test "delayed: changed while it was being sent, uploaded by the next run" {
	config '.s3_concurrency = 1'
	head -c 20000000 /dev/zero >"$HOME_DIR/data/a"
	s3_control 'fail query=partNumber delay=700 times=3'
	(
		for ((i = 0; i < 400; i++)); do
			[ "$(s3_requests 'partNumber')" -ge 1 ] && break
			sleep 0.01
		done
		echo more >>"$HOME_DIR/data/a"
	) 3>&- &
	[ "$(summary '[.added,.delayed]|join(" ")' --standalone)" = "0 1" ]
	wait $!
	! s3_has data/a
	[ "$(summary '[.added,.delayed]|join(" ")' --standalone)" = "1 0" ]
	s3_same data/a "$HOME_DIR/data/a"
}

# ---- keys ----

@test "input_remove_prefix is taken off, output_key_prefix put in front" {
	policy '{input_remove_prefix: "data/", output_key_prefix: "station/7/"}'
	mkdir "$HOME_DIR/data/x"
	echo one >"$HOME_DIR/data/x/a"
	ingest_is 0 --standalone
	s3_has station/7/x/a
}

@test "a name that does not begin with input_remove_prefix keeps all of it" {
	policy '{input_remove_prefix: "other/"}'
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	s3_has data/a
}

# ---- what a policy overrides ----

@test "policies run in order, each with its own bucket and settings" {
	mkdir "$HOME_DIR/more"
	config '.s3_storage_class = "STANDARD" | .policies = [
		{input_file_pattern: "data/*", s3_storage_class: "GLACIER"},
		{input_file_pattern: "more/*", s3_bucket: "nosuch"},
		{input_file_pattern: "more/*"}]'
	echo one >"$HOME_DIR/data/a"
	echo two >"$HOME_DIR/more/b"
	ingest_is 75 --standalone
	[[ $output == *more/b*NoSuchBucket* ]]
	grep -q GLACIER "$(s3_path data/a).meta"
	grep -q STANDARD "$(s3_path more/b).meta"
}

@test "compare and s3_part_size of a policy" {
	policy '{compare: "checksum", s3_part_size: 6291456}'
	head -c 17000000 /dev/urandom >"$HOME_DIR/data/large"
	ingest_is 0 --standalone
	[ "$(s3_requests 'partNumber=')" -eq 3 ]
	s3_same data/large "$HOME_DIR/data/large"
}

@test "default_policy_handler serves a policy that names none" {
	config '.default_policy_handler = "qiot"'
	echo one >"$HOME_DIR/data/a"
	ingest_is 75 --standalone
	[[ $output == *'handler "qiot"'* ]]
	config '.default_policy_handler = "qiot" | .policies[0].handler = "upload"'
	ingest_is 0 --standalone
}

@test "content_type of a policy goes before the name's" {
	policy '{content_type: "text/x-own"}'
	echo one >"$HOME_DIR/data/a.png"
	ingest_is 0 --standalone
	grep -q text/x-own "$(s3_path data/a.png).meta"
}

@test "follow_symlinks true follows folders, and ends in a loop" {
	config '.policies = [{input_file_pattern: "data/*/*/*/*", follow_symlinks: true}]'
	mkdir -p "$HOME_DIR/data/x/y/z"
	echo one >"$HOME_DIR/data/x/y/z/a"
	ln -s ../.. "$HOME_DIR/data/x/y/loop"
	ln -s . "$HOME_DIR/data/x/self"
	ingest_is 0 --standalone
	s3_has data/x/y/z/a
	config '.policies = [{input_file_pattern: "data/**/*", follow_symlinks: true}]'
	run timeout 20 "$S3_INGESTOR" -C "$HOME_DIR" --standalone
	[ "$status" -eq 0 ]
}

@test "no policy: nothing is uploaded, exit 0" {
	config '.policies = []'
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ "$(s3_count)" -eq 0 ]
}
