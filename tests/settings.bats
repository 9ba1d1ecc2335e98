#!/usr/bin/env bats
# Who may set what, and what happens when it does not work.

setup() {
	load lib/servers.bash
	start_fake_s3
	start_mothership
	make_home
	config
	reply default '{"state":"discovered"}'
}

teardown() { stop_servers; }

on_disk() { jq -rc "$1" "$HOME_DIR/s3-ingestor.json"; }

# order CONFIG: the mothership wants these settings
order() { reply 1 "{\"state\":\"discovered\",\"config\":$1}"; }

# ---- locked and local settings ----

@test "locked_settings are left out, the rest applies, the next POST names them" {
	config '.locked_settings = ["debug", "s3_region"]'
	order '{"debug":true,"s3_region":"eu-west-1","heartbeat_period":60}'
	ingest_is 0
	[ "$(on_disk '[.debug, .s3_region, .heartbeat_period]')" = '[null,null,60]' ]
	rm "$MOTHER/replies/1"
	ingest_is 0
	told 2 .context.error | grep -q 'debug'
	told 2 .context.error | grep -q 's3_region'
	ingest_is 0
	[ "$(told 3 .context.error)" = null ]
}

@test "local only keys cannot come from outside" {
	order '{"locked_settings":["x"],"allow_executables":true,"allow_plain_http":true,"debug":true}'
	ingest_is 0
	[ "$(on_disk '[.locked_settings, .allow_executables, .allow_plain_http, .debug]')" = '[null,null,null,true]' ]
	rm "$MOTHER/replies/1"
	ingest_is 0
	told 2 .context.error | grep -q allow_executables
	told 2 .context.error | grep -q allow_plain_http
	told 2 .context.error | grep -q locked_settings
}

# ---- paths from outside ----

@test "paths set from outside must lie in the home folder" {
	for key in customizers_path target_directory aws_keys_file metrics_file; do
		for path in /tmp/x ../x a/../../x ''/; do
			rm -f "$MOTHER"/requests/* "$HOME_DIR/s3-ingestor-context.json"
			reply default "{\"state\":\"discovered\",\"config\":{\"$key\":\"$path\",\"debug\":true}}"
			before=$(cat "$HOME_DIR/s3-ingestor.json")
			ingest_is 0 --action startup
			[ "$(cat "$HOME_DIR/s3-ingestor.json")" = "$before" ]
			last=$(find "$MOTHER/requests" -name '*.json' | sort -V | tail -n 1)
			[ "$(jq -r .context.failed_action "$last")" = config ]
			jq -r .context.error "$last" | grep -q "$key"
		done
	done
}

@test "a policy's target_directory from outside must lie in the home folder" {
	order '{"policies":[{"handler":"download","file_keys":["a"],"target_directory":"/etc"}]}'
	ingest_is 0
	[ "$(told 2 .context.failed_action)" = config ]
	told 2 .context.error | grep -q 'policies\[0\].*target_directory'
}

@test "the local file may name a path anywhere" {
	mkdir "$BATS_TEST_TMPDIR/keys"
	mv "$HOME_DIR/s3-ingestor-keys.json" "$BATS_TEST_TMPDIR/keys/k.json"
	config ".aws_keys_file = \"$BATS_TEST_TMPDIR/keys/k.json\""
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	s3_has data/a
}

# ---- the last good config ----

@test "a broken P.json: the last good settings reach the mothership" {
	ingest_is 0
	echo 'nonsense' >"$HOME_DIR/s3-ingestor.json"
	ingest_is 78
	[ "$(contacts)" -eq 2 ]
	told 2 .context.error | grep -q s3-ingestor.json
	[ "$(cat "$HOME_DIR/s3-ingestor.json")" = nonsense ]
}

@test "a broken P.json and none that was good before: exit 78" {
	echo 'nonsense' >"$HOME_DIR/s3-ingestor.json"
	ingest_is 78
	[ "$(contacts)" -eq 0 ]
}

@test "a value out of range in P.json is named: exit 78" {
	ingest_is 0
	config '.s3_concurrency = 1000'
	ingest_is 78
	[[ $output == *s3_concurrency* ]]
	told 2 .context.error | grep -q s3_concurrency
}

# ---- connection settings on trial ----

@test "a new address that answers is kept" {
	other=$MOTHER other_port=$MOTHER_PORT
	MOTHER=$BATS_TEST_TMPDIR/second
	mkdir -p "$MOTHER/replies"
	python3 -S "$ROOT/tests/servers/mothership.py" --dir "$MOTHER" >/dev/null 2>&1 3>&- &
	note_pid $!
	wait_for "$MOTHER/port"
	new_port=$(cat "$MOTHER/port")
	printf '{"state":"discovered","config":{"host_port":%s}}' "$new_port" >"$other/replies/1"
	reply default '{"state":"discovered"}'
	ingest_is 0
	ingest_is 0
	ingest_is 0
	[ "$(on_disk .host_port)" = "$new_port" ]
	[ "$(contacts)" -ge 2 ]
}

@test "a new address that does not answer: after 3 runs the old one is back, and told" {
	order '{"host_port":1}'
	ingest_is 0
	[ "$(on_disk .host_port)" = 1 ]
	rm "$MOTHER/replies/1"
	before=$(contacts)
	for i in 1 2 3; do ingest --action heartbeat; done
	ingest_is 0 --action heartbeat
	[ "$(on_disk .host_port)" = "$MOTHER_PORT" ]
	[ "$(contacts)" -gt "$before" ]
	grep -q 'the ones before are restored' "$MOTHER"/requests/*.json
}

# ---- names ----

@test "hostname_override replaces the name" {
	config '.hostname_override = "station-7"'
	ingest_is 0
	[ "$(told 1 .context.info.hostname)" = station-7 ]
}

@test "S3_INGESTOR_HOME and S3_INGESTOR_PREFIX, options win" {
	for file in .json -keys.json; do
		cp "$HOME_DIR/s3-ingestor$file" "$HOME_DIR/other$file"
	done
	run env -i PATH="$PATH" S3_INGESTOR_HOME="$HOME_DIR" S3_INGESTOR_PREFIX=other "$S3_INGESTOR"
	[ "$status" -eq 0 ]
	[ -e "$HOME_DIR/other-context.json" ]
	run env -i PATH="$PATH" S3_INGESTOR_HOME=/nonexistent S3_INGESTOR_PREFIX=other "$S3_INGESTOR" -C "$HOME_DIR" -p s3-ingestor
	[ "$status" -eq 0 ]
	[ -e "$HOME_DIR/s3-ingestor-context.json" ]
}

@test "several instances in one home: own locks, own ledgers, none uploads another's files" {
	for file in .json -keys.json; do
		cp "$HOME_DIR/s3-ingestor$file" "$HOME_DIR/other$file"
	done
	jq '.policies = [{"input_file_pattern":"**/*"}]' "$HOME_DIR/s3-ingestor.json" >"$HOME_DIR/other.json"
	jq '.policies = [{"input_file_pattern":"**/*","output_key_prefix":"first/"}]' "$HOME_DIR/other.json" >"$BATS_TEST_TMPDIR/c"
	cp "$BATS_TEST_TMPDIR/c" "$HOME_DIR/s3-ingestor.json"
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	ingest_is 0 --standalone -p other
	ingest_is 0 --standalone
	[ "$(s3_count)" -eq 2 ]
	s3_has data/a
	s3_has first/data/a
}

