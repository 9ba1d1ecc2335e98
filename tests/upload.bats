#!/usr/bin/env bats
# What happens to files, with the fake S3 and without a mothership.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
	config
}

teardown() { stop_servers; }

counters='[.added,.updated,.skipped,.unchanged,.delayed,.failed]|join(" ")'

@test "a new file is added, a second run asks S3 nothing" {
	echo one >"$HOME_DIR/data/a.txt"
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0 0" ]
	s3_same data/a.txt "$HOME_DIR/data/a.txt"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 0 1 0 0" ]
	[ "$(s3_requests)" -eq 0 ]
}

@test "a changed file is updated, its neighbours are left alone" {
	echo one >"$HOME_DIR/data/a"
	echo two >"$HOME_DIR/data/b"
	ingest_is 0 --standalone
	echo more >>"$HOME_DIR/data/a"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 1 0 1 0 0" ]
	s3_same data/a "$HOME_DIR/data/a"
	[ "$(s3_requests)" -eq 1 ]
}

@test "a touched file is skipped: its content is known" {
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	touch -d '2001-01-01' "$HOME_DIR/data/a"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 1 0 0 0" ]
	[ "$(s3_requests)" -eq 0 ]
	[ "$(summary "$counters" --standalone)" = "0 0 0 1 0 0" ]
}

@test "a file that is in the bucket already is skipped, then unchanged" {
	echo one >"$HOME_DIR/data/a"
	touch -d '2001-01-01' "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	rm "$HOME_DIR"/s3-ingestor-ledger.db*
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 1 0 0 0" ]
	[ "$(s3_requests '^PUT')" -eq 0 ]
	[ "$(summary "$counters" --standalone)" = "0 0 0 1 0 0" ]
}

@test "compare checksum: the same size with other content is uploaded" {
	config '.compare = "checksum"'
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	rm "$HOME_DIR"/s3-ingestor-ledger.db*
	echo two >"$HOME_DIR/data/a"
	touch -d '2001-01-01' "$HOME_DIR/data/a"
	[ "$(summary "$counters" --standalone)" = "0 1 0 0 0 0" ]
	s3_same data/a "$HOME_DIR/data/a"
}

@test "an empty file and one of exactly 16 MiB arrive whole" {
	: >"$HOME_DIR/data/empty"
	head -c 16777216 /dev/urandom >"$HOME_DIR/data/large"
	ingest_is 0 --standalone
	s3_same data/empty "$HOME_DIR/data/empty"
	s3_same data/large "$HOME_DIR/data/large"
	[ "$(s3_requests 'partNumber=')" -eq 2 ]
}

@test "a touched file that went in parts is skipped by its digest" {
	head -c 17000000 /dev/urandom >"$HOME_DIR/data/large"
	ingest_is 0 --standalone
	touch -d '2001-01-01' "$HOME_DIR/data/large"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 1 0 0 0" ]
	[ "$(s3_requests)" -eq 0 ]
}

@test "an upload in parts that was cut off goes on in the next run" {
	head -c 40000000 /dev/urandom >"$HOME_DIR/data/large"
	config '.s3_concurrency = 1'
	s3_control 'fail query=partNumber skip=3 status=403 code=AccessDenied times=9'
	ingest_is 77 --standalone
	[ "$(ledger 'select count(*) from part')" -ge 1 ]
	s3_control clear
	: >"$S3_LOG"
	ingest_is 0 --standalone
	[ "$(s3_requests 'partNumber=')" -lt 5 ]
	[ "$(s3_requests 'uploads=')" -eq 0 ]
	s3_same data/large "$HOME_DIR/data/large"
	[ "$(ledger 'select count(*) from upload')" -eq 0 ]
}

@test "an unreadable file is failed, the rest goes on: exit 74" {
	as_user
	echo one >"$HOME_DIR/data/a"
	echo two >"$HOME_DIR/data/b"
	chmod 000 "$HOME_DIR/data/a"
	ingest --json --standalone
	[ "$status" -eq 74 ]
	[ "$(tail -n1 <<<"$output" | jq -r "$counters")" = "1 0 0 0 0 1" ]
	tail -n1 <<<"$output" | jq -e '.errors[0] | startswith("data/a: open:")'
	s3_has data/b
	! s3_has data/a
}

