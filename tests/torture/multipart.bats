#!/usr/bin/env bats
# An upload in parts goes on where it was cut off, whatever cut it.

setup() {
	load ../lib/servers.bash
	load lib.bash
	make_home
}

teardown() {
	stop_servers
	[ ! -e "$BATS_TEST_TMPDIR/rgw" ] || "$ROOT/tests/servers/rgw-down.sh" "$BATS_TEST_TMPDIR/rgw"
}

MIB=1048576

# on_fake_s3: with uploads of others in it, which are nobody's business here
on_fake_s3() {
	start_fake_s3
	config
	others >"$BATS_TEST_TMPDIR/others"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/others")" -eq 3 ]
}

# client: botocore on the bucket; reads a script
client() {
	/usr/bin/python3 -c '
import sys, botocore.session
endpoint, key, secret = sys.argv[1:4]
s3 = botocore.session.get_session().create_client(
    "s3", region_name="us-east-1", endpoint_url=endpoint,
    aws_access_key_id=key, aws_secret_access_key=secret)
exec(sys.stdin.read())' "$S3_ENDPOINT" "$KEY" "$SECRET" "$@"
}

others() {
	client <<-'PYTHON'
		for name in ("data/large", "data/larger", "data/larg"):
		    print(s3.create_multipart_upload(Bucket="bucket", Key=name)["UploadId"])
	PYTHON
}

uploads() {
	client <<-'PYTHON'
		for upload in s3.list_multipart_uploads(Bucket="bucket").get("Uploads", []):
		    print(upload["UploadId"])
	PYTHON
}

# only_others: at the end there is no upload in the bucket but theirs
only_others() { [ "$(uploads | sort)" = "$(sort "$BATS_TEST_TMPDIR/others")" ]; }

make_large() { head -c "$1" /dev/urandom >"$HOME_DIR/data/large"; }

parts_sent() { s3_requests '^PUT 200 .*partNumber='; }

recorded() { ledger 'select count(*) from part' 2>/dev/null || echo 0; }

# is_recorded: the file as a whole
is_recorded() { [ -n "$(ledger "select 1 from file where name = cast('data/large' as blob)")" ]; }

# not_again: of the parts that were recorded, none was sent again
not_again() {
	local target
	while read -r target; do
		if grep -q "^PUT .*$target\$" "$S3_LOG"; then
			echo "recorded, and sent again: $target"
			return 1
		fi
	done <"$BATS_TEST_TMPDIR/recorded"
}

# note_recorded: what the ledger says now, and the log begins anew
note_recorded() {
	ledger "select 'partNumber=' || number || '&uploadId=' || upload_id
		from part join upload using (policy, name)" >"$BATS_TEST_TMPDIR/recorded"
	cat "$S3_LOG" >>"$BATS_TEST_TMPDIR/whole.log"
	: >"$S3_LOG"
}

# finish: one more run, then all is there and nothing is left over
finish() {
	ingest_is 0 --standalone
	not_again
	s3_same data/large "$HOME_DIR/data/large"
	[ "$(ledger 'select count(*) from upload')" -eq 0 ]
	[ "$(recorded)" -eq 0 ]
}

# cut_by COMMAND...: runs begin, and COMMAND ends each once it has recorded
# more parts than the one before; until two thirds are there
cut_by() {
	local pid had=0 parts=$1
	shift
	cuts=0
	while [ "$(recorded)" -lt $((parts * 2 / 3)) ]; do
		"$S3_INGESTOR" -C "$HOME_DIR" --standalone >/dev/null 2>&1 3>&- &
		pid=$!
		while [ "$(recorded)" -le "$had" ]; do
			kill -0 "$pid" 2>/dev/null || break
		done
		"$@" "$pid"
		wait "$pid" || true
		! is_recorded || return 0
		not_again
		note_recorded
		had=$(recorded)
		cuts=$((cuts + 1))
	done
}

@test "killed again and again in a large upload: it goes on each time" {
	on_fake_s3
	size=$(rounds $((160 * MIB)) $((1024 * MIB)))
	make_large "$size"
	: >"$BATS_TEST_TMPDIR/recorded"
	# so that parts come one after the other
	config '.s3_concurrency = 4'
	s3_control 'fail query=partNumber delay=400 times=9999'
	cut_by $((size / (8 * MIB))) kill -KILL
	finish
	only_others
	echo "$cuts cuts"
	[ "$cuts" -ge 1 ]
	survived "$cuts" "large upload killed, went on with the parts that were there"
}

@test "SIGTERM, SIGINT and SIGHUP in a large upload: saved, exit 75, it goes on" {
	on_fake_s3
	make_large $((80 * MIB))
	config '.s3_concurrency = 1'
	s3_control 'fail query=partNumber skip=2 delay=60000 times=99'
	for signal in TERM INT HUP; do
		env --default-signal=INT "$S3_INGESTOR" -C "$HOME_DIR" --standalone >/dev/null 2>&1 3>&- &
		pid=$!
		until [ "$(s3_requests 'partNumber=')" -ge 2 ]; do sleep 0.05; done
		kill -"$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 75 ]
		note_recorded
		[ "$(recorded)" -ge 2 ]
		s3_control clear
		s3_control 'fail query=partNumber skip=2 delay=60000 times=99'
	done
	[ "$(recorded)" -ge 6 ]
	s3_control clear
	finish
	only_others
	survived 3 "large upload ended by a signal, went on"
}

