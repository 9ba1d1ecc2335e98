#!/usr/bin/env bats
# How it is found out whether a key is new: HEAD, a PUT that is refused if it is
# not, and listing pages for many at once. Requests are counted at the fake S3.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
	config
}

teardown() { stop_servers; }

counters='[.added,.updated,.skipped,.unchanged,.delayed,.failed]|join(" ")'

# files NAME COUNT: NAME-0001.. with their numbers in them, older than any object
files() {
	seq -f "$1-%04g" "$2" | (
		cd "$HOME_DIR/data" || exit
		awk '{ print >$0; close($0) }'
	)
	find "$HOME_DIR/data" -name "$1-*" -exec touch -d 2001-01-01 {} +
}

# lose_rows: the ledger forgets the files, not the endpoint
lose_rows() { ledger 'delete from file; delete from policy'; }

lose_ledger() { rm -f "$HOME_DIR"/s3-ingestor-ledger.db*; }

# an endpoint that keeps If-None-Match: *, as a run before this one found out
learned() {
	files first 1
	ingest_is 0 --standalone
	[ "$(ledger 'select keeps_condition from endpoint')" -eq 1 ]
	: >"$S3_LOG"
}

# asked METHOD N: so many requests
asked() {
	local got
	got=$(s3_requests "^$1 ")
	[ "$got" -eq "$2" ] || { echo "$got requests $1, not $2" && return 1; }
}

# ---- If-None-Match: * ----

@test "what was stored first is sent once more to see whether If-None-Match is kept" {
	files a 3
	[ "$(summary "$counters" --standalone)" = "3 0 0 0 0 0" ]
	asked HEAD 3
	[ "$(s3_requests '^PUT 412')" -eq 1 ]
	[ "$(s3_requests '^PUT 200')" -eq 3 ]
	[ "$(ledger 'select keeps_condition from endpoint')" -eq 1 ]
}

@test "where it is kept a new file costs one PUT and no HEAD" {
	learned
	files a 3
	[ "$(summary "$counters" --standalone)" = "3 0 0 1 0 0" ]
	asked HEAD 0
	asked PUT 3
	s3_same data/a-0002 "$HOME_DIR/data/a-0002"
}

@test "an endpoint that ignores If-None-Match loses nothing and is asked by HEAD" {
	s3_control 'ignore if-none-match'
	files a 3
	[ "$(summary "$counters" --standalone)" = "3 0 0 0 0 0" ]
	[ "$(s3_requests '^PUT 200')" -eq 4 ]
	[ "$(ledger 'select keeps_condition from endpoint')" -eq 0 ]
	for name in a-0001 a-0002 a-0003; do
		s3_same "data/$name" "$HOME_DIR/data/$name"
	done
	files b 3
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "3 0 0 3 0 0" ]
	asked HEAD 3
	asked PUT 3
	[ "$(s3_count)" -eq 6 ]
}

@test "what was found out counts for 30 days, then it is found out anew" {
	learned
	ledger 'update endpoint set condition_found_ms = condition_found_ms - 31 * 86400000'
	files a 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 1 0 0" ]
	asked HEAD 1
	[ "$(s3_requests '^PUT 412')" -eq 1 ]
	: >"$S3_LOG"
	files b 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 2 0 0" ]
	asked HEAD 0
	asked PUT 1
}

@test "a trial that fails changes nothing: the file is there" {
	s3_control 'fail method=PUT status=403 code=AccessDenied skip=1'
	files a 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0 0" ]
	[ "$(s3_requests '^PUT 403')" -eq 1 ]
	[ "$(ledger 'select sum(condition_found_ms) from endpoint')" = 0 ]
	s3_same data/a-0001 "$HOME_DIR/data/a-0001"
}

