#!/usr/bin/env bats
# Where keys come from, and what happens when they end.

setup() {
	load lib/servers.bash
	make_home
	echo one >"$HOME_DIR/data/a"
	KEYS=$HOME_DIR/s3-ingestor-keys.json
}

teardown() { stop_servers; }

# bucket [OPTION...]: the fake S3 and a config
bucket() {
	start_fake_s3 "$@"
	config
}

# start_metadata OPTION...: METADATA is its URL
start_metadata() {
	META_DIR=$BATS_TEST_TMPDIR/metadata
	mkdir "$META_DIR"
	python3 -S "$ROOT/tests/servers/metadata.py" --dir "$META_DIR" \
		--key "${KEY:?}" --secret "${SECRET:?}" "$@" >/dev/null 2>&1 3>&- &
	note_pid $!
	wait_for "$META_DIR/port"
	METADATA=http://127.0.0.1:$(cat "$META_DIR/port")
}

# with NAME=VALUE... [-- OPTION...]: a standalone run with these set
with() {
	local words=(AWS_EC2_METADATA_DISABLED=true)
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	run timeout 60 env -i PATH="$PATH" "${words[@]}" \
		"$S3_INGESTOR" -C "$HOME_DIR" --standalone "$@"
	[[ $output != *"$SECRET"* ]]
}

# uploaded: the last run went well
uploaded() {
	[ "$status" -eq 0 ]
	s3_has data/a
}

@test "the keys file comes first" {
	bucket
	with AWS_ACCESS_KEY_ID=wrong AWS_SECRET_ACCESS_KEY=wrong
	uploaded
}

@test "without a file: the environment, with a session token" {
	bucket --token session
	rm "$KEYS"
	with AWS_ACCESS_KEY_ID="$KEY" AWS_SECRET_ACCESS_KEY="$SECRET" AWS_SESSION_TOKEN=session
	uploaded
}

@test "then the shared credentials file, profile default" {
	bucket
	rm "$KEYS"
	mkdir -p "$BATS_TEST_TMPDIR/person/.aws"
	printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$KEY" "$SECRET" >"$BATS_TEST_TMPDIR/person/.aws/credentials"
	with HOME="$BATS_TEST_TMPDIR/person"
	uploaded
}

@test "AWS_PROFILE and AWS_SHARED_CREDENTIALS_FILE choose" {
	bucket
	rm "$KEYS"
	printf '[default]\naws_access_key_id = x\naws_secret_access_key = x\n[field]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$KEY" "$SECRET" >"$BATS_TEST_TMPDIR/shared"
	with AWS_SHARED_CREDENTIALS_FILE="$BATS_TEST_TMPDIR/shared" AWS_PROFILE=field
	uploaded
}

@test "a profile that is named and not there: exit 77, named" {
	bucket
	rm "$KEYS"
	printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$KEY" "$SECRET" >"$BATS_TEST_TMPDIR/shared"
	with AWS_SHARED_CREDENTIALS_FILE="$BATS_TEST_TMPDIR/shared" AWS_PROFILE=field
	[ "$status" -eq 77 ]
	[[ $output == *AWS_PROFILE*field* ]]
}

