#!/usr/bin/env bats
# Installation and schedules: what is put where, and that its readers take it.

setup() {
	load lib/servers.bash
	INTO=$BATS_TEST_TMPDIR/into
	cd "$ROOT" || return 1
	# what is installed is the plain build
	unset SANITIZE
	export -n BUILD
}

teardown() { stop_servers; }

installed() { (cd "$INTO" && find . -type f | sort); }

@test "make install: program, pages, completion; make uninstall takes them away" {
	make -s install DESTDIR="$INTO" PREFIX=/usr
	[ "$("$INTO/usr/bin/s3-ingestor" --version)" = "$("$S3_INGESTOR" --version)" ]
	installed | grep -qx ./usr/share/man/man1/s3-ingestor.1
	installed | grep -qx ./usr/share/man/man5/s3-ingestor.json.5
	installed | grep -qx ./usr/share/man/man7/s3-ingestor-protocol.7
	installed | grep -qx ./usr/share/bash-completion/completions/s3-ingestor
	make -s uninstall DESTDIR="$INTO" PREFIX=/usr
	[ -z "$(installed)" ]
}

@test "completion knows every option of --help, and the values of --action" {
	# shellcheck source=/dev/null
	. scripts/completion.bash
	COMP_WORDS=("$S3_INGESTOR" --)
	COMP_CWORD=1
	_s3_ingestor
	[ "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" = \
		"$("$S3_INGESTOR" --help | grep -oE -- '--[a-z][a-z-]+' | sort)" ]
	COMP_WORDS=("$S3_INGESTOR" --action wa)
	COMP_CWORD=2
	_s3_ingestor
	[ "${COMPREPLY[*]}" = wakeup ]
}

@test "scripts/install --cron: a line that cron would take, and nothing the second time" {
	scripts/install --cron --destdir "$INTO" --home /srv/ingest --prefix /opt --user field
	line=$(grep -v '^#' "$INTO/etc/cron.d/s3-ingestor" | grep '^\*')
	[[ $line =~ ^\*\ \*\ \*\ \*\ \*\ field\ s3-ingestor\ --home\ /srv/ingest\ --if-due\ --splay\ 50$ ]]
	grep -q '^PATH=/opt/bin:' "$INTO/etc/cron.d/s3-ingestor"
	[ "$(stat -c %a "$INTO/srv/ingest")" = 700 ]
	[ -x "$INTO/opt/bin/s3-ingestor" ]
	run scripts/install --cron --destdir "$INTO" --home /srv/ingest --prefix /opt --user field
	[ "$status" -eq 0 ]
	[[ $output != *installed:* ]]
	[[ $output != *made:* ]]
}

@test "scripts/uninstall takes it away and keeps the home folder" {
	scripts/install --systemd --listen --destdir "$INTO"
	touch "$INTO/var/lib/s3-ingestor/s3-ingestor-ledger.db"
	scripts/uninstall --destdir "$INTO"
	[ "$(installed)" = ./var/lib/s3-ingestor/s3-ingestor-ledger.db ]
}

@test "the options in every schedule are the program's" {
	options=$("$S3_INGESTOR" --help)
	while read -r word; do
		grep -qF -- "$word" <<<"$options"
	done < <(grep -rhE 's3-ingestor.*--|<string>--|<Arguments>' cron | grep -oE -- '--[a-z][a-z-]+' | sort -u)
}

@test "a crontab of a user is five fields and a command" {
	line=$(grep -v '^#' cron/s3-ingestor.user.cron)
	# shellcheck disable=SC2016 # cron's shell expands it
	[[ $line == '* * * * * s3-ingestor --home "$HOME/s3-ingestor" --if-due --splay 50' ]]
}