@test "412 leads to HEAD: same size is skipped, another is updated, and nothing lies" {
	learned
	files a 2
	ingest_is 0 --standalone
	lose_rows
	echo longer >>"$HOME_DIR/data/a-0002"
	touch -d 2001-01-01 "$HOME_DIR/data/a-0002"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 1 2 0 0 0" ]
	s3_same data/a-0002 "$HOME_DIR/data/a-0002"
	[ "$(s3_requests '^PUT 200')" -eq 1 ]
	# the size is no proof, though the content was read to send it
	[ "$(ledger "select count(*) from files where state = 'present' and
		(proof <> 'size' or sha256 <> '')")" -eq 0 ]
}

@test "once a key was there the next ones are asked by HEAD, not sent in vain" {
	learned
	files a 20
	config '.s3_concurrency = 1'
	ingest_is 0 --standalone
	lose_rows
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 21 0 0 0" ]
	[ "$(s3_requests '^PUT 412')" -ge 1 ]
	[ "$(s3_requests '^PUT 200')" -eq 0 ]
	: >"$S3_LOG"
	lose_rows
	for i in $(seq -w 1 30); do
		echo new >"$HOME_DIR/data/z$i"
	done
	[ "$(summary "$counters" --standalone)" = "30 0 21 0 0 0" ]
	[ "$(s3_requests '^HEAD')" -lt 51 ]
}

@test "a file skipped after 412 has no proof: a removing policy compares it first" {
	learned
	files a 1
	ingest_is 0 --standalone
	lose_rows
	echo "A-0001" >"$HOME_DIR/data/a-0001"
	touch -d 2001-01-01 "$HOME_DIR/data/a-0001"
	[ "$(summary "$counters" --standalone)" = "0 0 2 0 0 0" ]
	config '.policies[0].delete_after_upload = true'
	ingest_is 0 --standalone
	[ ! -e "$HOME_DIR/data/a-0001" ]
	[ "$(cat "$(s3_path data/a-0001)")" = A-0001 ]
}

@test "under compare checksum 412 leads to a comparison by content" {
	learned
	files a 2
	ingest_is 0 --standalone
	lose_rows
	echo A-0002 >"$HOME_DIR/data/a-0002"
	touch -d 2001-01-01 "$HOME_DIR/data/a-0002"
	config '.compare = "checksum"'
	[ "$(summary "$counters" --standalone)" = "0 1 2 0 0 0" ]
	s3_same data/a-0002 "$HOME_DIR/data/a-0002"
}

@test "412 to a PUT whose reply was lost is our own success: added, and proven" {
	learned
	s3_control 'fail method=PUT key=data/a lost'
	files a 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 1 0 0" ]
	[ "$(s3_requests '^PUT 412')" -eq 1 ]
	asked HEAD 1
	[ "$(ledger "select state || proof from files where name = 'data/a-0001'")" = uploadedchecksum ]
}

@test "412 after a lost reply, but another's object is there: updated, ours wins" {
	learned
	files a 1
	ingest_is 0 --standalone
	lose_rows
	echo A-0001 >"$HOME_DIR/data/a-0001"
	s3_control 'fail method=PUT key=data/a status=500 code=InternalError'
	[ "$(summary "$counters" --standalone)" = "0 1 1 0 0 0" ]
	s3_same data/a-0001 "$HOME_DIR/data/a-0001"
}

@test "409 ConditionalRequestConflict is tried again" {
	learned
	s3_control 'fail method=PUT status=409 code=ConditionalRequestConflict times=3'
	files a 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 1 0 0" ]
	asked HEAD 0
}

@test "an endpoint that no longer takes the condition is asked by HEAD again" {
	learned
	s3_control 'fail method=PUT status=501 code=NotImplemented'
	files a 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 1 0 0" ]
	asked HEAD 1
}

@test "large files are asked about by HEAD: no body goes out in vain" {
	learned
	head -c 300000 /dev/zero >"$HOME_DIR/data/large"
	[ "$(summary "$counters" --standalone)" = "1 0 0 1 0 0" ]
	asked HEAD 1
}

@test "force_upload of a file that is there already is an update" {
	learned
	files a 1
	ingest_is 0 --standalone
	lose_rows
	config '.policies[0].force_upload = true'
	[ "$(summary "$counters" --standalone)" = "0 2 0 0 0 0" ]
}

