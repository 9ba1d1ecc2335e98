#!/usr/bin/env bats
# The manual pages say what the program does: the keys of the configuration
# and their defaults, the examples, and what goes over the wire.

setup() {
	load lib/servers.bash
	CONFIG_PAGE=$ROOT/man/s3-ingestor.json.5
	WIRE_PAGE=$ROOT/man/s3-ingestor-protocol.7
}

teardown() { stop_servers; }

# documented_keys: the line below each item of SETTINGS and POLICIES, without
# units, as config_keys prints them
documented_keys() {
	awk '
		$1 == ".Sh" { section = tolower($2) }
		section != "settings" && section != "policies" { next }
		key { print section, key ": " $0; key = "" }
		$1 == ".It" { key = substr($0, length(".It Cm ") + 1) }' \
		"$CONFIG_PAGE" |
		sed -E 's/ of (seconds|milliseconds|bytes a second|bytes),/,/
			s/\.$//'
}

# literal_blocks PAGE: what stands in them, as it is read
literal_blocks() {
	awk '
		/^\.Bd -literal/ { inside = 1; next }
		/^\.Ed/ { inside = 0 }
		inside { gsub(/\\e/, "\\"); print }' "$1"
}

# ---- the configuration ----

@test "s3-ingestor.json(5) has every key with its type, range and default, and no other" {
	documented_keys | sort >"$BATS_TEST_TMPDIR/page"
	"$BUILD/tests/config_keys" | sort >"$BATS_TEST_TMPDIR/program"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/program")" -gt 60 ]
	diff -u "$BATS_TEST_TMPDIR/program" "$BATS_TEST_TMPDIR/page"
}

@test "what a report shows stands in s3-ingestor.json(5), and api_token beside it" {
	start_mothership
	make_home
	config
	reply 1 '{"state":"discovered","action":"report"}'
	reply default '{"state":"discovered"}'
	ingest_is 0
	{ told 2 '.context.result|keys_unsorted[]' && echo api_token; } |
		sort >"$BATS_TEST_TMPDIR/program"
	documented_keys | sed -n 's/^settings \([^:]*\):.*/\1/p' |
		sort >"$BATS_TEST_TMPDIR/page"
	diff -u "$BATS_TEST_TMPDIR/program" "$BATS_TEST_TMPDIR/page"
}

