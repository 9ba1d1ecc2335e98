#!/usr/bin/env bats
# A disk that is full, broken, read-only or gone bad: the last good files stay,
# what S3 confirmed is found again, and what is wrong is said.

setup() {
	load ../lib/servers.bash
	load lib.bash
	start_fake_s3
	times=0
}

teardown() {
	stop_servers
	[ ! -e "$BATS_TEST_TMPDIR/mounted" ] || umount "$BATS_TEST_TMPDIR/home"
}

# make_cycle: a home in which a run has something of everything to do
make_cycle() {
	start_mothership
	make_home
	config '.policies = [{input_file_pattern: "data/*"}]'
	configured
	mkdir "$HOME_DIR/out" "$HOME_DIR/mv"
	for n in 1 2 3 4; do
		for folder in data out mv; do echo "$folder $n" >"$HOME_DIR/$folder/$n"; done
	done
	head -c 17000000 /dev/urandom >"$HOME_DIR/data/large"
	find "$HOME_DIR" -type f -exec touch -d '2020-01-01' {} +
	(cd "$HOME_DIR" && find data out mv -type f -exec sha256sum {} +) >"$BATS_TEST_TMPDIR/before"
	jq -n --arg key "$KEY" --arg secret "$SECRET" '{state: "configured", id: 2,
		config: {heartbeat_period: 1234, policies: [{input_file_pattern: "data/*"},
			{input_file_pattern: "out/*", delete_after_upload: true},
			{input_file_pattern: "mv/*", move_after_upload: "done"}]},
		aws_keys: {access_key_id: $key, secret_access_key: $secret, note: "new"}}' \
		>"$MOTHER/replies/default"
	cp -a "$HOME_DIR" "$BATS_TEST_TMPDIR/template"
}

# again: the home and the bucket as before the cycle
again() {
	rm -rf "$HOME_DIR" "$S3_DIR/bucket/objects" "$S3_DIR/bucket/uploads"
	mkdir "$S3_DIR/bucket/objects" "$S3_DIR/bucket/uploads"
	cp -al "$BATS_TEST_TMPDIR/template" "$HOME_DIR"
	for file in "" -context -keys; do # these are replaced, links or not
		cp --remove-destination "$BATS_TEST_TMPDIR/template/s3-ingestor$file.json" "$HOME_DIR"
	done
	rm -f "$BATS_TEST_TMPDIR/hit"
	: >"$S3_LOG"
}

# on_bad_disk VARIABLE=VALUE... -- OPTION...: a run on it
on_bad_disk() {
	local faults=()
	while [ "$1" != -- ]; do
		faults+=("DISK_FAULT_$1")
		shift
	done
	shift
	run timeout 60 env -i PATH="$PATH" LC_ALL=C.UTF-8 ASAN_OPTIONS=detect_leaks=0 \
		LD_PRELOAD="$(preload_of "$BUILD/tests/disk_fault.so")" DISK_FAULT_LOG="$BATS_TEST_TMPDIR/hit" \
		"${faults[@]}" "$S3_INGESTOR" -C "$HOME_DIR" "$@"
}

documents_parse() {
	for file in "" -context -keys; do
		jq -e . "$HOME_DIR/s3-ingestor$file.json" >/dev/null || { echo "s3-ingestor$file.json is broken" && return 1; }
	done
}

