#!/usr/bin/env bats
# Whatever the network and S3 do: no file is lost, none counts that S3 did not
# confirm, and the next run without the fault brings all there.

setup() {
	load ../lib/servers.bash
	load lib.bash
	make_home
	times=0
}

teardown() { stop_servers; }

# behind_relay OPTION...: the bucket, and the network between
behind_relay() {
	start_fake_s3
	start_relay "${S3_ENDPOINT#http://}" "$@"
	RELAYED=http://127.0.0.1:$RELAY_PORT
	with_endpoint "$RELAYED"
}

with_endpoint() {
	S3_ENDPOINT=$1 config ".s3_timeout = 2000 | .host_timeout = 2 ${2:+| $2}"
}

# new_contents: every file of the tree is another one than before
new_contents() {
	local n
	mkdir -p "$HOME_DIR/data/sub"
	for n in 1 2 sub/3 sub/4 sub/5; do
		head -c $((RANDOM % 9000)) /dev/urandom >"$HOME_DIR/data/$n"
	done
	# of another size too: what changes within a second may not be told by time
	head -c $((17000000 + RANDOM)) /dev/urandom >"$HOME_DIR/data/large"
}

# faulty OPTION...: a run in the fault; it ends by itself, and does not lie
faulty() {
	ingest_before=$output
	run timeout 120 env -i PATH="$PATH" ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
		"$S3_INGESTOR" -C "$HOME_DIR" --json "$@"
	[ "$status" -ne 124 ] || { echo "it hangs" && return 1; }
	case $status in
	0 | 69 | 75 | 77) ;;
	*) echo "status $status: $output" && return 1 ;;
	esac
	held
	# what it says of files is what the ledger has
	local said
	said=$(tail -n 1 <<<"$output" | jq '.added + .updated + .skipped + .unchanged')
	[ "$said" -eq "$(ledger "select count(*) from file f
		where policy in (select id from policy where position is not null) and not exists (select 1 from pending p where p.policy = f.policy and p.name = f.name)")" ] || {
		echo "said $said: $output"
		return 1
	}
	times=$((times + 1))
}

# restored: the fault is gone, one run, and all is there
restored() {
	[ -z "${RELAY_PORT:-}" ] || network clear drop
	s3_control clear
	ingest_is 0 --standalone
	held --tree "$HOME_DIR/data" exact --tidy
}

@test "connections reset or cut after N bytes, either way, at every stage of uploads" {
	seeded
	behind_relay
	for ((round = 0; round < $(rounds 6 120); round++)); do
		new_contents
		# headers, bodies, parts, replies: small numbers more often
		bytes=$((RANDOM % (1 << (RANDOM % 25))))
		way=$([ $((RANDOM % 2)) -eq 0 ] && echo up || echo down)
		[ "$way" = up ] || bytes=$((bytes % 3000))
		kind=$([ $((RANDOM % 3)) -eq 0 ] && echo cut || echo reset)
		echo "$kind $way $bytes"
		network "$kind $way $bytes"
		faulty --standalone
		restored
	done
	survived "$times" "connection reset or cut after N bytes, S3"
}

@test "connections reset or cut after N bytes, either way, to the mothership" {
	seeded
	start_fake_s3
	start_mothership
	start_relay "127.0.0.1:$MOTHER_PORT"
	configured
	with_endpoint "$S3_ENDPOINT" ".host_port = $RELAY_PORT"
	echo 1 >"$HOME_DIR/data/1"
	reply default '{"state":"configured","id":1}'
	ingest_is 0
	for ((round = 0; round < $(rounds 8 120); round++)); do
		way=$([ $((RANDOM % 2)) -eq 0 ] && echo up || echo down)
		bytes=$((RANDOM % 400))
		kind=$([ $((RANDOM % 3)) -eq 0 ] && echo cut || echo reset)
		echo "$round: $kind $way $bytes"
		reply default "{\"state\":\"configured\",\"id\":2,\"round\":$round,\"config\":{\"heartbeat_period\":$((2000 + round))}}"
		network drop "$kind $way $bytes"
		ingest --action wakeup
		[ "$status" -eq 69 ] || [ "$status" -eq 0 ]
		# all of the reply, or nothing
		had="$(jq -c .round "$HOME_DIR/s3-ingestor-context.json") $(jq -c .heartbeat_period "$HOME_DIR/s3-ingestor.json")"
		[ "$status" -eq 69 ] || [ "$had" = "$round $((2000 + round))" ]
		[ "$had" = "$round $((2000 + round))" ] || [ "$had" = "${known:-null null}" ]
		network clear drop
		ingest_is 0 --action wakeup
		known="$(jq -c .round "$HOME_DIR/s3-ingestor-context.json") $(jq -c .heartbeat_period "$HOME_DIR/s3-ingestor.json")"
		[ "$known" = "$round $((2000 + round))" ]
		times=$((times + 1))
	done
	survived "$times" "connection reset or cut after N bytes, mothership"
}