@test "then the container's endpoint, with its authorization" {
	bucket --token t1
	rm "$KEYS"
	start_metadata --token t1 --bearer open-sesame
	with AWS_CONTAINER_CREDENTIALS_FULL_URI="$METADATA/container" AWS_CONTAINER_AUTHORIZATION_TOKEN=open-sesame
	uploaded
	rm "$HOME_DIR"/*ledger*
	echo open-sesame >"$BATS_TEST_TMPDIR/token"
	with AWS_CONTAINER_CREDENTIALS_FULL_URI="$METADATA/container" AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="$BATS_TEST_TMPDIR/token"
	[ "$status" -eq 0 ]
}

@test "a container's endpoint that refuses, or has no keys: exit 77, named" {
	bucket
	rm "$KEYS"
	start_metadata --bearer open-sesame --broken
	with AWS_CONTAINER_CREDENTIALS_FULL_URI="$METADATA/container" AWS_CONTAINER_AUTHORIZATION_TOKEN=hush
	[ "$status" -eq 77 ]
	[[ $output == *container*401* ]]
	[[ $output != *hush* ]]
	with AWS_CONTAINER_CREDENTIALS_FULL_URI="$METADATA/container" AWS_CONTAINER_AUTHORIZATION_TOKEN=open-sesame -- -v
	[ "$status" -eq 77 ]
	[[ $output == *"no keys"* ]]
}

@test "a container's URI on a strange host over plain http is not asked" {
	bucket
	rm "$KEYS"
	with AWS_CONTAINER_CREDENTIALS_FULL_URI=http://keys.example/container AWS_CONTAINER_AUTHORIZATION_TOKEN=hush
	[ "$status" -eq 77 ]
	[[ $output == *"plain http"* ]]
}

@test "then the instance's metadata, by IMDSv2" {
	bucket --token t2
	rm "$KEYS"
	start_metadata --token t2
	with AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$METADATA/"
	uploaded
	[ "$(head -n 1 "$META_DIR/log")" = "PUT /latest/api/token" ]
}

@test "no proxy is used for metadata" {
	bucket
	rm "$KEYS"
	start_metadata
	with AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$METADATA" http_proxy=http://127.0.0.1:1 NO_PROXY=x
	grep -q the-role "$META_DIR/log"
}

@test "an instance without a role, or a service that is silent: no keys, exit 77" {
	bucket
	rm "$KEYS"
	start_metadata --silent
	with AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$METADATA"
	[ "$status" -eq 77 ]
}

@test "no keys anywhere: exit 77, all places are named" {
	bucket
	rm "$KEYS"
	with
	[ "$status" -eq 77 ]
	for place in s3-ingestor-keys.json AWS_ACCESS_KEY_ID "shared credentials file" container instance; do
		[[ $output == *"$place"* ]]
	done
}

@test "keys that end soon are not asked for with every request" {
	bucket --token t3
	rm "$KEYS"
	for i in $(seq 20); do echo "$i" >"$HOME_DIR/data/$i"; done
	start_metadata --token t3 --lives 60
	with AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$METADATA"
	uploaded
	[ "$(grep -c the-role "$META_DIR/log")" -eq 1 ]
}

@test "ExpiredToken: the mothership is asked once, then exit 77" {
	start_mothership
	bucket
	configured
	s3_control 'fail status=400 code=ExpiredToken times=99'
	reply default '{"state":"configured"}'
	ingest_is 77 --action heartbeat
	[[ $output == *ExpiredToken* ]]
	told 1 '.context.result.errors[0]' | grep -q ExpiredToken
	[ "$(contacts)" -eq 1 ]
}

@test "ExpiredToken, and the mothership has new keys: the policies run again" {
	start_mothership
	bucket --token fresh
	configured
	jq '.session_token = "old"' "$KEYS" >"$BATS_TEST_TMPDIR/k"
	cp "$BATS_TEST_TMPDIR/k" "$KEYS"
	reply 1 "{\"state\":\"configured\",\"aws_keys\":{\"access_key_id\":\"$KEY\",\"secret_access_key\":\"$SECRET\",\"session_token\":\"fresh\"}}"
	reply default '{"state":"configured"}'
	ingest_is 0 --action heartbeat
	[ "$(told 2 '[.context.action, .context.result.added]|join(" ")')" = "upload 1" ]
}

@test "iam_reset_period: new keys that S3 does not know yet are tried until it does" {
	start_mothership
	bucket
	configured
	s3_control 'fail status=403 code=InvalidAccessKeyId times=3'
	reply 1 "{\"state\":\"configured\",\"aws_keys\":{\"access_key_id\":\"$KEY\",\"secret_access_key\":\"$SECRET\",\"note\":1}}"
	reply default '{"state":"configured"}'
	ingest_is 0 --action wakeup
	[ "$(told 2 .context.result.added)" = 1 ]
}

@test "iam_reset_period 0: they are what they are" {
	start_mothership
	bucket
	configured
	config '.iam_reset_period = 0'
	s3_control 'fail status=403 code=InvalidAccessKeyId times=3'
	reply 1 "{\"state\":\"configured\",\"aws_keys\":{\"access_key_id\":\"$KEY\",\"secret_access_key\":\"$SECRET\",\"note\":1}}"
	reply default '{"state":"configured"}'
	ingest_is 77 --action wakeup
	told 2 '.context.result.errors[0]' | grep -q InvalidAccessKeyId
}