# units: all of them in one folder, the program where they look for it
units() {
	UNITS=$BATS_TEST_TMPDIR/units
	mkdir "$UNITS"
	cp cron/systemd/*.* "$UNITS"
	sed -i "s|/usr/local/bin/s3-ingestor|$S3_INGESTOR|" "$UNITS"/*.service
}

@test "systemd-analyze verify takes the units" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze here"
	units
	for unit in "$UNITS"/*.{service,timer,socket}; do
		run systemd-analyze verify --man=no "$unit"
		[ "$status" -eq 0 ]
		! grep -F "$UNITS" <<<"$output"
	done
}

@test "systemd-analyze verify takes the units with each drop-in" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze here"
	units
	mkdir "$UNITS/s3-ingestor.service.d"
	for part in cron/systemd/drop-ins/*.conf; do
		rm -f "$UNITS"/s3-ingestor.service.d/*
		cp "$part" "$UNITS/s3-ingestor.service.d/"
		run systemd-analyze verify --man=no "$UNITS/s3-ingestor.service"
		[ "$status" -eq 0 ]
		! grep -F "$UNITS" <<<"$output"
	done
}

@test "systemd-analyze security: exposure at most 2.0, unless a drop-in grants more" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze here"
	units
	systemd-analyze security --offline=true --threshold=20 "$UNITS/s3-ingestor.service" >/dev/null
	systemd-analyze security --offline=true --threshold=20 "$UNITS/s3-ingestor-listen.service" >/dev/null
	mkdir "$UNITS/s3-ingestor.service.d"
	cp cron/systemd/drop-ins/root.conf "$UNITS/s3-ingestor.service.d/"
	! systemd-analyze security --offline=true --threshold=20 "$UNITS/s3-ingestor.service" >/dev/null
}

@test "drop-ins grant what they say: paths, reading all, root" {
	units
	grep -q '^ReadWritePaths=' cron/systemd/drop-ins/remove.conf
	grep -q '^AmbientCapabilities=CAP_DAC_READ_SEARCH$' cron/systemd/drop-ins/read-all.conf
	grep -q '^CapabilityBoundingSet=CAP_DAC_READ_SEARCH$' cron/systemd/drop-ins/read-all.conf
	grep -q '^User=root$' cron/systemd/drop-ins/root.conf
	# what the unit forbids, root.conf has a word on
	for key in ProtectSystem NoNewPrivileges CapabilityBoundingSet SystemCallFilter RestrictAddressFamilies; do
		grep -q "^$key=" cron/systemd/drop-ins/root.conf
	done
}

@test "the program can do its work with the system calls that the unit allows" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze here"
	start_fake_s3
	start_mothership
	make_home
	mkdir "$HOME_DIR/customizers"
	echo 'module.exports = function (f) { return f; };' >"$HOME_DIR/customizers/key.js"
	config '.policies = [{input_file_pattern: "data/*", customizer: "key"}]'
	echo one >"$HOME_DIR/data/a"
	traced -o "$BATS_TEST_TMPDIR/trace" -e trace='!futex' "$S3_INGESTOR" -C "$HOME_DIR"
	s3_has data/a
	systemd-analyze syscall-filter @system-service >"$BATS_TEST_TMPDIR/allowed"
	while read -r set; do
		systemd-analyze syscall-filter "$set" 2>/dev/null || true
	done < <(grep -oE '@[a-z-]+' "$BATS_TEST_TMPDIR/allowed" | sort -u) | grep -oE '^ +[a-z0-9_]+$' | tr -d ' ' | sort -u >"$BATS_TEST_TMPDIR/calls"
	for set in @privileged @resources @mount @swap @reboot @obsolete; do
		systemd-analyze syscall-filter "$set"
	done | grep -oE '^ +[a-z0-9_]+$' | tr -d ' ' | sort -u >"$BATS_TEST_TMPDIR/denied"
	grep -h '^SystemCallFilter=[a-z]' cron/systemd/s3-ingestor.service |
		cut -d= -f2 | tr ' ' '\n' >"$BATS_TEST_TMPDIR/again"
	grep -oE '^[0-9]+ +[a-z0-9_]+\(' "$BATS_TEST_TMPDIR/trace" |
		grep -oE '[a-z0-9_]+\(' | tr -d '(' | sort -u >"$BATS_TEST_TMPDIR/used"
	bad=$(while read -r call; do
		grep -qx "$call" "$BATS_TEST_TMPDIR/again" && continue
		grep -qx "$call" "$BATS_TEST_TMPDIR/calls" &&
			! grep -qx "$call" "$BATS_TEST_TMPDIR/denied" && continue
		echo "$call"
	done <"$BATS_TEST_TMPDIR/used")
	echo "not allowed: $bad"
	[ -z "$bad" ]
}

@test "the launchd plist says the same, by python's reader" {
	python3 -S - <<'PYTHON'
import plistlib
with open("cron/launchd/org.s3-ingestor.plist", "rb") as text:
    job = plistlib.load(text)
assert job["ProgramArguments"][0].endswith("/s3-ingestor")
assert "--if-due" in job["ProgramArguments"]
assert job["StartInterval"] == 60
assert job["Umask"] == 0o77
PYTHON
}

@test "the Task Scheduler's XML is valid by the part of the schema it uses" {
	command -v xmllint >/dev/null || skip "no xmllint here"
	xmllint --noout --schema tests/lib/task.xsd cron/windows/s3-ingestor.xml
	! sed 's/PT1M/1 minute/' cron/windows/s3-ingestor.xml |
		xmllint --noout --schema tests/lib/task.xsd -
}
