#!/usr/bin/env bats
# What the mothership can order besides report: customizers, upgrade, restart,
# reboot.

setup() {
	load lib/servers.bash
	start_fake_s3
	start_mothership
	make_home
	config
	configured
	reply default '{"state":"configured"}'
}

teardown() { stop_servers; }

order() { reply 1 "{\"state\":\"configured\",\"action\":\"$1\"}"; }

# put KEY TEXT: an object, by another client
put() {
	printf '%s' "$2" >"$BATS_TEST_TMPDIR/object"
	s3cmd --config=/dev/null --access_key="$KEY" --secret_key="$SECRET" \
		--host="${S3_ENDPOINT#http://}" --no-ssl --region=us-east-1 \
		--host-bucket="${S3_ENDPOINT#http://}" --quiet \
		put "$BATS_TEST_TMPDIR/object" "s3://bucket/$1"
}

# plant KEY: into the store itself, for no honest client sends such a key
plant() {
	python3 -S - "$S3_DIR/bucket/objects" "$1" "${2:-2}" <<'PYTHON'
import hashlib, os, sys, time, urllib.parse
root, key, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
name = os.path.join(root, hashlib.sha256(key.encode()).hexdigest())
with open(name, "wb") as out:
    out.truncate(size)
with open(name + ".meta", "w") as out:
    out.write("%s\n\"%s\"\n%d %d\n\n" % (
        urllib.parse.quote(key, safe="/~"), "0" * 32, size, time.time()))
PYTHON
}

prefix=code/s3-ingestor/customizers

# ---- customizers ----

@test "customizers: everything below the prefix, folders made, markers left out" {
	put $prefix/a.js 'module.exports = function (f) { return f; };'
	put $prefix/lib/b.js 'exports.x = 1;'
	put "$prefix/with space ü+%.js" 'exports.x = 2;'
	plant $prefix/folder/ 0
	put other/c.js 'no'
	order customizers
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --action wakeup
	[ "$(told 2 '[.context.action, .context.result.added]|join(" ")')" = "customizers 1" ]
	[ "$(cat "$HOME_DIR/customizers/lib/b.js")" = 'exports.x = 1;' ]
	[ "$(cat "$HOME_DIR/customizers/with space ü+%.js")" = 'exports.x = 2;' ]
	[ "$(find "$HOME_DIR/customizers" -type f | wc -l)" -eq 3 ]
	[ ! -e "$HOME_DIR/customizers/folder" ]
	[ "$(contacts)" -eq 2 ]
	[ -z "$(find "$HOME_DIR" -name 'customizers.*')" ]
}

@test "customizers: files are 0600, never executable" {
	put $prefix/a.js 'exports.x = 1;'
	order customizers
	ingest_is 0 --action wakeup
	[ "$(stat -c %a "$HOME_DIR/customizers/a.js" "$HOME_DIR/customizers" | tr '\n' ' ')" = "600 700 " ]
}

@test "customizers: swapped in whole, what is gone in the bucket goes" {
	mkdir "$HOME_DIR/customizers"
	echo old >"$HOME_DIR/customizers/old.js"
	put $prefix/new.js 'exports.x = 1;'
	order customizers
	ingest_is 0 --action wakeup
	[ "$(ls "$HOME_DIR/customizers")" = new.js ]
}

@test "customizers: an empty listing is an error and changes nothing" {
	mkdir "$HOME_DIR/customizers"
	echo old >"$HOME_DIR/customizers/old.js"
	order customizers
	ingest_is 0 --action wakeup
	[ "$(told 2 '[.context.action, .context.failed_action]|join(" ")')" = "error customizers" ]
	[ "$(cat "$HOME_DIR/customizers/old.js")" = old ]
}

# hostile KEY: refused, and nothing of it lies anywhere
hostile() {
	mkdir -p "$HOME_DIR/customizers"
	echo old >"$HOME_DIR/customizers/old.js"
	order customizers
	before=$(find "$BATS_TEST_TMPDIR" "$HOME_DIR" -name 'evil*' | wc -l)
	ingest_is 0 --action wakeup
	[ "$(told 2 '.context.failed_action')" = customizers ]
	[ "$(find "$BATS_TEST_TMPDIR" "$HOME_DIR" -name 'evil*' | wc -l)" -eq "$before" ]
	[ "$(ls "$HOME_DIR/customizers")" = old.js ]
	[ -z "$(find "$HOME_DIR" -name 'customizers.*')" ]
}

@test "customizers: a key with ../ is refused" {
	plant $prefix/../../evil.js
	hostile
}

@test "customizers: a key that is absolute below the prefix is refused" {
	plant "$prefix//tmp/evil.js"
	hostile
}

@test "customizers: a key with a control character is refused" {
	plant "$prefix/evil"$'\n'".js"
	hostile
}

