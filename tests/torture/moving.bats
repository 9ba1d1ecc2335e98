#!/usr/bin/env bats
# Files that move under the program: at moments chosen for sure, and in storms.

setup() {
	load ../lib/servers.bash
	load lib.bash
	make_home
	configured
}

teardown() { stop_servers; }

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
