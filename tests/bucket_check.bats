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
		while read -r name; do
			echo "$name" >"$name"
		done
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