# recovered: the next run, on a sound disk, ends as if nothing had been
recovered() {
	documents_parse
	held --before "$BATS_TEST_TMPDIR/before"
	ledger "select cast(key as text) from file where state = 0" >"$BATS_TEST_TMPDIR/known" 2>/dev/null || : >"$BATS_TEST_TMPDIR/known"
	: >"$S3_LOG"
	ingest_is 0 --action wakeup
	# what was recorded is not sent again
	while read -r key; do
		[ "$(s3_requests "^PUT .* /bucket/$key\$")" -eq 0 ] || { echo "$key was sent again" && return 1; }
	done <"$BATS_TEST_TMPDIR/known"
	held --before "$BATS_TEST_TMPDIR/before" --tidy
	[ "$(jq .heartbeat_period "$HOME_DIR/s3-ingestor.json")" -eq 1234 ]
	[ "$(jq .id "$HOME_DIR/s3-ingestor-context.json")" -eq 2 ]
	[ "$(jq -r .note "$HOME_DIR/s3-ingestor-keys.json")" = new ]
	[ "$(find "$HOME_DIR/out" "$HOME_DIR/mv" -type f | wc -l)" -eq 0 ]
	[ "$(find "$HOME_DIR/done" -type f | wc -l)" -eq 4 ]
	[ "$(s3_count)" -eq 13 ]
	times=$((times + 1))
}

# sweep COUNT WORDS ERRNO...: each call in turn that changes a file below the
# home, with each error
sweep() {
	local step
	step=$(rounds 10 1) # in short form every so many, from a random one
	in_cycles write_faults.py --preload "$(preload_of "$BUILD/tests/disk_fault.so")" \
		--for "$1" --words "$2" --errno "${@:3}" \
		--every "$step" --from $((RANDOM % step + 1))
}

@test "a disk that is full from any write on: exit 74, and all is found again" {
	seeded
	start_cycle
	sweep 0 'No space left|disk is full|disk full' 28
	survived "$CYCLES" "ENOSPC from each write on"
}

@test "one write that fails, of each in turn" {
	seeded
	start_cycle
	local errnos=(28 5 122 30) # ENOSPC EIO EDQUOT EROFS
	# shellcheck disable=SC2046 # words
	sweep 1 . $(rounds "${errnos[RANDOM % 4]}" "${errnos[*]}")
	survived "$CYCLES" "ENOSPC, EIO, EDQUOT, EROFS at each write"
}

# on_full_disk CALLS AT: a first run to which these calls fail from the ATth on;
# false when it made fewer. The next one is whole.
on_full_disk() {
	rm -rf "$BATS_TEST_TMPDIR/hit" "$S3_DIR/bucket/objects" "$HOME_DIR"/s3-ingestor-ledger*
	mkdir "$S3_DIR/bucket/objects"
	on_bad_disk CALLS="$1" PATH="$HOME_DIR" AT="$2" FOR=0 ERRNO=28 -- --standalone
	[ -e "$BATS_TEST_TMPDIR/hit" ] || return 1
	[ "$status" -eq 0 ] || { [ "$status" -eq 74 ] && [[ $output =~ No\ space\ left|disk\ is\ full|disk\ full ]]; } ||
		{ echo "$1 $2: status $status: $output" && exit 1; }
	[ -e "$HOME_DIR/s3-ingestor-ledger.db" ] && made=1 || made=0
	ingest_is 0 --standalone || exit 1
	s3_same data/1 "$HOME_DIR/data/1" || exit 1
	# a ledger that could not be made was none, and not a corrupt one
	[[ $output != *damaged* && -z $(find "$HOME_DIR" -name '*.bad*') ]] ||
		{ echo "$1 $2: taken for corrupt: $output" && exit 1; }
}

@test "a sync that fails, of each in turn: said in words that help, and nothing is lost" {
	make_home
	config '.policies = [{input_file_pattern: "data/*"}]'
	echo content >"$HOME_DIR/data/1"
	touch -d '2020-01-01' "$HOME_DIR/data/1"
	while on_full_disk sync $((times + 1)); do times=$((times + 1)); done
	[ "$times" -gt 4 ]
	survived "$times" "ENOSPC from each sync on"
}

@test "a disk that is full when a ledger is made: the next run makes one, and takes nothing for corrupt" {
	make_home
	config '.policies = [{input_file_pattern: "data/*"}]'
	echo content >"$HOME_DIR/data/1"
	touch -d '2020-01-01' "$HOME_DIR/data/1"
	made=0
	step=$(rounds 3 1)
	for ((at = RANDOM % step + 1; made == 0; at += step)); do
		on_full_disk write "$at"
		times=$((times + 1))
	done
	[ "$times" -gt 4 ]
	survived "$times" "ENOSPC while a ledger is made"
}

