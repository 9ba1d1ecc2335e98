#!/usr/bin/env bats
# The handler "download": objects become files.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
	rmdir "$HOME_DIR/data"
}

teardown() { stop_servers; }

s3() {
	s3cmd --config=/dev/null --access_key="$KEY" --secret_key="$SECRET" \
		--host="${S3_ENDPOINT#http://}" --no-ssl --region=us-east-1 \
		--host-bucket="${S3_ENDPOINT#http://}" --quiet "$@"
}

put() {
	printf '%s' "$2" >"$BATS_TEST_TMPDIR/object"
	s3 put "$BATS_TEST_TMPDIR/object" "s3://bucket/$1"
}

download() { config ".policies = [{handler: \"download\", file_keys: $1} + ${2:-{\}}]"; }

counters='[.added,.updated,.unchanged,.failed,.deleted]|join(" ")'

@test "file_keys come into target_directory, under the key's last segment" {
	put maps/eu/a.bin 'one'
	put b.txt 'two'
	put unnamed 'three'
	download '["maps/eu/a.bin","b.txt"]'
	[ "$(summary "$counters" --standalone)" = "2 0 0 0 0" ]
	[ "$(cat "$HOME_DIR/downloads/a.bin" "$HOME_DIR/downloads/b.txt")" = onetwo ]
	[ "$(find "$HOME_DIR/downloads" -type f | wc -l)" -eq 2 ]
}

@test "what is there in this size and of this time is unchanged" {
	put a 'one'
	download '["a"]'
	ingest_is 0 --standalone
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 1 0 0" ]
	[ "$(s3_requests '^GET')" -eq 0 ]
}

@test "a new object replaces the file; a changed file is brought again" {
	put a 'one'
	download '["a"]'
	ingest_is 0 --standalone
	put a 'longer'
	[ "$(summary "$counters" --standalone)" = "0 1 0 0 0" ]
	[ "$(cat "$HOME_DIR/downloads/a")" = longer ]
	echo spoilt >"$HOME_DIR/downloads/a"
	[ "$(summary "$counters" --standalone)" = "0 1 0 0 0" ]
	[ "$(cat "$HOME_DIR/downloads/a")" = longer ]
}

@test "an object of many pieces comes whole, an empty one too" {
	head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/large"
	: >"$BATS_TEST_TMPDIR/empty"
	s3 put "$BATS_TEST_TMPDIR/large" s3://bucket/large
	s3 put "$BATS_TEST_TMPDIR/empty" s3://bucket/empty
	download '["large","empty"]'
	s3_control 'fail method=GET query= skip=1 reset=100000 times=1'
	ingest_is 0 --standalone
	cmp "$HOME_DIR/downloads/large" "$BATS_TEST_TMPDIR/large"
	[ -e "$HOME_DIR/downloads/empty" ] && [ ! -s "$HOME_DIR/downloads/empty" ]
}

@test "a missing key is failed and named, the rest comes" {
	put b 'two'
	download '["a","b"]'
	ingest_is 75 --standalone
	[[ $output == *downloads/a:* ]]
	[ "$(cat "$HOME_DIR/downloads/b")" = two ]
}

@test "an object that is not what its checksum says replaces nothing" {
	put a 'one'
	download '["a"]'
	ingest_is 0 --standalone
	# our own uploads keep a CRC64NVME: one that goes bad in the store
	config '.policies = [{input_file_pattern: "data/*"}]'
	mkdir "$HOME_DIR/data"
	echo good >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	printf 'evil\n' >"$(s3_path data/a)"
	download '["data/a"]'
	ingest_is 75 --standalone
	[[ $output == *checksum* ]]
	[ "$(cat "$HOME_DIR/downloads/a")" = one ]
	[ -z "$(find "$HOME_DIR/downloads" -name '.s3*')" ]
}

@test "two keys with one last segment are a config error" {
	download '["x/a","y/a"]'
	ingest_is 78 --standalone
	[[ $output == *file_keys*x/a*y/a* ]]
}

@test "a key that would leave the folder is a config error" {
	download '["x/.."]'
	ingest_is 78 --standalone
	[[ $output == *file_keys* ]]
}

@test "delete_leftovers is off by default" {
	put a 'one'
	put b 'two'
	download '["a","b"]'
	ingest_is 0 --standalone
	download '["a"]'
	ingest_is 0 --standalone
	[ -e "$HOME_DIR/downloads/b" ]
}

@test "delete_leftovers: in a folder that we made, what no policy names goes" {
	put a 'one'
	put b 'two'
	put c 'three'
	download '["a","b","c"]'
	ingest_is 0 --standalone
	config '.policies = [
		{handler: "download", file_keys: ["a"], delete_leftovers: true},
		{handler: "download", file_keys: ["c"]}]'
	[ "$(summary "$counters" --standalone)" = "0 0 2 0 1" ]
	[ "$(find "$HOME_DIR/downloads" -type f -printf "%f\n" | sort | tr "\n" " ")" = "a c " ]
}

@test "delete_leftovers: in a folder that was there before nothing goes" {
	mkdir "$HOME_DIR/downloads"
	echo mine >"$HOME_DIR/downloads/mine"
	put a 'one'
	download '["a"]' '{delete_leftovers: true}'
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0" ]
	[ "$(cat "$HOME_DIR/downloads/mine")" = mine ]
}

@test "a target_directory of the policy, folders made" {
	put a 'one'
	download '["a"]' '{target_directory: "deep/er"}'
	ingest_is 0 --standalone
	[ "$(cat "$HOME_DIR/deep/er/a")" = one ]
}

@test "what was downloaded is not uploaded" {
	put a 'one'
	config '.policies = [{handler: "download", file_keys: ["a"]}, {input_file_pattern: "**/*"}]'
	ingest_is 0 --standalone
	[ "$(s3_count)" -eq 1 ]
}

@test "a folder in the way: failed, and the folder stays" {
	put a 'one'
	mkdir -p "$HOME_DIR/downloads/a"
	download '["a"]'
	ingest_is 74 --standalone
	[ -d "$HOME_DIR/downloads/a" ]
}

@test "an unknown handler fails its policy by name, the next goes on" {
	put a 'one'
	config '.policies = [{handler: "qiot"}, {handler: "download", file_keys: ["a"]}]'
	ingest_is 75 --standalone
	[[ $output == *'policies[0]: handler "qiot"'* ]]
	[ "$(cat "$HOME_DIR/downloads/a")" = one ]
}