@test "customizers: 10,000 keys stop at the ceiling" {
	for i in $(seq 5); do plant "$prefix/evil$i.js"; done
	python3 -S - "$S3_DIR/bucket/objects" $prefix <<'PYTHON'
import hashlib, os, sys, time
root, prefix = sys.argv[1:]
for number in range(10000):
    key = "%s/evil-%05d.js" % (prefix, number)
    name = os.path.join(root, hashlib.sha256(key.encode()).hexdigest())
    with open(name, "w") as out:
        pass
    with open(name + ".meta", "w") as out:
        out.write("%s\n\"%s\"\n0 %d\n\n" % (key, "0" * 32, time.time()))
PYTHON
	order customizers
	ingest_is 0 --action wakeup
	told 2 .context.error | grep -q 'more than 5000 files'
	[ ! -e "$HOME_DIR/customizers" ]
}

@test "customizers: an object of 5 GiB is refused before it is read" {
	plant $prefix/evil.js 5368709120
	hostile
	told 2 .context.error | grep -q 'above 10 MiB'
	[ "$(s3_requests '^GET .*evil')" -eq 0 ]
}

@test "customizers: more than 100 MiB in all is refused" {
	for i in $(seq 11); do plant "$prefix/evil$i.js" 10000000; done
	hostile
	told 2 .context.error | grep -q 'above 100 MiB'
}

@test "customizers: a script of bad syntax is an error with file and line, the old ones stay" {
	mkdir "$HOME_DIR/customizers"
	echo old >"$HOME_DIR/customizers/old.js"
	put $prefix/good.js 'module.exports = function (f) { return f; };'
	put $prefix/lib/bad.js $'var a = 1;\nvar b = ;\n'
	order customizers
	ingest_is 0 --action wakeup
	[ "$(told 2 .context.failed_action)" = customizers ]
	told 2 .context.error | grep -q 'lib/bad.js:2'
	[ "$(ls "$HOME_DIR/customizers")" = old.js ]
}

@test "customizers: a script that would hang is looked at, not run" {
	put $prefix/a.js 'for (;;) ;'
	order customizers
	ingest_is 0 --action wakeup
	[ "$(told 2 .context.action)" = customizers ]
	[ -e "$HOME_DIR/customizers/a.js" ]
}

@test "customizers: they make the keys of the run that brings them" {
	config '.policies = [{input_file_pattern: "data/*", input_remove_prefix: "data/", customizer: "key"}]'
	put $prefix/key.js 'module.exports = function (f) { return "by-script/" + f; };'
	order customizers
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --action wakeup
	s3_has by-script/a
}

@test "customizers: with allow_executables what is no script may be run" {
	config '.allow_executables = true'
	put $prefix/a.js 'exports.x = 1;'
	put $prefix/tool '#!/bin/sh'
	order customizers
	ingest_is 0 --action wakeup
	[ "$(stat -c %a "$HOME_DIR/customizers/a.js" "$HOME_DIR/customizers/tool" | tr '\n' ' ')" = "600 700 " ]
}

@test "customizers: S3 refuses: error, the old ones stay" {
	mkdir "$HOME_DIR/customizers"
	echo old >"$HOME_DIR/customizers/old.js"
	put $prefix/a.js 'exports.x = 1;'
	s3_control 'fail method=GET status=403 code=AccessDenied times=9'
	order customizers
	ingest_is 0 --action wakeup
	told 2 .context.error | grep -q AccessDenied
	[ "$(ls "$HOME_DIR/customizers")" = old.js ]
}