@test "a folder that cannot be read is failed and named: exit 74" {
	as_user
	mkdir "$HOME_DIR/data/closed"
	chmod 000 "$HOME_DIR/data/closed"
	ingest --standalone
	chmod 700 "$HOME_DIR/data/closed"
	[ "$status" -eq 74 ]
	[[ $output == *data/closed/* ]]
}

@test "a file open for writing is delayed" {
	echo one >"$HOME_DIR/data/a"
	exec 7>>"$HOME_DIR/data/a"
	[ "$(summary "$counters" --standalone)" = "0 0 0 0 1 0" ]
	! s3_has data/a
	exec 7>&-
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0 0" ]
}

@test "delay_upload leaves a fresh file alone" {
	config '.policies[0].delay_upload = 3600'
	echo one >"$HOME_DIR/data/a"
	[ "$(summary "$counters" --standalone)" = "0 0 0 0 1 0" ]
	touch -d '2 hours ago' "$HOME_DIR/data/a"
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0 0" ]
}

@test "own files are never uploaded, by any link, of any prefix" {
	config '.policies[0].input_file_pattern = "{*,.*,**/*}"'
	cp "$HOME_DIR/s3-ingestor-keys.json" "$HOME_DIR/other-keys.json"
	echo '{}' >"$HOME_DIR/other.json"
	: >"$HOME_DIR/other.lock"
	ln -s ../s3-ingestor-keys.json "$HOME_DIR/data/link"
	ln "$HOME_DIR/s3-ingestor-keys.json" "$HOME_DIR/data/hard"
	echo mine >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	ingest_is 0 --standalone
	[ "$(s3_count)" -eq 1 ]
	s3_has data/a
}

@test "two files that would have one key: the later one fails" {
	mkdir "$HOME_DIR/data/x" "$HOME_DIR/data/y"
	echo 1 >"$HOME_DIR/data/x/f"
	echo 2 >"$HOME_DIR/data/f"
	config '.policies = [{input_file_pattern: "data/f"}, {input_file_pattern: "data/x/f", input_remove_prefix: "data/x/", output_key_prefix: "data/"}]'
	ingest --json --standalone
	[ "$status" -eq 75 ]
	tail -n1 <<<"$output" | jq -e '.errors[0] == "data/x/f: key already used by data/f"'
	s3_same data/f "$HOME_DIR/data/f"
	ingest_is 75 --standalone
	s3_same data/f "$HOME_DIR/data/f"
}

@test "an edited or moved policy uploads nothing again" {
	echo 1 >"$HOME_DIR/data/a"
	echo 2 >"$HOME_DIR/data/b"
	ingest_is 0 --standalone
	: >"$S3_LOG"
	config '.policies = [{input_file_pattern: "data/b"}, {input_file_pattern: "data/*"}]'
	[ "$(summary "$counters" --standalone)" = "0 0 0 3 0 0" ]
	config '.policies = [{input_file_pattern: "data/*"}, {input_file_pattern: "data/b"}]'
	[ "$(summary "$counters" --standalone)" = "0 0 0 3 0 0" ]
	[ "$(s3_requests)" -eq 0 ]
}

@test "two buckets over one file do not disturb each other" {
	mkdir -p "$S3_DIR/second/objects" "$S3_DIR/second/uploads"
	config '.policies = [{input_file_pattern: "data/*"}, {input_file_pattern: "data/*", s3_bucket: "second"}]'
	echo 1 >"$HOME_DIR/data/a"
	[ "$(summary "$counters" --standalone)" = "2 0 0 0 0 0" ]
	[ "$(find "$S3_DIR/second/objects" -name '*.meta' | wc -l)" -eq 1 ]
	[ "$(summary "$counters" --standalone)" = "0 0 0 2 0 0" ]
}

@test "force_upload sends every file at every run" {
	config '.policies[0].force_upload = true'
	echo 1 >"$HOME_DIR/data/a"
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0 0" ]
	[ "$(summary "$counters" --standalone)" = "0 1 0 0 0 0" ]
}

@test "--recheck finds what is missing in the bucket" {
	echo 1 >"$HOME_DIR/data/a"
	echo 2 >"$HOME_DIR/data/b"
	ingest_is 0 --standalone
	rm "$(s3_path data/a)" "$(s3_path data/a).meta"
	[ "$(summary "$counters" --standalone)" = "0 0 0 2 0 0" ]
	[ "$(summary "$counters" --standalone --recheck)" = "1 0 0 1 0 0" ]
	s3_has data/a
}

@test "--dry-run writes nothing and asks nobody" {
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 0 --standalone --dry-run
	[[ $output == *"data/a -> s3://bucket/data/a"* ]]
	[ "$(s3_requests)" -eq 0 ]
	[ "$(find "$HOME_DIR" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')" = "data s3-ingestor-keys.json s3-ingestor.json " ]
}

@test "a corrupt ledger is set aside, nothing is uploaded again" {
	for i in 1 2 3; do echo $i >"$HOME_DIR/data/$i"; done
	ingest_is 0 --standalone
	printf 'no database at all, but longer than a header' >"$HOME_DIR/s3-ingestor-ledger.db"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 3 0 0 0" ]
	[ "$(s3_requests '^PUT')" -eq 0 ]
	[ -e "$HOME_DIR/s3-ingestor-ledger.db.bad" ]
	ingest_is 0 --standalone
}

@test "a policy that cannot run fails with its name, the next goes on" {
	config '.policies = [{handler: "socket", input_file_pattern: "data/*"}, {input_file_pattern: "data/*"}]'
	echo 1 >"$HOME_DIR/data/a"
	ingest --standalone
	[ "$status" -eq 75 ]
	[[ $output == *'policies[0]: handler "socket"'* ]]
	s3_has data/a
}

@test "no s3_bucket: exit 78, said with the key" {
	config 'del(.s3_bucket)'
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 78 --standalone
	[[ $output == *s3_bucket* ]]
}

@test "a wrong secret: exit 77, one problem, the file is tried again" {
	echo '{"access_key_id":"FAKEACCESSKEY","secret_access_key":"no"}' >"$HOME_DIR/s3-ingestor-keys.json"
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 77 --standalone
	[[ $output == *SignatureDoesNotMatch* ]]
	[[ $output != *'"no"'* ]]
	make_home
	ingest_is 0 --standalone
	s3_has data/a
}

@test "a missing bucket: exit 75, nothing recorded" {
	config '.s3_bucket = "nosuch"'
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 75 --standalone
	[[ $output == *NoSuchBucket* ]]
	[ "$(ledger 'select count(*) from file')" -eq 0 ]
}

@test "nobody at the endpoint: exit 69, the file is tried again" {
	echo 1 >"$HOME_DIR/data/a"
	config '.s3_endpoint = "http://127.0.0.1:1"'
	ingest_is 69 --standalone
	config
	ingest_is 0 --standalone
	s3_has data/a
}

@test "SlowDown, 500 and lost replies are retried until all is there" {
	for i in $(seq 50); do echo "$i" >"$HOME_DIR/data/$i"; done
	s3_control 'fail method=PUT status=503 code=SlowDown times=10
fail method=HEAD status=500 times=10
fail method=PUT lost times=3
fail method=PUT reset=1 times=3'
	[ "$(summary .failed --standalone)" = 0 ]
	[ "$(s3_count)" -eq 50 ]
	: >"$S3_LOG"
	ingest_is 0 --standalone
	[ "$(s3_requests)" -eq 0 ]
}

@test "200 with an error to Complete is no success" {
	head -c 17000000 /dev/urandom >"$HOME_DIR/data/large"
	s3_control 'fail method=POST query=uploadId ok-with-error code=InternalError times=2'
	ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
}

@test "a bucket in another region is found and remembered" {
	stop_servers
	start_fake_s3 --region eu-central-1
	config
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ "$(ledger 'select region from endpoint')" = eu-central-1 ]
	: >"$S3_LOG"
	echo 2 >"$HOME_DIR/data/b"
	ingest_is 0 --standalone
	[ "$(s3_requests ' 400 ')" -eq 0 ]
}