@test "a file system that is full, with room for this much" {
	[ "$(id -u)" -eq 0 ] || skip "only root can mount"
	make_cycle
	rm -rf "$HOME_DIR"
	mkdir "$HOME_DIR"
	mount -t tmpfs -o size=64m none "$HOME_DIR" 2>/dev/null || skip "no mount here"
	touch "$BATS_TEST_TMPDIR/mounted"
	for room in $(rounds "0 100" "0 4 8 12 16 24 32 48 64 80 100 150 200 300 1000"); do
		find "$HOME_DIR" -mindepth 1 -delete
		rm -rf "$S3_DIR/bucket/objects" "$S3_DIR/bucket/uploads"
		mkdir "$S3_DIR/bucket/objects" "$S3_DIR/bucket/uploads"
		cp -a "$BATS_TEST_TMPDIR/template/." "$HOME_DIR"
		free=$(df --output=avail -k "$HOME_DIR" | tail -n 1)
		head -c $(((free - room) * 1024)) /dev/zero >"$HOME_DIR/filler"
		ingest --action wakeup
		[ "$status" -eq 74 ] || [ "$room" -ge 100 ]
		[[ $output =~ No\ space\ left|disk\ is\ full ]] || [ "$status" -eq 0 ]
		rm "$HOME_DIR/filler"
		recovered
	done
	survived "$times" "a file system with little or no room"
}

@test "EIO while a file is read: failed and named, the others go on" {
	make_cycle
	again
	for at in $(rounds 1 "1 2 3"); do
		on_bad_disk CALLS=read PATH="$HOME_DIR/data/3" AT=1 FOR=0 ERRNO=5 -- --action wakeup
		[ "$status" -eq 74 ]
		[[ $output == *data/3*"Input/output error"* ]]
		on_bad_disk CALLS=read PATH="$HOME_DIR/data/large" AT="$at" FOR=0 ERRNO=5 -- --action wakeup
		[ "$status" -eq 74 ] || [ "$(ledger 'select count(*) from pending')" -eq 0 ]
		times=$((times + 2))
		recovered
		again
	done
	survived "$times" "EIO while a file is read"
}

@test "EIO while the ledger is read: it is not taken for corrupt" {
	make_cycle
	ingest_is 0 --action wakeup
	for at in 1 2 3 4 5 6; do
		on_bad_disk CALLS=read PATH="$HOME_DIR/s3-ingestor-ledger.db" AT=$at FOR=0 ERRNO=5 -- --standalone
		[ ! -e "$HOME_DIR/s3-ingestor-ledger.db.bad" ]
		[ ! -e "$HOME_DIR/s3-ingestor-ledger.db.suspect" ]
		[ "$status" -eq 74 ] || [ "$status" -eq 0 ]
		times=$((times + 1))
	done
	: >"$S3_LOG"
	ingest_is 0 --standalone
	[ "$(s3_requests)" -eq 0 ]
	survived "$times" "EIO while the ledger is read"
}

@test "a home that is read-only, or may not be written: exit 74, nothing changes" {
	make_cycle
	as_user
	chmod 500 "$HOME_DIR"
	ingest --action wakeup
	chmod 700 "$HOME_DIR"
	[ "$status" -eq 74 ]
	[[ $output == *"$HOME_DIR"* || $output == *s3-ingestor* ]]
	times=1
	if [ "$(id -u)" -eq 0 ]; then
		again
		if mount --bind "$HOME_DIR" "$HOME_DIR" && touch "$BATS_TEST_TMPDIR/mounted" &&
			mount -o remount,bind,ro "$HOME_DIR"; then
			ingest --action wakeup
			[ "$status" -eq 74 ]
			[[ $output == *"ead-only"* ]]
			mount -o remount,bind,rw "$HOME_DIR"
			times=2
		fi
	fi
	documents_parse
	ingest_is 0 --action wakeup
	survived "$times" "a home that is read-only or not writable"
}