@test "customizers: killed in the middle, the next run has all old or all new" {
	put $prefix/new1.js 'exports.x = 1;'
	put $prefix/new2.js 'exports.x = 2;'
	killed=0
	for call in renameat2 mkdirat unlinkat fsync; do
		for when in 1 2 3; do
			rm -rf "$HOME_DIR"/customizers* "$MOTHER"/requests/*
			mkdir "$HOME_DIR/customizers"
			echo old >"$HOME_DIR/customizers/old1.js"
			echo old >"$HOME_DIR/customizers/old2.js"
			reply default '{"state":"configured","action":"customizers"}'
			run traced -o /dev/null -e trace=$call \
				-e inject=$call:signal=SIGKILL:when=$when \
				"$S3_INGESTOR" -C "$HOME_DIR" --action wakeup
			[ "$status" -ne 137 ] || killed=$((killed + 1))
			reply default '{"state":"configured"}'
			ingest_is 0 --action wakeup
			found=$(find "$HOME_DIR/customizers" -type f -printf "%f\n" | sort | tr "\n" " ")
			[ "$found" = "old1.js old2.js " ] || [ "$found" = "new1.js new2.js " ]
		done
	done
	echo "killed $killed times"
	[ "$killed" -ge 6 ]
}

@test "customizers: without an exchange in the kernel, two renames" {
	mkdir "$HOME_DIR/customizers"
	echo old >"$HOME_DIR/customizers/old.js"
	put $prefix/new.js 'exports.x = 1;'
	order customizers
	traced -o "$BATS_TEST_TMPDIR/trace" -e trace=renameat2 \
		-e inject=renameat2:error=EINVAL \
		"$S3_INGESTOR" -C "$HOME_DIR" --action wakeup || true
	grep -q RENAME_EXCHANGE "$BATS_TEST_TMPDIR/trace"
	[ "$(ls "$HOME_DIR/customizers")" = new.js ]
	[ -z "$(find "$HOME_DIR" -name 'customizers.*')" ]
}

# ---- upgrade ----

@test "upgrade: the shell command, its status and output; the next run is a startup" {
	config '.upgrade_command = "echo out; echo err >&2; exit 3"'
	order upgrade
	ingest_is 0 --action wakeup
	[ "$(told 2 '[.context.action, .context.result.status, .context.result.output]|join("|")')" = $'upgrade|3|out\nerr' ]
	[ "$(contacts)" -eq 2 ]
	ingest_is 0
	[ "$(told 3 .context.action)" = startup ]
}

@test "upgrade: a clean environment, the home as folder, no input" {
	config '.upgrade_command = "env | sort; pwd; cat; exit 0"'
	order upgrade
	AWS_SECRET_ACCESS_KEY=hush "$S3_INGESTOR" -C "$HOME_DIR" --action wakeup
	! grep -q hush "$MOTHER/requests/2.json"
	told 2 .context.result.output | grep -qx "$(cd "$HOME_DIR" && pwd -P)"
}

@test "upgrade: of much output the last 4 KiB" {
	config '.upgrade_command = "seq 100000"'
	order upgrade
	ingest_is 0 --action wakeup
	[ "$(told 2 '.context.result.output|length')" -eq 4096 ]
	told 2 .context.result.output | tail -n 2 | grep -qx 100000
}

@test "upgrade: output that is no UTF-8 does not spoil the request" {
	config '.upgrade_command = "printf \"\\\\377\\\\376ab\""'
	order upgrade
	ingest_is 0 --action wakeup
	[ "$(told 2 .context.result.output)" = '??ab' ]
}

@test "upgrade: no command is an error" {
	order upgrade
	ingest_is 0 --action wakeup
	[ "$(told 2 '[.context.action, .context.failed_action, .context.error]|join("|")')" = "error|upgrade|upgrade_command is not set" ]
}

@test "upgrade: a signal ends the command and its group" {
	config ".upgrade_command = \"sleep 1000 & echo \$! >$BATS_TEST_TMPDIR/pid; wait\""
	order upgrade
	"$S3_INGESTOR" -C "$HOME_DIR" --action wakeup 3>&- &
	run_pid=$!
	wait_for "$BATS_TEST_TMPDIR/pid"
	kill -TERM "$run_pid"
	wait "$run_pid" || true
	for ((i = 0; i < 100; i++)); do
		kill -0 "$(cat "$BATS_TEST_TMPDIR/pid")" 2>/dev/null || break
		sleep 0.05
	done
	! kill -0 "$(cat "$BATS_TEST_TMPDIR/pid")" 2>/dev/null
}

# ---- restart ----

@test "restart: told, and the next run is a startup" {
	order restart
	ingest_is 0 --action wakeup
	[ "$(told 2 .context.action)" = restart ]
	[ "$(contacts)" -eq 2 ]
	ingest_is 0
	[ "$(told 3 .context.action)" = startup ]
}

# ---- reboot ----

# uptime is the machine's: the rule needs more than 10 minutes of it
long_up() {
	[ "$(cut -d. -f1 /proc/uptime)" -gt 600 ]
}

@test "reboot: told first, then the command runs" {
	long_up || skip "booted less than 10 minutes ago"
	config ".reboot_command = \"ls $MOTHER/requests >$BATS_TEST_TMPDIR/rebooted\""
	order reboot
	ingest_is 0 --action wakeup
	[ "$(told 2 .context.action)" = reboot ]
	grep -qx 2.json "$BATS_TEST_TMPDIR/rebooted"
}

@test "reboot: at most once an hour" {
	long_up || skip "booted less than 10 minutes ago"
	config ".reboot_command = \"echo x >>$BATS_TEST_TMPDIR/rebooted\""
	reply default '{"state":"configured","action":"reboot"}'
	ingest_is 0 --action wakeup
	ingest_is 0 --action wakeup
	[ "$(wc -l <"$BATS_TEST_TMPDIR/rebooted")" -eq 1 ]
	told 4 .context.error | grep -q 'less than an hour'
}

@test "reboot: not within 10 minutes of boot" {
	! long_up || skip "booted more than 10 minutes ago"
	config ".reboot_command = \"echo x >>$BATS_TEST_TMPDIR/rebooted\""
	order reboot
	ingest_is 0 --action wakeup
	told 2 .context.error | grep -q 'less than 10 minutes'
	[ ! -e "$BATS_TEST_TMPDIR/rebooted" ]
}

@test "reboot: no command is an error" {
	order reboot
	ingest_is 0 --action wakeup
	[ "$(told 2 '[.context.failed_action, .context.error]|join("|")')" = "reboot|reboot_command is not set" ]
}