@test "a clock that is hours off is learned from S3" {
	s3_control 'clock 10800'
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	s3_has data/a
	[ "$(ledger 'select skew_ms > 10000000 from endpoint')" -eq 1 ]
}

@test "an endpoint that refuses CRC64NVME gets Content-MD5, for good" {
	s3_control 'fail method=PUT status=501 code=NotImplemented times=1'
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ -z "$(sed -n 4p "$(s3_path data/a).meta")" ]
	echo 2 >"$HOME_DIR/data/b"
	ingest_is 0 --standalone
	[ -z "$(sed -n 4p "$(s3_path data/b).meta")" ]
}

@test "CRC64NVME goes with every body" {
	echo 1 >"$HOME_DIR/data/a"
	head -c 17000000 /dev/urandom >"$HOME_DIR/data/large"
	ingest_is 0 --standalone
	[ -n "$(sed -n 4p "$(s3_path data/a).meta")" ]
	[ -n "$(sed -n 4p "$(s3_path data/large).meta")" ]
}

@test "a session token is signed and sent" {
	stop_servers
	start_fake_s3 --token 'the/token+1='
	config
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 77 --standalone
	jq '.session_token = "the/token+1="' "$HOME_DIR/s3-ingestor-keys.json" >"$HOME_DIR/k"
	mv "$HOME_DIR/k" "$HOME_DIR/s3-ingestor-keys.json"
	ingest_is 0 --standalone
	s3_has data/a
}

