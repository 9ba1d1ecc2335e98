# Sourced by the bats files: servers on free loopback ports, a home folder, and
# ways to look at what came of a run. Everything lives in BATS_TEST_TMPDIR.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${BUILD:=$ROOT/build}"
: "${S3_INGESTOR:=$BUILD/s3-ingestor}"
PATH=$BUILD/tests/bin:$PATH # its python3
KEY=FAKEACCESSKEY
SECRET=fake/secret+key

# bats follows each command to tell where a test failed, which takes 0.3 ms for
# each. It does so for the test itself; for what the test calls, with TRACE=1.
[ -n "${TRACE:-}" ] || set +T

# wait_for FILE: a server writes its port when it listens
wait_for() {
	local i
	for ((i = 0; i < 400; i++)); do
		[ ! -s "$1" ] || return 0
		sleep 0.05
	done
	echo "no $1" >&2
	return 1
}

note_pid() { echo "$1" >>"$BATS_TEST_TMPDIR/pids"; }

# end only what was started here
stop_servers() {
	local pid
	[ -e "$BATS_TEST_TMPDIR/pids" ] || return 0
	while read -r pid; do
		kill "$pid" 2>/dev/null || true
	done <"$BATS_TEST_TMPDIR/pids"
	rm -f "$BATS_TEST_TMPDIR/pids"
}

# port_of FD: what a server says when it listens; sets PORT, and closes FD.
# Nothing polls: each look would be a process.
port_of() {
	local fd=$1
	PORT=
	read -r -t 20 PORT <&"$fd" || echo "no port"
	exec {fd}<&-
	[ -n "$PORT" ]
}

# start_fake_s3 OPTION...: sets S3_ENDPOINT; objects in $S3_DIR
start_fake_s3() {
	S3_DIR=$BATS_TEST_TMPDIR/s3
	S3_LOG=$BATS_TEST_TMPDIR/s3.log
	local said
	mkdir -p "$S3_DIR"
	exec {said}< <(exec "$BUILD/tests/fake-s3" --root "$S3_DIR" \
		--bucket bucket --log "$S3_LOG" \
		--access-key "$KEY" --secret-key "$SECRET" "$@" \
		2>"$BATS_TEST_TMPDIR/s3.err" 3>&-)
	note_pid $!
	port_of "$said"
	S3_ENDPOINT=http://127.0.0.1:$PORT
}

# s3_control LINE: tell the fake S3 how to break
s3_control() { curl -s --noproxy '*' --data-binary "$1" "$S3_ENDPOINT/_control"; }

# s3_requests [PATTERN]: how many requests it had
s3_requests() {
	[ -e "$S3_LOG" ] || { echo 0 && return; }
	grep -cE "${1:-.}" "$S3_LOG" || true
}

s3_path() { printf '%s/bucket/objects/%s' "$S3_DIR" "$(printf '%s' "$1" | sha256sum | cut -d' ' -f1)"; }

# s3_same KEY FILE: the object is the file, byte for byte
s3_same() { cmp "$(s3_path "$1")" "$2"; }

s3_has() { [ -e "$(s3_path "$1").meta" ]; }

s3_count() { find "$S3_DIR/bucket/objects" -name '*.meta' | wc -l; }

start_mothership() {
	MOTHER=$BATS_TEST_TMPDIR/mother
	local said
	mkdir -p "$MOTHER/replies"
	exec {said}< <(exec python3 -S "$ROOT/tests/servers/mothership.py" \
		--dir "$MOTHER" "$@" 2>"$MOTHER/err" 3>&-)
	note_pid $!
	port_of "$said"
	MOTHER_PORT=$PORT
}