# ---- rights ----

@test "with PutObject alone everything is uploaded and added, soon without HEAD" {
	files a 40
	ingest_is 0 --standalone
	lose_ledger
	s3_control 'fail method=HEAD status=403 code=AccessDenied times=100000'
	config '.s3_concurrency = 1'
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "40 0 0 0 0 0" ]
	[ "$(ledger 'select head_denied from endpoint')" -eq 1 ]
	: >"$S3_LOG"
	files b 3
	[ "$(summary "$counters" --standalone)" = "3 0 0 40 0 0" ]
	# one HEAD to see whether it is still so
	asked HEAD 1
	asked PUT 3
}

@test "a right to HEAD that comes later is noticed" {
	s3_control 'fail method=HEAD status=403 code=AccessDenied times=100000'
	files a 1
	ingest_is 0 --standalone
	[ "$(ledger 'select head_denied from endpoint')" -eq 1 ]
	s3_control clear
	files b 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 1 0 0" ]
	[ "$(ledger 'select head_denied from endpoint')" -eq 0 ]
	lose_rows
	[ "$(summary "$counters" --standalone)" = "0 0 2 0 0 0" ]
}

@test "HEAD answers 403 only for what is not there: If-None-Match is tried all the same" {
	s3_control 'fail method=HEAD status=403 code=AccessDenied'
	files a 1
	[ "$(summary "$counters" --standalone)" = "1 0 0 0 0 0" ]
	[ "$(ledger 'select keeps_condition, head_denied from endpoint')" = '1|0' ]
	asked HEAD 2
	asked PUT 2
}

# ---- listing pages for many ----

LIST='GET [0-9]+ .*list-type'

# listed N: so many pages were asked for
listed() {
	local got
	got=$(s3_requests "$LIST")
	[ "$got" -eq "$1" ] || { echo "$got pages, not $1" && return 1; }
}

@test "5,000 files that are in the bucket cost five pages and no HEAD" {
	files f 5000
	ingest_is 0 --standalone
	lose_ledger
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 5000 0 0 0" ]
	listed 5
	[ "$(s3_requests)" -eq 5 ]
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 0 5000 0 0" ]
	[ "$(s3_requests)" -eq 0 ]
}

@test "into an empty bucket: one page says so, then a PUT each" {
	files f 2500
	[ "$(summary "$counters" --standalone)" = "2500 0 0 0 0 0" ]
	listed 1
	asked HEAD 0
	[ "$(s3_requests '^PUT 200')" -eq 2500 ]
	[ "$(s3_count)" -eq 2500 ]
}

@test "a listing is not the answer about a few" {
	files f 49
	ingest_is 0 --standalone
	lose_ledger
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 49 0 0 0" ]
	listed 0
	asked HEAD 49
}

@test "half are in the bucket: those are skipped, the others added" {
	files f 600
	ingest_is 0 --standalone
	lose_ledger
	files g 300
	files a 300
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "600 0 600 0 0 0" ]
	asked HEAD 0
	[ "$(s3_requests "$LIST")" -le 3 ]
	s3_same data/g-0300 "$HOME_DIR/data/g-0300"
	s3_same data/a-0001 "$HOME_DIR/data/a-0001"
}

@test "another size, or a file newer than the object: updated" {
	files f 200
	ingest_is 0 --standalone
	lose_ledger
	echo longer >>"$HOME_DIR/data/f-0007"
	touch -d 2001-01-01 "$HOME_DIR/data/f-0007"
	touch -d '2 minutes' "$HOME_DIR/data/f-0008"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 2 198 0 0 0" ]
	asked HEAD 0
	asked PUT 2
	s3_same data/f-0007 "$HOME_DIR/data/f-0007"
	# the size is no proof
	[ "$(ledger "select count(*) from files where state = 'present' and proof = 'size'")" -eq 198 ]
}