@test "virtual addressing puts the bucket into the host" {
	getent ahostsv4 bucket.localhost | grep -q 127.0.0.1 || skip "no *.localhost here"
	config '.s3_addressing = "virtual" | .s3_endpoint |= sub("127.0.0.1"; "localhost")'
	stop_servers
	start_fake_s3 --domain localhost
	config '.s3_addressing = "virtual" | .s3_endpoint |= sub("127.0.0.1"; "localhost")'
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	s3_has data/a
	[ "$(s3_requests ' /data/a')" -ge 1 ]
}

@test "metadata, content type, storage class, SSE and ACL go along" {
	config '.policies[0] += {metadata: {Site: "north", umlaut: "ü"}, s3_storage_class: "STANDARD_IA", s3_sse: "AES256", s3_acl: "private"}'
	echo 1 >"$HOME_DIR/data/a.csv"
	ingest_is 0 --standalone
	run tail -n +5 "$(s3_path data/a.csv).meta"
	[[ $output == *"content-type: text/csv"* ]]
	[[ $output == *"x-amz-meta-site: north"* ]]
	[[ $output == *"x-amz-meta-umlaut: =?UTF-8?B?w7w=?="* ]]
	[[ $output == *"x-amz-storage-class: STANDARD_IA"* ]]
	[[ $output == *"x-amz-server-side-encryption: AES256"* ]]
	[[ $output == *"x-amz-acl: private"* ]]
}

@test "names of any bytes arrive; what is not UTF-8 is escaped and said so" {
	local bad
	bad=$(printf 'bad\377name')
	echo 1 >"$HOME_DIR/data/$bad"
	printf 2 >"$HOME_DIR/data/"$'new\nline'
	printf 3 >"$HOME_DIR/data/ + %&='\"\$\\~*?[]{}|<>"
	[ "$(summary "$counters" --standalone)" = "3 0 0 0 0 0" ]
	s3_same data/bad%FFname "$HOME_DIR/data/$bad"
	s3_same data/$'new\nline' "$HOME_DIR/data/"$'new\nline'
	[ "$(summary "$counters" --standalone)" = "0 0 0 3 0 0" ]
}

@test "fifos, sockets and dangling links are no files and never block" {
	mkfifo "$HOME_DIR/data/fifo"
	ln -s nowhere "$HOME_DIR/data/dangling"
	ln -s fifo "$HOME_DIR/data/tofifo"
	echo 1 >"$HOME_DIR/data/a"
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0 0" ]
}

@test "follow_symlinks: inside, true and false" {
	mkdir "$BATS_TEST_TMPDIR/outside"
	echo out >"$BATS_TEST_TMPDIR/outside/o"
	echo in >"$HOME_DIR/data/in"
	ln -s in "$HOME_DIR/data/l-in"
	ln -s "$BATS_TEST_TMPDIR/outside/o" "$HOME_DIR/data/l-out"
	[ "$(summary .added --standalone)" = 2 ]
	! s3_has data/l-out
	config '.policies[0].follow_symlinks = true'
	ingest_is 0 --standalone
	s3_has data/l-out
	config '.policies[0] += {follow_symlinks: false, output_key_prefix: "f/"}'
	[ "$(summary .added --standalone)" = 1 ]
}

@test "a run that is asked to stop says that work is left: exit 75" {
	for i in $(seq 200); do echo "$i" >"$HOME_DIR/data/$i"; done
	s3_control 'fail method=PUT delay=100 times=400'
	config '.s3_concurrency = 2'
	env -i PATH="$PATH" "$S3_INGESTOR" -C "$HOME_DIR" --standalone 3>&- &
	local pid=$!
	while [ "$(s3_requests '^PUT')" -lt 3 ]; do sleep 0.05; done
	kill -TERM $pid
	local left=0
	wait $pid || left=$?
	[ "$left" -eq 75 ]
	s3_control clear
	ingest_is 0 --standalone
	[ "$(s3_count)" -eq 200 ]
	[ "$(s3_requests '^PUT 200')" -le 202 ]
}