LEDGER() { echo "$HOME_DIR/s3-ingestor-ledger.db"; }

# flip OFFSET COUNT: other bytes there
flip() {
	head -c "$2" /dev/urandom | dd of="$(LEDGER)" bs=1 seek="$1" conv=notrunc status=none
}

# spoil WAY: the ledger is bad in this way
spoil() {
	local file size
	file=$(LEDGER)
	size=$(stat -c %s "$file")
	case $1 in
	header) flip 0 16 ;;
	header-fields) flip 16 80 ;;
	schema) flip 100 400 ;;
	first-page) flip 0 4096 ;;
	second-page) flip 4096 4096 ;;
	middle) flip $((size / 2 / 4096 * 4096)) 4096 ;;
	last-page) flip $((size - 4096)) 4096 ;;
	everywhere) for ((at = 200; at < size; at += 3001)); do flip $at 3; done ;;
	cut-at-page) truncate -s 8192 "$file" ;;
	cut-in-page) truncate -s $((size - 1000)) "$file" ;;
	cut-half) truncate -s $((size / 2)) "$file" ;;
	one-byte) truncate -s 1 "$file" ;;
	empty) truncate -s 0 "$file" ;;
	zeros) head -c "$size" /dev/zero >"$file" ;;
	text) echo "this is no database" >"$file" ;;
	other) rm "$file" && sqlite3 "$file" "create table t(a); insert into t values(1)" ;;
	table-missing) sqlite3 "$file" "drop table removal" ;;
	column-missing) sqlite3 "$file" "drop view files; alter table file drop column racy; create view files as select 1" ;;
	odd-values) sqlite3 "$file" "pragma ignore_check_constraints = 1; update file set size = -5, state = 9" ;;
	wal-garbage) head -c 100000 /dev/urandom >"$file-wal" ;;
	wal-alone) mv "$file" "$file-wal" ;;
	shm-garbage) head -c 32768 /dev/urandom >"$file-shm" ;;
	*) return 1 ;;
	esac
}

@test "a ledger that is bad in 22 ways: nothing is sent again, nothing is lost" {
	seeded
	make_home
	config
	for n in $(seq 300); do echo "$n" >"$HOME_DIR/data/$n"; done
	for way in header header-fields schema first-page second-page middle last-page everywhere \
		cut-at-page cut-in-page cut-half one-byte empty zeros text other table-missing column-missing \
		odd-values wal-garbage wal-alone shm-garbage; do
		rm -f "$(LEDGER)"*
		ingest_is 0 --standalone
		spoil "$way"
		: >"$S3_LOG"
		# never of one size twice: within a second time does not tell them apart
		seq "$times" "$((2 * times + 2))" >"$HOME_DIR/data/new"
		# damage may be met in the middle of a run; the next one begins anew
		ingest --standalone
		[ "$status" -eq 0 ] || [ "$status" -eq 74 ] || { echo "$way: $status $output" && return 1; }
		ingest_is 0 --standalone || { echo "$way: the next run: $output" && return 1; }
		[ "$(s3_requests '^PUT 200')" -le 1 ] || { echo "$way: sent again: $(s3_requests '^PUT 200')" && return 1; }
		for n in 1 100 300 new; do s3_same "data/$n" "$HOME_DIR/data/$n"; done
		: >"$S3_LOG"
		ingest_is 0 --standalone
		[ "$(s3_requests)" -eq 0 ] || { echo "$way: does not come to rest" && return 1; }
		times=$((times + 1))
	done
	survived "$times" "a ledger that is corrupt, each in another way"
}

