#!/usr/bin/env bats
# What the ledger keeps of files that are no more.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
	config
	echo one >"$HOME_DIR/data/a"
	mkdir "$HOME_DIR/data/sub"
	echo two >"$HOME_DIR/data/sub/b"
	ingest_is 0 --standalone
}

teardown() { stop_servers; }

rows() { ledger "select name from files order by name" | tr '\n' ' '; }

missed() { ledger "select name from files where gone is not null order by name" | tr '\n' ' '; }

# a_month_passes: for files that are gone already
a_month_passes() {
	ledger "update file set gone_ms = gone_ms - 30 * 86400000 - 1 where gone_ms is not null"
}

@test "a file that is gone keeps its row for 30 days, then it is dropped" {
	rm "$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ "$(missed)" = "data/a " ]
	[ "$(rows)" = "data/a data/sub/b " ]
	ledger "update file set gone_ms = gone_ms - 29 * 86400000 where gone_ms is not null"
	ingest_is 0 --standalone
	[ "$(rows)" = "data/a data/sub/b " ]
	ledger "update file set gone_ms = gone_ms - 86400000 where gone_ms is not null"
	ingest_is 0 --standalone
	[ "$(rows)" = "data/sub/b " ]
	[ "$(ledger "select files, bytes from policy")" = "1|4" ]
}

@test "a file that comes back is known, and not gone any more" {
	mv "$HOME_DIR/data/a" "$HOME_DIR/a"
	ingest_is 0 --standalone
	[ "$(missed)" = "data/a " ]
	ln "$HOME_DIR/a" "$HOME_DIR/data/a"
	rm "$HOME_DIR/a"
	before=$(s3_requests)
	[ "$(summary '[.skipped, .unchanged, .added]' --standalone)" = "[1,1,0]" ]
	[ "$(missed)" = "" ]
	# its times are as they were: known without a look at it
	mv "$HOME_DIR/data/sub" "$HOME_DIR/sub"
	ingest_is 0 --standalone
	[ "$(missed)" = "data/sub/b " ]
	mv "$HOME_DIR/sub" "$HOME_DIR/data/sub"
	[ "$(summary '[.skipped, .unchanged, .added]' --standalone)" = "[0,2,0]" ]
	[ "$(missed)" = "" ]
	[ "$(s3_requests)" -eq "$before" ]
}

@test "rows below a folder that is missing are never dropped" {
	mv "$HOME_DIR/data/sub" "$HOME_DIR/elsewhere"
	ingest_is 0 --standalone
	a_month_passes
	ingest_is 0 --standalone
	ingest_is 0 --standalone
	[ "$(rows)" = "data/a data/sub/b " ]
	# nor those of a pattern whose literal folder is missing
	mv "$HOME_DIR/data" "$HOME_DIR/unmounted"
	ingest_is 0 --standalone
	a_month_passes
	ingest_is 0 --standalone
	[ "$(rows)" = "data/a data/sub/b " ]
}

@test "rows below a folder that cannot be read are never dropped" {
	as_user
	rm "$HOME_DIR/data/sub/b"
	ingest_is 0 --standalone
	a_month_passes
	chmod 0 "$HOME_DIR/data/sub"
	ingest_is 74 --standalone
	chmod 700 "$HOME_DIR/data/sub"
	[ "$(rows)" = "data/a data/sub/b " ]
	ingest_is 0 --standalone
	[ "$(rows)" = "data/a " ]
}

@test "rows of files that the program removed go after 30 days, with their folder" {
	config '.policies[0].delete_after_upload = true'
	ingest_is 0 --standalone
	ingest_is 0 --standalone
	[ ! -e "$HOME_DIR/data/a" ]
	[ ! -e "$HOME_DIR/data/sub" ]
	[ "$(ledger "select count(*) from files where removed and gone is not null")" -eq 2 ]
	a_month_passes
	ingest_is 0 --standalone
	[ "$(rows)" = "" ]
	[ "$(ledger "select count(*) from removal")" -eq 0 ]
}

@test "a file that was put off and then went is no work that is left" {
	config '.policies[0].delay_upload = 1000'
	touch "$HOME_DIR/data/new" "$HOME_DIR/data/other"
	ingest_is 0 --standalone
	[ "$(ledger "select count(*) from pending")" -eq 2 ]
	rm "$HOME_DIR/data/new"
	ingest_is 0 --standalone
	[ "$(ledger "select cast(name as text) from pending")" = "data/other" ]
	rm "$HOME_DIR/data/other"
	ingest_is 0 --standalone
	[ "$(ledger "select count(*) from pending")" -eq 0 ]
}

@test "the file gives back what dropped rows held" {
	(cd "$HOME_DIR/data/sub" && seq -f '%06g' 10000 | xargs touch)
	ingest_is 0 --standalone
	full=$(stat -c %s "$HOME_DIR/s3-ingestor-ledger.db")
	find "$HOME_DIR/data/sub" -type f -delete
	ingest_is 0 --standalone
	a_month_passes
	ingest_is 0 --standalone
	less=$(stat -c %s "$HOME_DIR/s3-ingestor-ledger.db")
	echo "$full bytes, then $less"
	[ "$less" -lt $((full / 4)) ]
	[ "$(ledger "pragma integrity_check")" = ok ]
	[ "$(rows)" = "data/a " ]
}

@test "after a run that was cut off, the row of a file that is gone claims nothing" {
	s3_control 'fail method=PUT key=data/a delay=60000 times=1'
	echo longer >"$HOME_DIR/data/a"
	"$S3_INGESTOR" -C "$HOME_DIR" --standalone >/dev/null 2>&1 3>&- &
	pid=$!
	until cmp -s "$(s3_path data/a)" "$HOME_DIR/data/a"; do kill -0 "$pid"; done
	kill -KILL "$pid"
	wait "$pid" || true
	rm "$HOME_DIR/data/a"
	[ "$(ledger "select size, sha256 = '' from files where name = 'data/a'")" = "4|0" ]
	s3_control clear
	ingest_is 0 --standalone
	[ "$(ledger "select size, sha256 = '', proof from files where name = 'data/a'")" = "4|1|none" ]
	[ "$(ledger "select sha256 = '' from files where name = 'data/sub/b'")" = 0 ]
}