@test "two runs at once: the second says so and exits 75" {
	for i in $(seq 20); do echo "$i" >"$HOME_DIR/data/$i"; done
	s3_control 'fail method=PUT delay=300 times=400'
	config '.s3_concurrency = 2'
	env -i PATH="$PATH" "$S3_INGESTOR" -C "$HOME_DIR" --standalone 3>&- &
	local pid=$!
	while [ "$(s3_requests '^HEAD')" -lt 1 ]; do sleep 0.05; done
	ingest_is 75 --standalone
	[[ $output == *s3-ingestor.lock* ]]
	ingest_is 0 --standalone --wait 60
	wait $pid
	[ "$(s3_requests '^PUT 200')" -eq 20 ]
}

@test "quiet says nothing when all went well, nor does a run without terminal" {
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ -z "$output" ]
	echo 2 >"$HOME_DIR/data/b"
	ingest_is 0 --standalone -q
	[ -z "$output" ]
}

@test "of many files that fail the first are named, the rest is counted" {
	jq '.secret_access_key = "wrong"' "$HOME_DIR/s3-ingestor-keys.json" >"$BATS_TEST_TMPDIR/k"
	cp "$BATS_TEST_TMPDIR/k" "$HOME_DIR/s3-ingestor-keys.json"
	config '.s3_concurrency = 40'
	for i in $(seq 100); do echo "$i" >"$HOME_DIR/data/$i"; done
	ingest_is 77 --standalone
	[ "$(grep -c SignatureDoesNotMatch <<<"$output")" -le 21 ]
	[[ $output == *"more files failed (-v names them)"* ]]
}

@test "content type by the system's types, where it has them" {
	type=$(awk '!/^#/ { for (i = 2; i <= NF; i++) if ($i == "kml") print $1 }' /etc/mime.types 2>/dev/null)
	[ -n "$type" ] || skip "no /etc/mime.types that knows kml here"
	echo one >"$HOME_DIR/data/a.kml"
	ingest_is 0 --standalone
	grep -qiF "$type" "$(s3_path data/a.kml).meta"
}

# swapped FOLLOW: a folder becomes a link that leads out, after it was scanned
swapped() {
	config ".s3_concurrency = 1 | .policies[0].follow_symlinks = $1"
	mkdir "$HOME_DIR/data/z" "$BATS_TEST_TMPDIR/outside"
	for i in 1 2 3; do echo "$i" >"$HOME_DIR/data/$i"; done
	echo inside >"$HOME_DIR/data/z/f"
	echo secret >"$BATS_TEST_TMPDIR/outside/f"
	touch -r "$HOME_DIR/data/z/f" "$BATS_TEST_TMPDIR/outside/f"
	s3_control 'fail delay=700 times=2'
	(
		for ((i = 0; i < 400; i++)); do
			[ "$(s3_requests)" -ge 1 ] && break
			sleep 0.01
		done
		mv "$HOME_DIR/data/z" "$HOME_DIR/gone"
		ln -s "$BATS_TEST_TMPDIR/outside" "$HOME_DIR/data/z"
	) 3>&- &
	ingest --standalone
	wait $!
	[ -L "$HOME_DIR/data/z" ]
	! s3_has data/z/f || [ "$(cat "$(s3_path data/z/f)")" != secret ]
}

@test "follow_symlinks inside holds against a link that is swapped in in the middle" {
	swapped '"inside"'
}

@test "follow_symlinks false holds against a link that is swapped in in the middle" {
	swapped false
}

@test "--max-runtime ends the run, keeps the parts that are there, exit 75" {
	config '.s3_concurrency = 1'
	head -c 60000000 /dev/urandom >"$HOME_DIR/data/large"
	s3_control 'fail query=partNumber skip=2 delay=60000 times=99'
	run timeout 30 "$S3_INGESTOR" -C "$HOME_DIR" --standalone --max-runtime 2
	[ "$status" -eq 75 ]
	s3_control clear
	had=$(ledger 'select count(*) from part')
	[ "$had" -ge 1 ]
	: >"$S3_LOG"
	ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
	[ "$(s3_requests '^PUT.*partNumber=')" -le $((8 - had)) ]
}

@test "--max-runtime ends a phone-home that hangs" {
	start_mothership
	reply default '{"state":"discovered"}' '{"delay":60}'
	config
	run timeout 30 "$S3_INGESTOR" -C "$HOME_DIR" --max-runtime 1
	[ "$status" -eq 75 ]
}