@test "a TLS handshake that is cut anywhere: exit 69, nothing changes" {
	seeded
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
		-addext "subjectAltName=IP:127.0.0.1" -keyout "$BATS_TEST_TMPDIR/key" \
		-out "$HOME_DIR/ca.pem" 2>/dev/null
	start_mothership --tls "$HOME_DIR/ca.pem" "$BATS_TEST_TMPDIR/key"
	reply default '{"state":"discovered","id":1}'
	start_relay "127.0.0.1:$MOTHER_PORT"
	config ".host_service = \"https\" | .ca_file = \"ca.pem\" | .host_port = $RELAY_PORT | .host_timeout = 2"
	for ((round = 0; round < $(rounds 8 100); round++)); do
		kind=$([ $((RANDOM % 2)) -eq 0 ] && echo cut || echo reset)
		way=$([ $((RANDOM % 2)) -eq 0 ] && echo up || echo down)
		most=$([ "$way" = up ] && echo 500 || echo 1500)
		network "$kind $way $((RANDOM % most))"
		ingest_is 69
		[ ! -e "$HOME_DIR/s3-ingestor-context.json" ]
		network clear drop
		times=$((times + 1))
	done
	rm -f "$HOME_DIR"/s3-ingestor-ledger.db* # and with it the wait until the next try
	ingest_is 0
	survived "$times" "TLS handshake cut"
}

@test "refused, not found, black hole, half-open, stalled: an end in time, said as what it is" {
	behind_relay
	new_contents
	S3_ENDPOINT=$RELAYED config '.s3_timeout = 300'
	for fault in $(rounds "refuse ignore deaf" "refuse ignore deaf stall"); do
		network "$fault"
		faulty --standalone
		[ "$status" -eq 69 ]
		[ "$(tail -n 1 <<<"$output" | jq .added)" -eq 0 ]
		network clear drop
	done
	with_endpoint http://127.0.0.1:1
	faulty --standalone
	[ "$status" -eq 69 ]
	with_endpoint http://nobody.invalid
	faulty --standalone
	[ "$status" -eq 69 ]
	[[ $output == *nobody.invalid* ]]
	with_endpoint "$RELAYED"
	restored
	survived "$times" "connect refused, DNS failure, black hole, half-open, stall"
}

@test "stalled in the middle of uploads: they are given up, and tried again" {
	behind_relay
	for ((round = 0; round < $(rounds 1 20); round++)); do
		new_contents
		S3_ENDPOINT=$RELAYED config '.s3_timeout = 300'
		network "rate 8000000"
		(
			until [ "$(s3_requests '^PUT')" -ge 2 ]; do sleep 0.02; done
			network stall
		) &
		faulty --standalone
		wait $!
		[ "$status" -eq 69 ] || [ "$status" -eq 75 ]
		# a busy machine is silent for longer than that
		S3_ENDPOINT=$RELAYED config '.s3_timeout = 30000'
		restored
		: >"$S3_LOG"
	done
	survived "$times" "everything stalls in the middle of uploads"
}

@test "one byte a second is no silence: --max-runtime ends it" {
	behind_relay
	new_contents
	S3_ENDPOINT=$RELAYED config
	network "rate 1"
	faulty --standalone --max-runtime 4
	[ "$status" -eq 75 ]
	restored
	survived "$times" "one byte a second"
}