@test "the configurations in s3-ingestor.json(5) are of known keys, and work" {
	local examples example
	make_home
	literal_blocks "$CONFIG_PAGE" | awk '/^\{/, /^\}/' >"$BATS_TEST_TMPDIR/all"
	mapfile -t examples < <(jq -c . "$BATS_TEST_TMPDIR/all")
	[ ${#examples[@]} -eq 2 ]
	for example in "${examples[@]}"; do
		echo "$example" >"$HOME_DIR/s3-ingestor.json"
		ingest --dry-run --standalone
		[ "$status" -ne 78 ]
	done
	jq -r '(keys[] | "settings " + .),
		(.policies[] | keys[] | "policies " + .)' \
		"$BATS_TEST_TMPDIR/all" | sort -u >"$BATS_TEST_TMPDIR/used"
	documented_keys | sed 's/:.*//' | sort -u >"$BATS_TEST_TMPDIR/known"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/used")" -gt 10 ]
	[ -z "$(comm -23 "$BATS_TEST_TMPDIR/used" "$BATS_TEST_TMPDIR/known")" ]
}

@test "the executable customizer in s3-ingestor.json(5) runs as it stands" {
	command -v node >/dev/null || skip "no node here"
	literal_blocks "$CONFIG_PAGE" | awk '/^#!/, 0' >"$BATS_TEST_TMPDIR/by-day"
	chmod 755 "$BATS_TEST_TMPDIR/by-day"
	run "$BATS_TEST_TMPDIR/by-day" <<-'LINES'
		{"filename":"log-2024-05.csv","settings":{}}
		{"filename":"notes.txt","settings":{}}
	LINES
	[ "$status" -eq 0 ]
	[ "$output" = $'"2024/05/log-2024-05.csv"\nnull' ]
}

# ---- the protocol ----

# read_story SECTION: what is run, asked and answered there, in order, as files
# story/commands, story/request.N and story/reply.N. In the page a command is a
# line ".Dl $ COMMAND"; "Request:" and "Reply:" stand before a literal block.
read_story() {
	STORY=$BATS_TEST_TMPDIR/story
	mkdir -p "$STORY"
	awk -v section="$1" -v dir="$STORY" '
		/^\.Sh / { within = substr($0, 5) == section }
		!within { next }
		/^\.Dl \$ / { print substr($0, 7) >(dir "/commands") }
		/^Request:$/ { file = dir "/request." ++requests }
		/^Reply:$/ { file = dir "/reply." ++replies }
		/^\.Bd -literal/ && file { inside = 1; next }
		/^\.Ed/ { if (inside) { close(file); file = "" } inside = 0 }
		inside { gsub(/\\e/, "\\"); print >file }' "$WIRE_PAGE"
	REQUESTS=$(find "$STORY" -name 'request.*' | wc -l)
	[ "$REQUESTS" -gt 5 ]
	[ "$(find "$STORY" -name 'reply.*' | wc -l)" -eq "$REQUESTS" ]
}

# what differs from host to host; of a report also what this test adds
comparable() {
	jq -L "$ROOT/tests/scenarios" 'include "volatile"; volatile
		| if .context.result | type == "object" and has("host_dns")
		then .context.result += {host_service: "SERVICE",
			host_dns: "NAME", s3_endpoint: "ENDPOINT"}
		else . end' "$1"
}

# play_story SECTION FILTER: do what the page says, with the configuration that
# FILTER adds, and compare what was sent with the page
play_story() {
	local number command
	read_story "$1"
	start_fake_s3 --bucket field-data --access-key EXAMPLEKEYID \
		--secret-key example/secret
	start_mothership
	make_home
	rmdir "$HOME_DIR/data"
	config "del(.s3_bucket, .policies) | $2"
	for ((number = 1; number <= REQUESTS; number++)); do
		reply "$number" "$(cat "$STORY/reply.$number")"
	done
	# the program under its own name, as a person starts it
	s3-ingestor() { env -i PATH="$PATH" "$S3_INGESTOR" "$@"; }
	s3cmd() {
		command s3cmd --config=/dev/null --no-ssl --region=us-east-1 \
			--access_key=EXAMPLEKEYID --secret_key=example/secret \
			--host="${S3_ENDPOINT#http://}" --quiet \
			--host-bucket="${S3_ENDPOINT#http://}" "$@"
	}
	cd "$HOME_DIR" || return
	while IFS= read -r command; do
		eval "$command"
	done <"$STORY/commands"
	[ "$(contacts)" -eq "$REQUESTS" ]
	for ((number = 1; number <= REQUESTS; number++)); do
		diff -u <(comparable "$STORY/request.$number") \
			<(comparable "$MOTHER/requests/$number.json")
	done
}

@test "s3-ingestor-protocol(7): the exchanges go as the page shows them" {
	play_story EXCHANGES .
	[ "$(find "$S3_DIR/field-data/objects" -name '*.meta' | wc -l)" -eq 3 ]
	[ -e "$HOME_DIR/customizers/as-is.js" ]
}

@test "s3-ingestor-protocol(7): the dialect of node goes as the page shows it" {
	KEY=EXAMPLEKEYID SECRET=example/secret
	play_story "DIALECT OF NODE" '.protocol = "node" | .s3_bucket = "field-data"'
}

@test "the manual pages are clean, and each is installed" {
	command -v mandoc >/dev/null || skip "no mandoc here"
	run mandoc -Tlint -W warning "$ROOT"/man/*.[1-8]
	[ "$status" -eq 0 ] && [ -z "$output" ]
	make -s -C "$ROOT" install BUILD="$BUILD" PREFIX=/usr \
		DESTDIR="$BATS_TEST_TMPDIR/root"
	for page in "$ROOT"/man/*.[1-8]; do
		cmp "$page" "$BATS_TEST_TMPDIR/root/usr/share/man/man${page##*.}/${page##*/}"
	done
	make -s -C "$ROOT" uninstall BUILD="$BUILD" PREFIX=/usr \
		DESTDIR="$BATS_TEST_TMPDIR/root"
	[ -z "$(find "$BATS_TEST_TMPDIR/root" -type f)" ]
}