@test "--max-runtime cuts a large upload again and again: it goes on each time" {
	on_fake_s3
	size=$(rounds $((96 * MIB)) $((1024 * MIB)))
	make_large "$size"
	config '.s3_concurrency = 2'
	s3_control "fail query=partNumber delay=$(rounds 400 100) times=9999"
	: >"$BATS_TEST_TMPDIR/recorded"
	cuts=0
	had=0
	while ingest --standalone --max-runtime 1 && [ "$status" -eq 75 ]; do
		cuts=$((cuts + 1))
		not_again
		note_recorded
		# its time may be over just when all is there
		! is_recorded || break
		# nothing is lost; a busy machine may do nothing in a second
		[ "$(recorded)" -ge "$had" ]
		had=$(recorded)
		[ "$cuts" -lt 500 ]
	done
	s3_control clear
	finish
	only_others
	[ "$cuts" -ge 1 ]
	survived "$cuts" "large upload cut by --max-runtime, went on"
}

@test "the network is lost in a large upload: exit 69, and it goes on" {
	on_fake_s3
	port=${S3_ENDPOINT##*:}
	size=$(rounds $((80 * MIB)) $((1024 * MIB)))
	make_large "$size"
	config '.s3_concurrency = 2'
	# half of the parts are there, the next ones hang until the server is gone
	s3_control "fail query=partNumber skip=$((size / (16 * MIB))) delay=60000 times=9999"
	"$S3_INGESTOR" -C "$HOME_DIR" --standalone >/dev/null 2>&1 3>&- &
	pid=$!
	until [ "$(recorded)" -ge 3 ]; do kill -0 "$pid"; done
	stop_servers
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 69 ]
	note_recorded
	[ "$(recorded)" -ge 3 ]
	start_fake_s3 --port "$port"
	finish
	only_others
	survived 1 "server gone in a large upload, went on"
}

# half_way: an upload of ten parts of which some are there
half_way() {
	on_fake_s3
	make_large $((80 * MIB))
	config '.s3_concurrency = 1'
	s3_control 'fail query=partNumber skip=6 status=403 code=AccessDenied times=99'
	ingest_is 77 --standalone
	s3_control clear
	[ "$(recorded)" -eq 6 ]
	id=$(ledger 'select upload_id from upload')
	note_recorded
}

@test "a part that the bucket lost is sent again, the others are not" {
	half_way
	rm "$S3_DIR/bucket/uploads/$id/3" "$S3_DIR/bucket/uploads/$id/3.meta"
	grep -v 'partNumber=3&' "$BATS_TEST_TMPDIR/recorded" >"$BATS_TEST_TMPDIR/left"
	mv "$BATS_TEST_TMPDIR/left" "$BATS_TEST_TMPDIR/recorded"
	finish
	[ "$(parts_sent)" -eq 5 ]
	only_others
	survived 1 "a recorded part that the bucket lost"
}

@test "a part that another process replaced is sent again" {
	half_way
	client "$id" <<-'PYTHON'
		s3.upload_part(Bucket="bucket", Key="data/large", UploadId=sys.argv[4],
		               PartNumber=2, Body=b"x" * (8 << 20))
	PYTHON
	: >"$S3_LOG"
	grep -v 'partNumber=2&' "$BATS_TEST_TMPDIR/recorded" >"$BATS_TEST_TMPDIR/left"
	mv "$BATS_TEST_TMPDIR/left" "$BATS_TEST_TMPDIR/recorded"
	finish
	[ "$(parts_sent)" -eq 5 ]
	only_others
	survived 1 "a recorded part that was replaced in the bucket"
}

@test "an upload that the bucket's rules ended is begun anew" {
	half_way
	client "$id" <<-'PYTHON'
		s3.abort_multipart_upload(Bucket="bucket", Key="data/large", UploadId=sys.argv[4])
	PYTHON
	: >"$BATS_TEST_TMPDIR/recorded"
	: >"$S3_LOG"
	finish
	[ "$(parts_sent)" -eq 10 ]
	only_others
	survived 1 "an upload that was aborted from outside"
}

@test "an upload that somebody else completed is no failure" {
	half_way
	client "$id" "$HOME_DIR/data/large" <<-'PYTHON'
		whole = open(sys.argv[5], "rb").read()
		size = 8 << 20
		parts = [{"PartNumber": n, "ETag": s3.upload_part(
		    Bucket="bucket", Key="data/large", UploadId=sys.argv[4], PartNumber=n,
		    Body=whole[(n - 1) * size:n * size])["ETag"]} for n in range(1, 11)]
		s3.complete_multipart_upload(Bucket="bucket", Key="data/large",
		    UploadId=sys.argv[4], MultipartUpload={"Parts": parts})
	PYTHON
	: >"$BATS_TEST_TMPDIR/recorded"
	finish
	only_others
	survived 1 "an upload that was completed from outside"
}