@test "a proxy that answers 407 or 502" {
	start_fake_s3
	new_contents
	mkdir "$BATS_TEST_TMPDIR/proxy"
	python3 -S "$ROOT/tests/servers/proxy.py" --dir "$BATS_TEST_TMPDIR/proxy" --user a:b >/dev/null 2>&1 3>&- &
	note_pid $!
	wait_for "$BATS_TEST_TMPDIR/proxy/port"
	fake=$S3_ENDPOINT
	with_endpoint "http://s3.example" ".proxy = \"http://a:wrong@127.0.0.1:$(cat "$BATS_TEST_TMPDIR/proxy/port")\""
	faulty --standalone
	[ "$status" -ne 0 ]
	[[ $output == *407* ]]
	[[ $output != *wrong* ]]
	# a gateway that has nobody behind it
	mkdir "$BATS_TEST_TMPDIR/gateway"
	python3 -S "$ROOT/tests/servers/proxy.py" --dir "$BATS_TEST_TMPDIR/gateway" --to 127.0.0.1:1 >/dev/null 2>&1 3>&- &
	note_pid $!
	wait_for "$BATS_TEST_TMPDIR/gateway/port"
	with_endpoint "http://s3.example" ".proxy = \"http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/gateway/port")\""
	faulty --standalone
	[ "$status" -eq 69 ] || { echo "$status $output" && return 1; }
	[[ $output == *502* ]]
	with_endpoint "$fake"
	restored
	survived "$times" "proxy 407, 502"
}

@test "500, 502, 503, 504 to each kind of request: done in the same run" {
	start_fake_s3
	with_endpoint "$S3_ENDPOINT"
	for request in 'method=HEAD' 'method=PUT' 'method=POST query=uploads' 'method=PUT query=partNumber' 'method=POST query=uploadId' 'method=GET'; do
		for status_code in $(rounds "500 503" "500 502 503 504"); do
			new_contents
			s3_control "fail $request status=$status_code code=InternalError times=2"
			faulty --standalone
			[ "$status" -eq 0 ] || { echo "$request $status_code: $output" && return 1; }
			restored
		done
	done
	survived "$times" "500, 502, 503, 504"
}

@test "replies that are lost after success, to each kind of request: once there, counted once" {
	start_fake_s3
	with_endpoint "$S3_ENDPOINT"
	for request in 'method=HEAD' 'method=PUT' 'method=POST query=uploads' 'method=PUT query=partNumber' 'method=POST query=uploadId'; do
		rm -rf "$HOME_DIR"/s3-ingestor-ledger.db* "$HOME_DIR/data"
		new_contents
		s3_control "fail $request lost times=2"
		faulty --standalone
		[ "$status" -eq 0 ] || { echo "$request: $output" && return 1; }
		[ "$(tail -n 1 <<<"$output" | jq '.added + .updated + .skipped')" -eq 6 ]
		ingest_is 0 --standalone # a twin of an upload is found by the next run
		restored
	done
	survived "$times" "reply lost after success"
}

@test "200 with an error, truncated XML, a wrong ETag, a body that is no XML" {
	start_fake_s3
	with_endpoint "$S3_ENDPOINT"
	for fault in 'method=POST query=uploadId ok-with-error code=InternalError times=1' \
		'method=POST query=uploadId ok-with-error code=SlowDown times=1' \
		'method=POST query=uploadId ok-with-error code=InvalidPart times=1' \
		'method=PUT wrong-etag times=3' 'method=PUT query=partNumber wrong-etag times=1'; do
		new_contents
		s3_control "fail $fault"
		faulty --standalone
		restored
	done
	# a reply that ends in the middle of its XML
	stop_servers
	behind_relay
	for bytes in $(rounds "250 330" "$(seq -s ' ' 200 10 400)"); do
		new_contents
		network "cut down $bytes"
		faulty --standalone
		restored
	done
	survived "$times" "200 with an error, truncated XML, wrong ETag"
}

@test "a storm of SlowDown: fewer at once, all done in the end, few requests in vain" {
	behind_relay
	count=$(rounds 1000 5000)
	(cd "$HOME_DIR/data" && for ((n = 0; n < count; n++)); do echo "$n" >"$n"; done)
	s3_control "limit $(rounds 100 200)"
	faulty --standalone
	requests=$(s3_requests)
	echo "$requests requests for $count files; $(tail -n 1 <<<"$output")"
	[ "$status" -eq 0 ]
	[ "$requests" -lt $((3 * count)) ]
	held --tree "$HOME_DIR/data" exact --tidy
	survived "$(s3_requests ' 503 ')" "503 SlowDown in a storm, fake S3"
}