@test "a ledger that is a directory, a fifo, a dangling link, or of a newer version stays as it is" {
	make_home
	config
	echo 1 >"$HOME_DIR/data/a"
	for way in directory fifo link newer; do
		rm -rf "$(LEDGER)"*
		case $way in
		directory) mkdir "$(LEDGER)" ;;
		fifo) mkfifo "$(LEDGER)" ;;
		link) ln -s nowhere "$(LEDGER)" ;;
		newer)
			ingest_is 0 --standalone
			ledger "pragma user_version = 999"
			;;
		esac
		run timeout 30 "$S3_INGESTOR" -C "$HOME_DIR" --standalone
		echo "$way: $status $output"
		[ "$status" -eq 74 ] || [ "$status" -eq 78 ] || [ "$way" = link ]
		[ "$status" -eq 0 ] || [[ $output == *s3-ingestor-ledger.db* ]]
		[ "$status" -ne 124 ]
		[ "$way" = link ] || [ -e "$(LEDGER)" ]
		times=$((times + 1))
	done
	[ "$(ledger 'pragma user_version')" -eq 999 ]
	survived "$times" "a ledger that is no file, or of a newer version"
}

# make_odd: what a file may be that is none of ours, in odd/WAY
make_odd() {
	local odd=$BATS_TEST_TMPDIR/odd
	mkdir -p "$odd/directory"
	mkfifo "$odd/fifo"
	ln -s nowhere "$odd/link"
	head -c 104857600 /dev/zero | tr '\0' ' ' >"$odd/large"
	printf '{"a":"b\0c"}' >"$odd/nul"
	head -c 1000 /dev/urandom >"$odd/binary"
	: >"$odd/empty"
	echo '[]' >"$odd/array"
	head -c 100000 /dev/zero | tr '\0' '[' >"$odd/deep"
	printf '{"a":"\xff\xfe"}' >"$odd/utf8"
	printf '{"state":"configured"}{"state":"configured"}' >"$odd/twice"
	echo '{}' >"$odd/unreadable"
	chmod 0 "$odd/unreadable"
}

@test "config, context, keys, reply: a directory, a fifo, a dangling link, 100 MiB, NUL bytes, ..." {
	make_cycle
	rm "$BATS_TEST_TMPDIR/template/data/large" # not what it is about
	make_odd
	as_user
	for file in "" -context -keys -reply; do
		for way in directory fifo link large nul binary empty array deep utf8 twice unreadable; do
			again
			path=$HOME_DIR/s3-ingestor$file.json
			rm -f "$path"
			cp -al "$BATS_TEST_TMPDIR/odd/$way" "$path" # a link: what is set aside is not written
			run "${AS[@]}" timeout 30 "$S3_INGESTOR" -C "$HOME_DIR"
			[ "$status" -ne 124 ] || { echo "s3-ingestor$file.json, $way: it hangs" && return 1; }
			[[ $status =~ ^(0|69|74|75|77|78)$ ]] || { echo "s3-ingestor$file.json, $way: $status $output" && return 1; }
			if [ "$status" -ne 0 ]; then
				[[ $output == *"s3-ingestor$file.json"* || $output == *"host_dns"* ]] ||
					{ echo "s3-ingestor$file.json, $way: does not say which file: $output" && return 1; }
			fi
			# where nobody knows the state or the policies, nothing is sent by them
			case $file in
			"") [ "$way" = link ] || [ "$(s3_requests '^PUT')" -eq 0 ] ;;
			esac
			# and with a good one all goes on
			rm -rf "$path"* "$HOME_DIR"/s3-ingestor-context.json*
			[ "$file" = -reply ] || cp "$BATS_TEST_TMPDIR/template/s3-ingestor$file.json" "$path"
			cp "$BATS_TEST_TMPDIR/template/s3-ingestor-context.json" "$HOME_DIR"
			rm -f "$HOME_DIR"/s3-ingestor-ledger.db*
			ingest_is 0 --action wakeup || { echo "s3-ingestor$file.json, $way: the next run: $output" && return 1; }
			times=$((times + 1))
		done
	done
	survived "$times" "config, context, keys or reply that are not what they should be"
}