@test "the reply to Complete is lost: no false failure, nothing is sent again" {
	on_fake_s3
	make_large $((80 * MIB))
	s3_control 'fail method=POST query=uploadId lost times=1'
	[ "$(summary '[.added, .failed, .exit_status]' --standalone)" = "[1,0,0]" ]
	[ "$(parts_sent)" -eq 10 ]
	: >"$BATS_TEST_TMPDIR/recorded"
	finish
	# and where the endpoint knows no CRC64NVME, by the parts' ETags
	s3_control 'fail method=POST query=uploads status=501 code=NotImplemented times=1'
	make_large $((96 * MIB))
	: >"$S3_LOG"
	s3_control 'fail method=POST query=uploadId lost times=1'
	[ "$(summary '[.updated, .failed, .exit_status]' --standalone)" = "[1,0,0]" ]
	[ "$(parts_sent)" -eq 12 ]
	finish
	only_others
	survived 2 "the reply to CompleteMultipartUpload lost"
}

@test "killed while Complete is on its way: nothing is sent again" {
	on_fake_s3
	make_large $((80 * MIB))
	ingest_is 0 --standalone
	# a file that is known: no HEAD comes first
	make_large $((80 * MIB))
	s3_control 'fail method=POST query=uploadId delay=500 times=1'
	: >"$S3_LOG"
	"$S3_INGESTOR" -C "$HOME_DIR" --standalone >/dev/null 2>&1 3>&- &
	pid=$!
	# all parts are recorded before Complete is sent
	until [ "$(recorded)" -eq 10 ]; do kill -0 "$pid"; done
	kill -KILL "$pid"
	wait "$pid" || true
	until [ "$(s3_requests '^POST .*uploadId=')" -ge 1 ]; do
		# killed the moment before it was sent
		[ "$(uploads | wc -l)" -gt 3 ] || break
		i=$((${i:-0} + 1))
		[ "$i" -lt 20 ] || break
	done
	note_recorded
	finish
	[ "$(parts_sent)" -eq 0 ]
	only_others
	survived 1 "killed while CompleteMultipartUpload was on its way"
}

@test "the file changes, keeps its size, between two runs: aborted, begun anew" {
	half_way
	dd if=/dev/urandom of="$HOME_DIR/data/large" bs=1M seek=20 count=1 conv=notrunc status=none
	: >"$BATS_TEST_TMPDIR/recorded"
	finish
	[ "$(parts_sent)" -eq 10 ]
	[ "$(s3_requests "^DELETE .*uploadId=$id")" -eq 1 ]
	only_others
	survived 1 "a large file that changed between two runs"
}

@test "parts may not be listed: the ledger is trusted, and it goes on" {
	half_way
	s3_control "fail method=GET query=uploadId status=403 code=AccessDenied times=99"
	finish
	[ "$(parts_sent)" -eq 4 ]
	s3_control clear
	only_others
	survived 1 "ListParts denied"
}

@test "killed in an upload into RGW: it goes on with the parts that are there" {
	command -v radosgw >/dev/null || skip "no radosgw here"
	RGW_GC_S=5 "$ROOT/tests/servers/rgw-up.sh" "$BATS_TEST_TMPDIR/rgw" >/dev/null 3>&-
	# shellcheck source=/dev/null
	. "$BATS_TEST_TMPDIR/rgw/env"
	S3_ENDPOINT=$RGW_ENDPOINT KEY=$RGW_KEY SECRET=$RGW_SECRET
	make_home
	client <<<'s3.create_bucket(Bucket="bucket")'
	config '.s3_concurrency = 1 | .s3_part_size = 5242880'
	for ((round = 0; round < $(rounds 1 10); round++)); do
		make_large $((64 * MIB))
		# a slow disk, or it would be over before it is killed
		ASAN_OPTIONS=detect_leaks=0 strace -D -f -qq -o /dev/null -e trace=pread64 \
			-e inject=pread64:delay_exit=100000 \
			"$S3_INGESTOR" -C "$HOME_DIR" --standalone >/dev/null 2>&1 3>&- &
		pid=$!
		until [ "$(recorded)" -ge 2 ]; do kill -0 "$pid"; done
		kill -KILL "$pid"
		wait "$pid" || true
		id=$(ledger 'select upload_id from upload')
		had=$(client "$id" <<<'print(len(s3.list_parts(Bucket="bucket", Key="data/large", UploadId=sys.argv[4])["Parts"]))')
		recorded=$(recorded)
		echo "killed with $had parts there, $recorded recorded"
		[ "$had" -ge "$recorded" ]
		[ "$had" -lt 13 ]
		sent=$(summary '[.added + .updated, .failed]' --standalone)
		[ "$sent" = "[1,0]" ]
		client "$HOME_DIR/data/large" <<-'PYTHON'
			body = s3.get_object(Bucket="bucket", Key="data/large")["Body"].read()
			assert body == open(sys.argv[4], "rb").read()
		PYTHON
		[ -z "$(uploads)" ]
	done
	survived "$round" "64 MiB upload killed, went on, RGW"
}