@test "RGW with a low limit of requests: all done in the end" {
	command -v radosgw >/dev/null || skip "no radosgw here"
	[ "$TORTURE" = long ] || skip "only in scripts/torture"
	RGW_REQUESTS=4 "$ROOT/tests/servers/rgw-up.sh" "$BATS_TEST_TMPDIR/rgw" >/dev/null 3>&-
	# shellcheck source=/dev/null
	. "$BATS_TEST_TMPDIR/rgw/env"
	/usr/bin/python3 - "$RGW_ENDPOINT" "$RGW_KEY" "$RGW_SECRET" <<-'PYTHON'
		import sys, botocore.session
		botocore.session.get_session().create_client(
		    "s3", region_name="us-east-1", endpoint_url=sys.argv[1],
		    aws_access_key_id=sys.argv[2], aws_secret_access_key=sys.argv[3]
		).create_bucket(Bucket="bucket")
	PYTHON
	S3_ENDPOINT=$RGW_ENDPOINT KEY=$RGW_KEY SECRET=$RGW_SECRET
	make_home
	config
	(cd "$HOME_DIR/data" && for ((n = 0; n < 2000; n++)); do echo "$n" >"$n"; done)
	traced -o "$BATS_TEST_TMPDIR/trace" -e trace=sendto,sendmsg,write "$S3_INGESTOR" -C "$HOME_DIR" --standalone
	requests=$(grep -cE '"(HEAD|PUT) /bucket' "$BATS_TEST_TMPDIR/trace")
	echo "$requests requests for 2000 files"
	[ "$requests" -lt $((3 * 2 * 2000)) ]
	[ "$(ledger 'select count(*) from file where state = 0')" -eq 2000 ]
	"$ROOT/tests/servers/rgw-down.sh" "$BATS_TEST_TMPDIR/rgw"
	survived 1 "503 SlowDown of RGW with a low limit"
}

@test "idle connections are reset by the server: no failure, no wait" {
	behind_relay
	network "idle 50"
	mkdir "$HOME_DIR/customizers"
	# shellcheck disable=SC2016 # the script expands it
	printf '#!/bin/sh\nwhile read -r line; do sleep 0.2; echo "\\"key$((n = n + 1))\\""; done\n' >"$HOME_DIR/customizers/slow"
	chmod 700 "$HOME_DIR/customizers/slow"
	with_endpoint "$RELAYED" '.policies[0].customizer = "slow" | .allow_executables = true'
	for n in $(seq "$(rounds 10 100)"); do echo "$n" >"$HOME_DIR/data/$n"; done
	faulty --standalone
	[ "$status" -eq 0 ]
	[ "$(tail -n 1 <<<"$output" | jq .added)" -eq "$n" ]
	survived "$n" "idle keep-alive connection reset"
}

@test "a clock that is 3 hours off, either way" {
	start_fake_s3
	with_endpoint "$S3_ENDPOINT"
	for offset in +10800 -10800 +10800; do
		new_contents
		s3_control "clock $offset"
		faulty --standalone
		[ "$status" -eq 0 ]
		s3_same data/large "$HOME_DIR/data/large"
	done
	survived "$times" "clock 3 hours off"
}

@test "a bucket of another region, told in five forms" {
	for form in 'method=HEAD status=301' 'method=PUT status=301 code=PermanentRedirect' \
		'method=PUT status=307 code=TemporaryRedirect' 'method=PUT status=400 code=AuthorizationHeaderMalformed' \
		'method=HEAD status=400' 'method=HEAD status=403'; do
		rm -rf "$BATS_TEST_TMPDIR"/s3* "$HOME_DIR"/s3-ingestor-ledger.db*
		start_fake_s3 --region eu-central-1
		with_endpoint "$S3_ENDPOINT"
		new_contents
		if [[ $form == *PUT* ]]; then
			# of files that are known no HEAD tells it before
			ingest_is 0 --standalone
			ledger "update endpoint set region = ''"
			new_contents
		fi
		s3_control "fail $form region=eu-central-1 times=1"
		faulty --standalone
		[ "$status" -eq 0 ] || { echo "$form: $output" && return 1; }
		[ "$(ledger 'select region from endpoint')" = eu-central-1 ]
		restored
		stop_servers
	done
	survived "$times" "redirect to another region"
}

@test "a token that expires in the middle: refused, and the next run goes on" {
	start_fake_s3
	with_endpoint "$S3_ENDPOINT"
	for skip in $(rounds "3" "$(seq -s ' ' 0 20)"); do
		new_contents
		s3_control "fail status=400 code=ExpiredToken skip=$skip times=999"
		: >"$S3_LOG"
		faulty --standalone
		[ "$status" -ne 0 ] || [ "$(s3_requests)" -gt "$skip" ] || break # it never came to it
		[ "$status" -eq 77 ] || { echo "after $skip requests: status $status: $output" && return 1; }
		restored
	done
	[ "$times" -gt "$(rounds 0 5)" ]
	survived "$times" "token expired in the middle"
}