@test "names that are no UTF-8 are found by their %XX keys, in another order" {
	local i
	for i in $(seq 100 199); do
		echo "$i" >"$HOME_DIR/data/$(printf 'n\xff')$i+ &<>%é"
		echo "$i" >"$HOME_DIR/data/näo$i"
	done
	find "$HOME_DIR/data" -type f -exec touch -d 2001-01-01 {} +
	ingest_is 0 --standalone
	[ "$(s3_count)" -eq 200 ]
	lose_ledger
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 200 0 0 0" ]
	listed 1
	[ "$(s3_requests)" -eq 1 ]
}

@test "keys of a customizer come in any order: sorted, and found all the same" {
	mkdir -p "$HOME_DIR/customizers"
	echo 'module.exports = function (name) {
		return name.split("").reverse().join("");
	};' >"$HOME_DIR/customizers/turn.js"
	config '.policies[0] += {customizer: "turn", input_remove_prefix: "data/", output_key_prefix: "t/"}'
	files f 1500
	[ "$(summary "$counters" --standalone)" = "1500 0 0 0 0 0" ]
	s3_same t/2100-f "$HOME_DIR/data/f-0012"
	lose_ledger
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 1500 0 0 0" ]
	[ "$(s3_requests "$LIST")" -le 6 ]
	[ "$(s3_requests "$LIST.*prefix=t%2F")" -eq "$(s3_requests "$LIST")" ]
	[ "$(s3_requests '^HEAD')" -lt 50 ]
	asked PUT 0
}

@test "two files with one key: the later one fails, also while both wait" {
	mkdir -p "$HOME_DIR/customizers"
	echo 'module.exports = function (name) {
		return name.replace("b-", "a-");
	};' >"$HOME_DIR/customizers/same.js"
	config '.policies[0].customizer = "same"'
	files a 100
	files b 100
	[ "$(summary "$counters" --standalone)" = "100 0 0 0 0 100" ]
	grep -qF "data/b-0001: key already used by data/a-0001" "$BATS_TEST_TMPDIR/said"
	s3_same data/a-0050 "$HOME_DIR/data/a-0050"
}

@test "a page that tells of few is the last one: the rest is asked by HEAD" {
	files f 4000
	ingest_is 0 --standalone
	# every fiftieth is left
	find "$HOME_DIR/data" -name 'f-*' ! -name 'f-*00' ! -name 'f-*50' -delete
	lose_ledger
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 80 0 0 0" ]
	listed 1
	[ "$(s3_requests '^HEAD')" -ge 55 ]
	asked PUT 0
}

@test "a page out of order is not believed" {
	files f 300
	ingest_is 0 --standalone
	lose_ledger
	s3_control 'reverse listings'
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 300 0 0 0" ]
	listed 1
	asked HEAD 300
	asked PUT 0
}

@test "no right to list: HEAD, and the listing is tried once" {
	files f 1200
	ingest_is 0 --standalone
	lose_ledger
	s3_control 'fail query=list-type status=403 code=AccessDenied times=1000'
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 1200 0 0 0" ]
	listed 1
	asked HEAD 1200
	asked PUT 0
}

@test "neither list nor HEAD: everything is uploaded and counts as added" {
	files f 600
	ingest_is 0 --standalone
	lose_ledger
	s3_control 'fail query=list-type status=403 code=AccessDenied times=1000
fail method=HEAD status=403 code=AccessDenied times=1000'
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "600 0 0 0 0 0" ]
	listed 1
	asked PUT 600
	# until it was known that HEAD tells nothing
	[ "$(s3_requests '^HEAD')" -le 300 ]
}

@test "a listing that is nonsense, or an error, is replaced by HEAD" {
	files f 60
	ingest_is 0 --standalone
	for fault in ok-with-error 'status=501 code=NotImplemented' 'status=400 code=InvalidArgument'; do
		lose_ledger
		s3_control "fail query=list-type $fault"
		: >"$S3_LOG"
		[ "$(summary "$counters" --standalone)" = "0 0 60 0 0 0" ]
		listed 1
		asked HEAD 60
	done
}

@test "a listing that is refused for the moment is asked for again" {
	files f 60
	ingest_is 0 --standalone
	lose_ledger
	s3_control 'fail query=list-type status=503 code=SlowDown times=2'
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 60 0 0 0" ]
	listed 3
	asked HEAD 0
}