# start_relay HOST:PORT OPTION...: a network that is bad on command; sets
# RELAY_PORT. See servers/relay.c.
start_relay() {
	local to=$1
	shift
	mkfifo "$BATS_TEST_TMPDIR/relay.in"
	# held open by us too, or it would be at its end after the first command
	exec 7<>"$BATS_TEST_TMPDIR/relay.in"
	"$BUILD/tests/relay" --to "$to" --port-file "$BATS_TEST_TMPDIR/relay.port" \
		"$@" <&7 >"$BATS_TEST_TMPDIR/relay.out" 2>&1 3>&- &
	note_pid $!
	wait_for "$BATS_TEST_TMPDIR/relay.port"
	RELAY_PORT=$(cat "$BATS_TEST_TMPDIR/relay.port")
}

# network COMMAND...: each a line for the relay; returns when it obeyed
network() {
	local command had
	for command in "$@"; do
		had=$(wc -l <"$BATS_TEST_TMPDIR/relay.out")
		echo "$command" >&7
		until [ "$(wc -l <"$BATS_TEST_TMPDIR/relay.out")" -gt "$had" ]; do sleep 0.01; done
		[ "$(tail -n 1 "$BATS_TEST_TMPDIR/relay.out")" = ok ] || return 1
	done
}

# reply N TEXT [META]: what the mothership answers to request N (or default)
reply() {
	printf '%s' "$2" >"$MOTHER/replies/$1"
	[ -z "${3:-}" ] || printf '%s' "$3" >"$MOTHER/replies/$1.meta"
}

# told N FILTER: what jq finds in the Nth request
told() { jq -r "$2" "$MOTHER/requests/$1.json"; }

contacts() { find "$MOTHER/requests" -name '*.json' | wc -l; }

# make_home: HOME_DIR with keys
make_home() {
	HOME_DIR=$BATS_TEST_TMPDIR/home
	mkdir -p "$HOME_DIR/data"
	printf '{"access_key_id":"%s","secret_access_key":"%s"}\n' \
		"$KEY" "$SECRET" >"$HOME_DIR/s3-ingestor-keys.json"
}

# config FILTER: write P.json from an object of defaults for these servers
config() {
	jq -n --arg endpoint "${S3_ENDPOINT:-}" --arg port "${MOTHER_PORT:-1}" "
		{host_service: \"http\", host_dns: \"127.0.0.1\",
		 host_port: (\$port | tonumber), s3_bucket: \"bucket\",
		 s3_endpoint: \$endpoint,
		 policies: [{input_file_pattern: \"data/**/*\"}]}
		${1:+| $1}" >"$HOME_DIR/s3-ingestor.json"
}

configured() { echo '{"state":"configured"}' >"$HOME_DIR/s3-ingestor-context.json"; }

# as_user: from now on runs are held to the modes of files, also where root
# runs the tests
as_user() {
	[ "$(id -u)" -ne 0 ] ||
		AS=(setpriv "--bounding-set=-dac_override,-dac_read_search"
			"--inh-caps=-dac_override,-dac_read_search")
}
AS=()

# ingest OPTION...: one run as cron would start it
ingest() {
	run "${AS[@]}" env -i PATH="$PATH" LC_ALL=C.UTF-8 \
		${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
		"$S3_INGESTOR" -C "$HOME_DIR" "$@"
	echo "# exit $status: $output" >>"$BATS_TEST_TMPDIR/said"
}

# traced OPTION... COMMAND: under strace, where leaks cannot be looked for
traced() {
	ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 \
		strace -f -qq "$@"
}

# ingest_is STATUS OPTION...: the same, and the status that is expected
ingest_is() {
	local wanted=$1
	shift
	ingest "$@"
	if [ "$status" -ne "$wanted" ]; then
		echo "exit status $status, not $wanted: $output"
		return 1
	fi
}

# summary FILTER OPTION...: run with --json, jq on the last line
summary() {
	local filter=$1
	shift
	ingest --json "$@"
	tail -n 1 <<<"$output" | jq -rc "$filter"
}

ledger() { sqlite3 "$HOME_DIR/s3-ingestor-ledger.db" "$1"; }