# ---- plain http ----

@test "over plain http keys and commands are refused, and the guarded actions" {
	# a name that is not loopback to the program, and leads here all the same
	config '.host_dns = "127.0.0.1.nip.invalid" | .proxy = ""'
	start_plain
	printf '%s' '{"state":"discovered","aws_keys":{"access_key_id":"new","secret_access_key":"new"},"config":{"upgrade_command":"true","debug":true},"actions":["upgrade","reboot","customizers"]}' >"$MOTHER/replies/1"
	ingest --action startup
	[ "$(jq -r .access_key_id "$HOME_DIR/s3-ingestor-keys.json")" = "$KEY" ]
	[ "$(on_disk '[.upgrade_command, .debug]')" = '[null,true]' ]
	grep -qF 'plain http' "$MOTHER"/requests/*.json
	for action in upgrade reboot customizers; do
		cat "$MOTHER"/requests/*.json | jq -r 'select(.context.failed_action == "'$action'") | .context.error' | grep -q 'plain http'
	done
}

@test "allow_plain_http lets them through" {
	config '.host_dns = "127.0.0.1.nip.invalid" | .allow_plain_http = true'
	start_plain
	printf '%s' '{"state":"discovered","aws_keys":{"access_key_id":"new","secret_access_key":"new"},"config":{"upgrade_command":"true"}}' >"$MOTHER/replies/1"
	ingest_is 0 --action startup
	[ "$(jq -r .access_key_id "$HOME_DIR/s3-ingestor-keys.json")" = new ]
	[ "$(on_disk .upgrade_command)" = true ]
}

# start_plain: a proxy that leads every name to the mothership
start_plain() {
	mkdir "$BATS_TEST_TMPDIR/proxy"
	python3 -S "$ROOT/tests/servers/proxy.py" --dir "$BATS_TEST_TMPDIR/proxy" \
		--to "127.0.0.1:$MOTHER_PORT" >/dev/null 2>&1 3>&- &
	note_pid $!
	wait_for "$BATS_TEST_TMPDIR/proxy/port"
	jq ".proxy = \"http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/proxy/port")\"" \
		"$HOME_DIR/s3-ingestor.json" >"$BATS_TEST_TMPDIR/c"
	cp "$BATS_TEST_TMPDIR/c" "$HOME_DIR/s3-ingestor.json"
}