@test "compare checksum: an ETag of the page proves, HEAD decides where it does not" {
	files f 100
	ingest_is 0 --standalone
	lose_ledger
	echo F-0007 >"$HOME_DIR/data/f-0007"
	echo longer >>"$HOME_DIR/data/f-0008"
	touch -d 2001-01-01 "$HOME_DIR/data"/f-000[78]
	config '.compare = "checksum"'
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 2 98 0 0 0" ]
	listed 1
	asked HEAD 1
	s3_same data/f-0007 "$HOME_DIR/data/f-0007"
	[ "$(ledger "select count(*) from files where proof <> 'checksum'")" -eq 0 ]
}

@test "delete_after_upload, ledger lost: what the bucket has is removed with proof" {
	files f 100
	ingest_is 0 --standalone
	lose_ledger
	echo F-0007 >"$HOME_DIR/data/f-0007"
	touch -d 2001-01-01 "$HOME_DIR/data/f-0007"
	config '.policies[0].delete_after_upload = true'
	[ "$(summary '[.added,.updated,.skipped,.deleted]|join(" ")' --standalone)" = "0 1 99 100" ]
	[ "$(cat "$(s3_path data/f-0007)")" = F-0007 ]
	[ "$(s3_count)" -eq 100 ]
}

@test "parts are not compared by their ETag: HEAD and its checksum tell" {
	files f 60
	head -c 17000000 /dev/urandom >"$HOME_DIR/data/f-large"
	touch -d 2001-01-01 "$HOME_DIR/data/f-large"
	ingest_is 0 --standalone
	lose_ledger
	config '.compare = "checksum"'
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "0 0 61 0 0 0" ]
	asked HEAD 1
	[ "$(s3_requests 'PUT|POST')" -eq 0 ]
}

@test "recheck asks for many by pages: unchanged, and what is gone is added again" {
	files f 300
	ingest_is 0 --standalone
	rm "$(s3_path data/f-0100).meta" "$(s3_path data/f-0100)"
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone --recheck)" = "1 0 0 299 0 0" ]
	listed 1
	asked HEAD 0
	s3_same data/f-0100 "$HOME_DIR/data/f-0100"
}

@test "written by another between page and PUT: 412, and it is looked at" {
	learned
	files z 60
	ingest_is 0 --standalone
	lose_rows
	local there
	there=$(s3_path data/z-0030).meta
	mv "$there" "$there.hidden"
	s3_control 'fail method=PUT key=data/z-0030 hold=3000'
	env -i PATH="$PATH" "$S3_INGESTOR" -C "$HOME_DIR" --json --standalone \
		>"$BATS_TEST_TMPDIR/out" 3>&- &
	local run=$!
	while [ "$(s3_requests "$LIST")" -lt 2 ]; do sleep 0.02; done
	mv "$there.hidden" "$there"
	wait "$run"
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/out" | jq -r "$counters")" = "0 0 61 0 0 0" ]
	[ "$(s3_requests '^PUT 412')" -eq 1 ]
}

@test "stopped while a page is awaited: exit 75, the next run goes on" {
	files f 100
	s3_control 'fail query=list-type delay=60000'
	[ "$(summary .exit_status --standalone --max-runtime 1)" -eq 75 ]
	[ "$(ledger 'select count(*) from file')" -eq 0 ]
	[ "$(summary "$counters" --standalone)" = "100 0 0 0 0 0" ]
}

@test "keys that are refused by the listing: every file that waits is told of" {
	files f 100
	echo '{"access_key_id":"FAKEACCESSKEY","secret_access_key":"wrong"}' \
		>"$HOME_DIR/s3-ingestor-keys.json"
	[ "$(summary '[.failed, .exit_status]|join(" ")' --standalone)" = "100 77" ]
	grep -q SignatureDoesNotMatch "$BATS_TEST_TMPDIR/said"
	[ "$(s3_requests)" -le 2 ]
}
