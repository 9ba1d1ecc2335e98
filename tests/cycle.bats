#!/usr/bin/env bats
# Runs with a mothership: what it is told, what the run ends with, and what
# lies on disk and in the bucket afterwards.

setup() {
	load lib/servers.bash
	start_fake_s3
	start_mothership
	make_home
	config
}

teardown() { stop_servers; }

# on_disk FILE FILTER: what jq finds in P.json, P-context.json, P-keys.json
on_disk() { jq -rc "$2" "$HOME_DIR/s3-ingestor$1.json"; }

# the files of a home after a run, beside the data
home_files() {
	find "$HOME_DIR" -maxdepth 1 -type f -printf '%f\n' | sort | tr '\n' ' '
}

ALL_FILES="s3-ingestor-context.json s3-ingestor-keys.json \
s3-ingestor-ledger.db s3-ingestor.json s3-ingestor.lock "

# ---- the order of a run ----

@test "the first run is a startup; one that is discovered uploads nothing" {
	echo one >"$HOME_DIR/data/a"
	reply default '{"state":"discovered","id":7}'
	ingest_is 0
	[ "$(contacts)" -eq 1 ]
	[ "$(told 1 '[.context.state, .context.action]|join(" ")')" = "unregistered startup" ]
	[ "$(told 1 '.context|keys_unsorted|join(" ")')" = "state version action info" ]
	[ "$(on_disk -context .)" = '{"state":"discovered","id":7}' ]
	[ "$(s3_requests)" -eq 0 ]
	[ "$(home_files)" = "$ALL_FILES" ]
}

@test "startup tells host, system, memory and network" {
	ingest_is 0
	[ "$(told 1 .context.info.hostname)" = "$(uname -n)" ]
	[ "$(told 1 .context.info.hosttype)" = "$(uname -s)" ]
	[ "$(told 1 .context.info.release)" = "$(uname -r)" ]
	[ "$(told 1 .context.info.platform)" = linux ]
	total=$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)
	[ "$(told 1 .context.info.totalmem)" = $((total * 1024)) ]
	told 1 '.context.info.network.lo[]
		| select(.family == "IPv4")' |
		jq -e '. == {address: "127.0.0.1", netmask: "255.0.0.0",
			family: "IPv4", mac: "00:00:00:00:00:00",
			internal: true, cidr: "127.0.0.1/8"}'
}

@test "startup that is answered with configured: policies, then upload with result" {
	echo one >"$HOME_DIR/data/a"
	reply default '{"state":"configured"}'
	ingest_is 0
	[ "$(contacts)" -eq 2 ]
	[ "$(told 2 '[.context.state, .context.action]|join(" ")')" = "configured upload" ]
	[ "$(told 2 '.context.info|keys|join(" ")')" = hostname ]
	[ "$(told 2 '.context.result|[.added,.failed,.bytes,.runs]|join(" ")')" = "1 0 4 1" ]
	s3_same data/a "$HOME_DIR/data/a"
}

@test "the second run is a heartbeat with the result, and nothing more" {
	echo one >"$HOME_DIR/data/a"
	ingest_is 0
	rm "$MOTHER"/requests/*
	ingest_is 0
	[ "$(contacts)" -eq 1 ]
	[ "$(told 3 '[.context.action, .context.result.added, .context.result.unchanged]|join(" ")')" = "heartbeat 0 1" ]
}

@test "--action wakeup: the POST first, then policies and upload" {
	configured
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --action wakeup
	[ "$(told 1 '[.context.action, .context.result]|tojson')" = '["wakeup",null]' ]
	[ "$(told 2 '[.context.action, .context.result.added]|tojson')" = '["upload",1]' ]
}

@test "--action upload: one POST with the result" {
	configured
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --action upload
	[ "$(contacts)" -eq 1 ]
	[ "$(told 1 '[.context.action, .context.result.added]|tojson')" = '["upload",1]' ]
}

@test "the context comes back in its order, our own words at its end" {
	reply default '{"z":1,"state":"configured","a":{"deep":[1,2]},"info":"theirs","version":"theirs","result":1,"error":"theirs"}'
	ingest_is 0
	[ "$(told 2 '.context|keys_unsorted|join(" ")')" = "z state a version action info result" ]
	[ "$(on_disk -context .)" = '{"z":1,"state":"configured","a":{"deep":[1,2]}}' ]
}

@test "a reply without state leaves the state as it was" {
	configured
	reply default '{"id":1}'
	ingest_is 0 --action wakeup
	[ "$(on_disk -context .state)" = configured ]
	[ "$(on_disk -context .id)" = 1 ]
}

@test "not configured any more: the run after uploads nothing" {
	configured
	reply default '{"state":"retired"}'
	ingest_is 0 --action wakeup
	echo one >"$HOME_DIR/data/a"
	ingest_is 0
	[ "$(s3_count)" -eq 0 ]
}

# ---- config, keys ----

@test "a config is merged: null and defaults remove, others are stored" {
	config '.s3_concurrency = 3 | .heartbeat_period = 60'
	reply 1 '{"state":"discovered","config":{"heartbeat_period":3600,"s3_concurrency":null,"debug":true,"unknown":{"kept":1}}}'
	ingest_is 0
	[ "$(on_disk '' '[has("heartbeat_period"), has("s3_concurrency"), .debug, .unknown]')" = '[false,false,true,{"kept":1}]' ]
	[ "$(on_disk '' '.s3_bucket')" = bucket ]
	[ "$(on_disk -context 'has("config")')" = false ]
}

@test "a new config makes the policies run with it in the same run" {
	mkdir "$HOME_DIR/other"
	echo one >"$HOME_DIR/other/b"
	configured
	reply 1 '{"state":"configured","config":{"policies":[{"input_file_pattern":"other/*"}]}}'
	ingest_is 0
	s3_same other/b "$HOME_DIR/other/b"
	[ "$(told 2 '[.context.action, .context.result.added]|tojson')" = '["upload",1]' ]
}

@test "a config with wrong types is refused whole, told as error, exit 0" {
	cp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
	reply 1 '{"state":"discovered","config":{"debug":true,"s3_concurrency":"many"}}'
	reply 2 '{"state":"discovered"}'
	ingest_is 0
	cmp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
	[ "$(told 2 '[.context.action, .context.failed_action]|join(" ")')" = "error config" ]
	told 2 .context.error | grep -q s3_concurrency
	[ "$(contacts)" -eq 2 ]
	[ "$(on_disk -context .state)" = discovered ]
}

@test "a policy field of a wrong type: the whole config is refused" {
	cp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
	reply 1 '{"state":"configured","config":{"policies":[{"input_file_pattern":7}]}}'
	ingest_is 0
	cmp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
	[ "$(told 2 .context.failed_action)" = config ]
	told 2 .context.error | grep -q 'policies\[0\].*input_file_pattern'
}

@test "new keys are saved 0600 and used at once; they are in no log" {
	echo '{"access_key_id":"old","secret_access_key":"old"}' >"$HOME_DIR/s3-ingestor-keys.json"
	echo one >"$HOME_DIR/data/a"
	reply 1 "{\"state\":\"configured\",\"aws_keys\":{\"access_key_id\":\"$KEY\",\"secret_access_key\":\"$SECRET\",\"note\":\"kept\"}}"
	reply default '{"state":"configured"}'
	ingest_is 0 -v
	s3_same data/a "$HOME_DIR/data/a"
	[ "$(stat -c %a "$HOME_DIR/s3-ingestor-keys.json")" = 600 ]
	[ "$(on_disk -keys .note)" = kept ]
	! grep -rqF "$SECRET" "$HOME_DIR/s3-ingestor-context.json" "$HOME_DIR/s3-ingestor-ledger.db"
	[[ $output != *"$SECRET"* ]]
}

@test "files that would not change are not written again" {
	ingest_is 0
	before=$(stat -c '%n %i %z' "$HOME_DIR"/s3-ingestor{,-context,-keys}.json)
	ingest_is 0
	[ "$(stat -c '%n %i %z' "$HOME_DIR"/s3-ingestor{,-context,-keys}.json)" = "$before" ]
}

@test "whatever is written is 0600" {
	echo one >"$HOME_DIR/data/a"
	ingest_is 0
	for file in -context.json -ledger.db .lock; do
		[ "$(stat -c %a "$HOME_DIR/s3-ingestor$file")" = 600 ]
	done
}

# ---- actions ----

@test "report: all effective settings, no secrets" {
	config '.api_token = "hush-token" | .proxy = "" | .debug = false'
	reply 1 '{"state":"discovered","action":"report"}'
	reply 2 '{"state":"discovered"}'
	ingest_is 0
	[ "$(told 2 .context.action)" = report ]
	[ "$(told 2 '.context.result|[.heartbeat_period, .s3_bucket, .compare]|join(" ")')" = "3600 bucket size" ]
	! grep -qF -e hush-token -e "$SECRET" "$MOTHER/requests/2.json"
}

@test "an action of another name: error, with its name" {
	reply 1 '{"state":"discovered","action":"dance"}'
	reply 2 '{"state":"discovered"}'
	ingest_is 0
	[ "$(told 2 '.context|[.action,.error,.failed_action]|join("|")')" = 'error|unknown action "dance"|dance' ]
}

@test "an action that is not there yet is refused by name, not passed over" {
	reply 1 '{"state":"discovered","action":"report"}'
	reply 2 '{"state":"discovered","action":"report"}'
	reply 3 '{"state":"discovered"}'
	ingest_is 0
	[ "$(contacts)" -eq 2 ]
}

@test "our own words as action are echoes, and ignored" {
	for word in startup heartbeat wakeup upload ack error ack+customizers; do
		rm -rf "$MOTHER"/requests/* "$HOME_DIR/s3-ingestor-context.json"
		reply default "{\"state\":\"discovered\",\"action\":\"$word\"}"
		before=$(contacts)
		ingest_is 0
		[ "$(contacts)" -eq $((before + 1)) ]
	done
}

@test "a mothership that wants the same action for ever gets it once" {
	reply default '{"state":"discovered","action":"report"}'
	ingest_is 0
	[ "$(contacts)" -eq 2 ]
}

@test "a list of actions is done in order, at most 8 POSTs a run" {
	reply 1 '{"state":"discovered","actions":["a1","report","a2","a3","a4","a5","a6","a7","a8","a9"]}'
	reply default '{"state":"discovered"}'
	ingest_is 0
	[ "$(contacts)" -eq 8 ]
	[ "$(told 2 .context.failed_action)" = a1 ]
	[ "$(told 3 .context.action)" = report ]
	[ "$(told 4 .context.failed_action)" = a2 ]
}

# ---- a mothership that is not well ----

@test "no mothership: uploads go on by the last config, exit 69" {
	echo one >"$HOME_DIR/data/a"
	configured
	config '.host_port = 1'
	ingest_is 69
	s3_same data/a "$HOME_DIR/data/a"
	[[ $output == *127.0.0.1:1* ]]
	[ "$(on_disk -context .)" = '{"state":"configured"}' ]
}

@test "what was uploaded without the mothership is in the next result" {
	configured
	config '.host_port = 1'
	echo one >"$HOME_DIR/data/a"
	ingest_is 69 --action heartbeat
	echo two >"$HOME_DIR/data/b"
	ingest_is 69 --action heartbeat
	config
	ingest_is 0 --action heartbeat
	[ "$(told 1 '.context.result|[.added,.bytes,.unchanged,.runs]|join(" ")')" = "2 8 2 3" ]
	ingest_is 0 --action heartbeat
	[ "$(told 2 '.context.result|[.added,.bytes,.unchanged,.runs]|join(" ")')" = "0 0 2 1" ]
}

@test "the next try waits: backoff is kept on disk" {
	reply default '{}' '{"status":503}'
	for i in 1 2 3 4 5 6; do ingest_is 69; done
	asked=$(contacts)
	[ "$asked" -lt 6 ]
	reply default '{"state":"discovered"}' '{}'
	ingest_is 69
	[ "$(contacts)" -eq "$asked" ]
	# who asks in person is served
	ingest_is 0 --action startup
	ingest_is 0
	[ "$(contacts)" -eq $((asked + 2)) ]
}

# refused_reply STATUS: a run whose reply is no reply changes nothing
refused_reply() {
	configured
	echo one >"$HOME_DIR/data/a"
	cp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
	ingest_is "$1"
	[ "$(contacts)" -eq 1 ]
	[ "$(on_disk -context .)" = '{"state":"configured"}' ]
	cmp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
	[ "$(home_files)" = "$ALL_FILES" ]
	s3_same data/a "$HOME_DIR/data/a"
}

@test "reply empty: nothing changes, exit 69" {
	reply default ''
	refused_reply 69
	[[ $output == *"the reply is empty"* ]]
}

@test "reply not JSON: nothing changes, exit 69" {
	reply default '<html>gateway</html>'
	refused_reply 69
	[[ $output == *"not a JSON object"* ]]
}

@test "reply no object: nothing changes, exit 69" {
	reply default '["state","configured"]'
	refused_reply 69
}

@test "reply cut off in the middle: nothing changes, exit 69" {
	reply default '{"state":"discovered","config":{"debug":true}}' '{"cut":20}'
	refused_reply 69
}

@test "reply with JSON after JSON: nothing changes, exit 69" {
	reply default '{"state":"discovered"}{"state":"discovered"}'
	refused_reply 69
}

@test "reply too deep: nothing changes, exit 69" {
	reply default "{\"state\":$(printf '%.0s[' {1..100})$(printf '%.0s]' {1..100})}"
	refused_reply 69
}

@test "500 with JSON: nothing changes, exit 69" {
	reply default '{"state":"discovered","config":{"debug":true}}' '{"status":500}'
	refused_reply 69
	[[ $output == *"status 500"* ]]
}

@test "a redirect is not followed: nothing changes, exit 69" {
	reply default '{"state":"discovered"}' '{"status":302,"headers":{"Location":"/elsewhere"}}'
	refused_reply 69
}

@test "401 and 403: refused, exit 77" {
	reply default '{"state":"discovered"}' '{"status":403}'
	refused_reply 77
}

@test "reply split into single bytes, chunked or not, is one reply" {
	reply 1 '{"state":"discovered","id":1}' '{"split":1}'
	ingest_is 0
	[ "$(on_disk -context .id)" = 1 ]
	reply 2 '{"state":"discovered","id":2}' '{"split":1,"chunked":true}'
	ingest_is 0
	[ "$(on_disk -context .id)" = 2 ]
}

@test "reply of 10 MiB is stored whole, and sent back" {
	python3 -S -c 'print("{\"state\":\"discovered\",\"blob\":\"" + "x" * 10485760 + "\"}")' >"$MOTHER/replies/default"
	ingest_is 0
	[ "$(on_disk -context '.blob|length')" -eq 10485760 ]
	ingest_is 0
	[ "$(told 2 '.context.blob|length')" -eq 10485760 ]
}

@test "reply above 16 MiB is refused, exit 69" {
	configured
	python3 -S -c 'print("{\"state\":\"discovered\",\"blob\":\"" + "x" * 16777216 + "\"}")' >"$MOTHER/replies/default"
	ingest_is 69
	[ "$(on_disk -context .)" = '{"state":"configured"}' ]
}

# ---- a home that is not well ----

@test "P.json that does not parse: told, no policies, left as it is, exit 78" {
	echo one >"$HOME_DIR/data/a"
	reply default '{"state":"configured"}'
	ingest_is 0
	echo '{"s3_bucket": "bucket", }' >"$HOME_DIR/s3-ingestor.json"
	cp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
	echo two >"$HOME_DIR/data/b"
	: >"$S3_LOG"
	ingest_is 78
	[[ $output == *s3-ingestor.json* ]]
	told 3 .context.error | grep -q 's3-ingestor.json'
	[ "$(s3_requests)" -eq 0 ]
	cmp "$HOME_DIR/s3-ingestor.json" "$BATS_TEST_TMPDIR/before"
}

@test "P-context.json that does not parse: state error, the bad file is kept" {
	echo one >"$HOME_DIR/data/a"
	echo '{"state":"confi' >"$HOME_DIR/s3-ingestor-context.json"
	reply default '{"state":"discovered"}'
	ingest_is 0
	[ "$(told 1 .context.state)" = error ]
	[ "$(on_disk -context .state)" = discovered ]
	[ "$(find "$HOME_DIR" -name 's3-ingestor-context.json?*' -exec cat {} +)" = '{"state":"confi' ]
	[ "$(s3_requests)" -eq 0 ]
}

@test "keys that do not parse: nothing is uploaded, told and named" {
	echo one >"$HOME_DIR/data/a"
	echo '{"access_key_id":7}' >"$HOME_DIR/s3-ingestor-keys.json"
	configured
	ingest_is 77 --action heartbeat
	told 1 .context.error | grep -q s3-ingestor-keys.json
	[ "$(s3_requests)" -eq 0 ]
	[ "$(cat "$HOME_DIR/s3-ingestor-keys.json")" = '{"access_key_id":7}' ]
}

@test "a reply that was saved and not applied is applied first" {
	configured
	echo '{"state":"configured","id":9,"config":{"debug":true}}' >"$HOME_DIR/s3-ingestor-reply.json"
	ingest_is 0
	[ "$(told 1 .context.id)" = 9 ]
	[ "$(on_disk '' .debug)" = true ]
	[ ! -e "$HOME_DIR/s3-ingestor-reply.json" ]
}

@test "host_dns is not set: exit 78, and what to do" {
	config 'del(.host_dns)'
	ingest_is 78
	[[ $output == *host_dns*--standalone* ]]
}

@test "no s3_bucket, policies would run: exit 78, told as error" {
	configured
	config 'del(.s3_bucket)'
	ingest_is 78 --action heartbeat
	told 1 .context.error | grep -q s3_bucket
}

# ---- S3 that is not well ----

@test "wrong secret: exit 77, the file is failed, the mothership hears why" {
	echo one >"$HOME_DIR/data/a"
	configured
	jq '.secret_access_key = "wrong"' "$HOME_DIR/s3-ingestor-keys.json" >"$BATS_TEST_TMPDIR/k"
	cp "$BATS_TEST_TMPDIR/k" "$HOME_DIR/s3-ingestor-keys.json"
	ingest_is 77 --action heartbeat
	[ "$(told 1 '.context.result|[.added,.failed]|join(" ")')" = "0 1" ]
	told 1 '.context.result.errors[0]' | grep -q 'data/a.*SignatureDoesNotMatch'
	[ "$(s3_count)" -eq 0 ]
	[ "$(home_files)" = "$ALL_FILES" ]
}

@test "missing bucket: exit 75, the file is failed, the mothership hears why" {
	echo one >"$HOME_DIR/data/a"
	configured
	config '.s3_bucket = "nosuch"'
	ingest_is 75 --action heartbeat
	told 1 '.context.result.errors[0]' | grep -q 'data/a.*NoSuchBucket'
	config
	ingest_is 0 --action heartbeat
	[ "$(told 2 .context.result.added)" = 1 ]
}

@test "new keys after a refusal: the policies run again with them" {
	echo one >"$HOME_DIR/data/a"
	configured
	good=$(cat "$HOME_DIR/s3-ingestor-keys.json")
	echo '{"access_key_id":"old","secret_access_key":"old"}' >"$HOME_DIR/s3-ingestor-keys.json"
	reply 1 "{\"state\":\"configured\",\"aws_keys\":$good}"
	reply default '{"state":"configured"}'
	ingest_is 0
	[ "$(told 2 '[.context.action, .context.result.added]|join(" ")')" = "upload 1" ]
	s3_same data/a "$HOME_DIR/data/a"
}

@test "an unreadable file: exit 74, failed and named, the rest goes on" {
	as_user
	configured
	echo one >"$HOME_DIR/data/a"
	echo two >"$HOME_DIR/data/b"
	chmod 000 "$HOME_DIR/data/a"
	ingest_is 74 --action heartbeat
	[ "$(told 1 '.context.result|[.added,.failed]|join(" ")')" = "1 1" ]
	told 1 '.context.result.errors[0]' | grep -q '^data/a: '
	s3_same data/b "$HOME_DIR/data/b"
	! s3_has data/a
}

@test "a file removed between scan and upload is no failure and no lie" {
	configured
	config '.s3_concurrency = 1'
	for i in 1 2 3 4; do echo $i >"$HOME_DIR/data/$i"; done
	s3_control 'fail delay=1000 times=3'
	(
		for ((i = 0; i < 200; i++)); do
			[ "$(s3_requests)" -ge 1 ] && break
			sleep 0.02
		done
		rm "$HOME_DIR/data/4"
	) 3>&- &
	ingest --action heartbeat
	wait $!
	[ "$status" -eq 0 ]
	! s3_has data/4
	[ "$(told 1 '.context.result|[.added,.failed]|join(" ")')" = "3 0" ]
}

@test "two runs at once: the second ends with 75 and touches nothing" {
	configured
	echo one >"$HOME_DIR/data/a"
	reply default '{"state":"configured"}' '{"delay":2}'
	"$S3_INGESTOR" -C "$HOME_DIR" 3>&- &
	first=$!
	for ((i = 0; i < 200; i++)); do
		[ "$(contacts)" -ge 1 ] && break
		sleep 0.02
	done
	before=$(contacts)
	ingest_is 75
	[[ $output == *s3-ingestor.lock* || $output == *another* ]]
	[ "$(contacts)" -eq "$before" ]
	wait "$first"
	s3_same data/a "$HOME_DIR/data/a"
}

@test "--wait: the second run waits for the first" {
	configured
	reply default '{"state":"configured"}' '{"delay":1}'
	"$S3_INGESTOR" -C "$HOME_DIR" 3>&- &
	first=$!
	for ((i = 0; i < 200; i++)); do
		[ "$(contacts)" -ge 1 ] && break
		sleep 0.02
	done
	ingest_is 0 --wait 20
	wait "$first"
	[ "$(contacts)" -ge 2 ]
}

@test "one full cycle is clean under valgrind" {
	command -v valgrind >/dev/null || skip "no valgrind here"
	! ldd "$S3_INGESTOR" | grep -q libasan || skip "built with sanitizers"
	echo one >"$HOME_DIR/data/a"
	head -c 17000000 /dev/zero >"$HOME_DIR/data/large"
	reply 1 '{"state":"configured","action":"report","config":{"debug":true}}'
	reply default '{"state":"configured"}'
	run valgrind --quiet --error-exitcode=99 --leak-check=full \
		--show-leak-kinds=definite,indirect,possible \
		"$S3_INGESTOR" -C "$HOME_DIR"
	echo "$output"
	[ "$status" -eq 0 ]
	# a system call that valgrind does not know is answered with ENOSYS
	! grep -vE '^--[0-9]+-- ' <<<"$output"
	s3_same data/large "$HOME_DIR/data/large"
}
