#!/usr/bin/env bats
# The wakeup listener.

setup() {
	load lib/servers.bash
	start_fake_s3
	start_mothership
	make_home
	config '.api_port = 0'
	configured
}

teardown() { stop_servers; }

# start_listener NAME=VALUE...: LISTEN is its URL, LISTENER its pid; WRAP is
# the command that runs it, if any
WRAP=()
start_listener() {
	env -i PATH="$PATH" ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} "$@" \
		"${WRAP[@]}" "$S3_INGESTOR" -C "$HOME_DIR" --listen \
		>"$BATS_TEST_TMPDIR/listen.out" 2>"$BATS_TEST_TMPDIR/listen.err" 3>&- &
	LISTENER=$!
	note_pid "$LISTENER"
	wait_for "$BATS_TEST_TMPDIR/listen.out"
	LISTEN=http://$(sed 's/listening on //' "$BATS_TEST_TMPDIR/listen.out")
}

# ended: the exit status of the listener
ended() {
	local status=0
	wait "$LISTENER" || status=$?
	echo "exit $status: $(cat "$BATS_TEST_TMPDIR/listen.err")" >&2
	return "$status"
}

# wait_run: RUN is the pid of the run that works, once it is that program
wait_run() {
	local i
	for ((i = 0; i < 400; i++)); do
		read -r RUN _ <"/proc/$LISTENER/task/$LISTENER/children" || true
		[ -z "$RUN" ] || ! grep -qz -e --action "/proc/$RUN/cmdline" || return 0
		sleep 0.05
	done
	return 1
}

call() { curl -s --noproxy '*' "$@"; }

# wait_contacts N: until the mothership had so many requests
wait_contacts() {
	local i
	for ((i = 0; i < 400; i++)); do
		[ "$(contacts)" -ge "$1" ] && return 0
		sleep 0.05
	done
	return 1
}

# wait_idle: until no run works
wait_idle() {
	local i
	for ((i = 0; i < 400; i++)); do
		[ "$(call "$LISTEN/status" | jq .running)" = false ] && return 0
		sleep 0.05
	done
	return 1
}

# wait_deaf: until nobody is answered any more
wait_deaf() {
	local i
	for ((i = 0; i < 400; i++)); do
		call -o /dev/null "$LISTEN/status" || return 0
		sleep 0.05
	done
	return 1
}

@test "any request is answered with hostname, state and version, and starts a wakeup" {
	echo one >"$HOME_DIR/data/a"
	start_listener
	call -i "$LISTEN/any/where?x=1" >"$BATS_TEST_TMPDIR/answer"
	grep -q '^HTTP/1.1 200' "$BATS_TEST_TMPDIR/answer"
	grep -qi '^content-type: text/json' "$BATS_TEST_TMPDIR/answer"
	tail -n 1 "$BATS_TEST_TMPDIR/answer" |
		jq -e --arg name "$(uname -n)" '. == {hostname: $name, state: "configured", version: .version} and (.version | length > 0)'
	wait_contacts 2
	[ "$(told 1 .context.action)" = wakeup ]
	[ "$(told 2 .context.result.added)" = 1 ]
	wait_idle
	s3_has data/a
}

@test "every method starts one: POST, PUT, HEAD" {
	reply default '{"state":"discovered"}'
	start_listener
	[ "$(call -o /dev/null -w '%{http_code}' -X POST -d 'hello' "$LISTEN/")" = 200 ]
	wait_contacts 1
	wait_idle
	[ "$(call -o /dev/null -w '%{http_code}' -I "$LISTEN/")" = 200 ]
	wait_contacts 2
}

@test "1,000 requests while one run works: exactly one more run" {
	reply default '{"state":"discovered"}' '{"until":"go"}'
	start_listener
	call "$LISTEN/" >/dev/null
	wait_contacts 1
	python3 -S - "$LISTEN" <<'PYTHON'
import sys, urllib.request
for number in range(1000):
    with urllib.request.urlopen(sys.argv[1] + "/") as answer:
        assert answer.status == 200
PYTHON
	[ "$(contacts)" -eq 1 ]
	touch "$MOTHER/go"
	wait_contacts 2
	wait_idle
	[ "$(contacts)" -eq 2 ]
}

@test "GET /status tells of the last run and starts none" {
	reply default '{"state":"discovered"}'
	start_listener
	[ "$(call "$LISTEN/status" | jq -c '[.running, has("summary")]')" = '[false,false]' ]
	[ "$(contacts)" -eq 0 ]
	call "$LISTEN/" >/dev/null
	wait_contacts 1
	wait_idle
	[ "$(call "$LISTEN/status" | jq -r '[.summary.event, .summary.action, .summary.exit_status]|join(" ")')" = "summary wakeup 0" ]
	[ "$(call "$LISTEN/status" | jq -r .state)" = discovered ]
	[ "$(contacts)" -eq 1 ]
}

@test "what a run says on its way is not taken for its summary" {
	for i in $(seq 200); do echo one >"$HOME_DIR/data/$i"; done
	reply 1 '{"state":"configured"}'
	reply 2 '{"state":"configured"}' '{"until":"go"}'
	start_listener
	call "$LISTEN/" >/dev/null
	wait_contacts 2
	[ "$(call "$LISTEN/status" | jq -c '[.running, has("summary")]')" = '[true,false]' ]
	touch "$MOTHER/go"
	wait_idle
	[ "$(call "$LISTEN/status" | jq -c '[.summary.event, .summary.added]')" = '["summary",200]' ]
}

@test "with api_token a request without it gets 401 and starts nothing" {
	config '.api_port = 0 | .api_token = "a-token"'
	reply default '{"state":"discovered"}'
	start_listener
	for given in "" "Authorization: Bearer b-token" "Authorization: Bearer a-toke" \
		"Authorization: Bearer a-tokenn" "Authorization: Basic a-token" "Authorization: Bearer "; do
		[ "$(call -o /dev/null -w '%{http_code}' ${given:+-H "$given"} "$LISTEN/")" = 401 ]
		[ "$(call -o /dev/null -w '%{http_code}' ${given:+-H "$given"} "$LISTEN/status")" = 401 ]
	done
	[ "$(contacts)" -eq 0 ]
	[ "$(call -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer a-token' "$LISTEN/")" = 200 ]
	wait_contacts 1
}

# raw TEXT: what is answered to these bytes
raw() {
	python3 -S - "${LISTEN#http://}" "$1" <<'PYTHON'
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), 20) as s:
    s.sendall(sys.argv[2].encode().decode("unicode_escape").encode("latin1"))
    s.settimeout(30)
    data = b""
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            data += piece
    except ConnectionResetError:
        pass
print(data.split(b"\r\n", 1)[0].decode("latin1"))
PYTHON
}

# raw_cut TEXT: send it and go
raw_cut() {
	python3 -S - "${LISTEN#http://}" "$1" <<'PYTHON'
import socket, sys
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port)), 20) as s:
    s.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
PYTHON
}

@test "malformed requests get 400 and start nothing" {
	start_listener
	# what is not even a request line is cut off by the library
	[ -z "$(raw 'nonsense\r\n\r\n')" ]
	[[ $(raw 'GET /\r\n\r\n') == *" 400 "* ]]
	[[ $(raw 'GET / HTTP/1.1\r\nno colon\r\nHost: x\r\n\r\n') == *" 400 "* ]]
	[[ $(raw 'GET / HTTP/1.1\r\n\r\n') == *" 400 "* ]]
	[[ $(raw 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n') == *" 400 "* ]]
	[ "$(contacts)" -eq 0 ]
	kill -0 "$LISTENER"
}

@test "a body above 8 KiB gets 413, headers above the ceiling 431" {
	start_listener
	head -c 9000 /dev/zero >"$BATS_TEST_TMPDIR/body"
	[ "$(call -o /dev/null -w '%{http_code}' --data-binary "@$BATS_TEST_TMPDIR/body" "$LISTEN/")" = 413 ]
	[ "$(call -o /dev/null -w '%{http_code}' -H 'Transfer-Encoding: chunked' --data-binary "@$BATS_TEST_TMPDIR/body" "$LISTEN/")" = 413 ]
	long=$(head -c 20000 /dev/zero | tr '\0' x)
	[[ $(raw "GET / HTTP/1.1\r\nHost: x\r\nX-Long: $long\r\n\r\n") == *" 431 "* ]]
	[ "$(contacts)" -eq 0 ]
}

# padded BYTES: a request for /status of so many bytes up to its body
padded() {
	local begin="GET /status HTTP/1.1\r\nHost: x\r\nX-Pad: " end="\r\n\r\n"
	local plain size
	plain=$(printf '%b' "$begin${end}x")
	size=$(($1 - ${#plain} + 1))
	printf '%s%s%s' "$begin" "$(head -c "$size" /dev/zero | tr '\0' x)" "$end"
}

@test "8 KiB are the ceiling of a whole request, and not a byte more" {
	start_listener
	[[ $(raw "$(padded 8192)") == *" 200 "* ]]
	[[ $(raw "$(padded 8193)") == *" 431 "* ]]
	[[ $(raw "$(padded 12000)") == *" 431 "* ]]
	# headers and body together
	head -c 1192 /dev/zero >"$BATS_TEST_TMPDIR/fits"
	head -c 8000 /dev/zero >"$BATS_TEST_TMPDIR/body"
	long=$(head -c 7000 /dev/zero | tr '\0' x)
	for way in "X-No: way" "Transfer-Encoding: chunked"; do
		[ "$(call -o /dev/null -w '%{http_code}' -X GET -H "$way" -H "X-Pad: $long" --data-binary "@$BATS_TEST_TMPDIR/body" "$LISTEN/status")" = 413 ]
		[ "$(call -o /dev/null -w '%{http_code}' -X GET -H "$way" -H "X-Pad: ${long:0:6000}" --data-binary "@$BATS_TEST_TMPDIR/fits" "$LISTEN/status")" = 200 ]
	done
	[[ $(raw "GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n") == *" 4"* ]]
}

# dribble TEXT: send it, then a byte now and then until the connection ends
dribble() {
	timeout 60 python3 -S - "${LISTEN#http://}" "$1" <<'PYTHON'
import socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
s = socket.create_connection((host, int(port)), 20)
s.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
s.setblocking(False)
while True:
    try:
        s.sendall(b"x")
        if s.recv(1) == b"":
            break
    except BlockingIOError:
        pass
    except (ConnectionResetError, BrokenPipeError):
        break
    time.sleep(0.2)
PYTHON
}

@test "a request that is not complete in time is ended, though it never is silent" {
	start_listener
	dribble 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ' &
	headers=$!
	dribble 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n\r\n'
	wait "$headers"
	[ "$(contacts)" -eq 0 ]
	[ "$(call "$LISTEN/status" | jq .running)" = false ]
}

@test "64 connections are held; a crowd of silent ones does not shut others out for good" {
	start_listener
	timeout 60 python3 -S - "${LISTEN#http://}" "$LISTENER" <<'PYTHON'
import os, socket, sys, time, urllib.request
host, port = sys.argv[1].rsplit(":", 1)
folder = "/proc/%s/fd/" % sys.argv[2]

def sockets():
    return sum(os.readlink(folder + name).startswith("socket:")
               for name in os.listdir(folder))

crowd = [socket.create_connection((host, int(port)), 20) for _ in range(100)]
most = 0
while True:
    most = max(most, sockets())
    try:
        with urllib.request.urlopen("http://" + sys.argv[1] + "/status", timeout=2) as answer:
            if answer.status == 200:
                break
    except OSError:
        time.sleep(0.1)
# and the one that listens
assert most == 64 + 1, most
PYTHON
}

@test "a port in use: exit 69" {
	start_listener
	config ".api_port = ${LISTEN##*:}"
	run timeout 20 "$S3_INGESTOR" -C "$HOME_DIR" --listen
	[ "$status" -eq 69 ]
	[[ $output == *"listen on 127.0.0.1:${LISTEN##*:}"* ]]
}

@test "a config that cannot be used: exit 78" {
	echo nonsense >"$HOME_DIR/s3-ingestor.json"
	run timeout 20 "$S3_INGESTOR" -C "$HOME_DIR" --listen
	[ "$status" -eq 78 ]
	config '.api_port = 65536'
	run timeout 20 "$S3_INGESTOR" -C "$HOME_DIR" --listen
	[ "$status" -eq 78 ]
	[[ $output == *api_port* ]]
}

@test "SIGINT ends it too, at once where nothing works" {
	start_listener
	kill -INT "$LISTENER"
	ended
	[ "$(contacts)" -eq 0 ]
}

@test "it ends with all memory given back, and no access went astray" {
	reply default '{"state":"discovered"}'
	# a build with sanitizers watches itself
	if ! nm "$S3_INGESTOR" | grep -q __asan_init; then
		command -v valgrind >/dev/null || skip "no valgrind here"
		WRAP=(valgrind -q --leak-check=full --error-exitcode=99)
	fi
	start_listener
	call "$LISTEN/" >/dev/null
	wait_contacts 1
	wait_idle
	[ "$(call "$LISTEN/status" | jq .summary.exit_status)" = 0 ]
	raw 'GET /\r\n\r\n'
	raw "$(padded 9000)"
	# one request is cut off in its body
	raw_cut 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc'
	[ "$(call "$LISTEN/status" | jq .running)" = false ]
	kill -TERM "$LISTENER"
	ended
}

@test "SIGTERM ends it, after the run that works" {
	reply default '{"state":"configured"}' '{"until":"go"}'
	echo one >"$HOME_DIR/data/a"
	start_listener
	call "$LISTEN/" >/dev/null
	wait_contacts 1
	kill -TERM "$LISTENER"
	# it hears nobody any more, and waits
	wait_deaf
	kill -0 "$LISTENER"
	touch "$MOTHER/go"
	ended
	[ "$(contacts)" -eq 2 ]
	s3_has data/a
}

@test "it takes no lock while it waits" {
	start_listener
	call "$LISTEN/status" >/dev/null
	ingest_is 0 --action heartbeat
}

@test "its run waits for the lock, has its home and prefix, and a clean environment" {
	for part in "" -keys -context; do
		mv "$HOME_DIR/s3-ingestor$part.json" "$HOME_DIR/other$part.json"
	done
	reply default '{"state":"discovered"}'
	start_listener S3_INGESTOR_PREFIX=other HOME=/h LANG=C.UTF-8 TZ=UTC LC_ALL=C \
		AWS_SECRET_ACCESS_KEY=hush LISTEN_FDS=1 http_proxy=http://127.0.0.1:1
	exec 8>"$HOME_DIR/other.lock"
	flock 8
	call "$LISTEN/" >/dev/null
	wait_run
	[ "$(tr '\0' ' ' <"/proc/$RUN/cmdline" | cut -d' ' -f2-)" = "--action wakeup --wait 3600 --json --home $HOME_DIR --prefix other " ]
	[ "$(tr '\0' '\n' <"/proc/$RUN/environ" | sort | tr '\n' ' ')" = "HOME=/h LANG=C.UTF-8 PATH=$PATH TZ=UTC " ]
	[ "$(contacts)" -eq 0 ]
	exec 8>&-
	wait_contacts 1
	[ "$(told 1 .context.action)" = wakeup ]
}

@test "runs that it starts see none of its environment's secrets" {
	reply default '{"state":"configured","action":"upgrade"}'
	# shellcheck disable=SC2016 # the shell of the command expands it
	config '.api_port = 0 | .upgrade_command = "tr \"\\\\0\" \"\\\\n\" </proc/$PPID/environ"'
	AWS_SECRET_ACCESS_KEY=hush "$S3_INGESTOR" -C "$HOME_DIR" --listen >"$BATS_TEST_TMPDIR/listen.out" 3>&- &
	note_pid $!
	wait_for "$BATS_TEST_TMPDIR/listen.out"
	call "http://$(sed 's/listening on //' "$BATS_TEST_TMPDIR/listen.out")/" >/dev/null
	wait_contacts 2
	told 2 .context.result.output | grep -q '^PATH='
	! grep -q hush "$MOTHER/requests/2.json"
}

# activate PID: as a service manager: the listener gets a socket as
# descriptor 3, meant for that pid ("own": its own); GIVEN is the port
activate() {
	python3 -S - "$S3_INGESTOR" "$HOME_DIR" "$BATS_TEST_TMPDIR/port" "$1" \
		>"$BATS_TEST_TMPDIR/listen.out" 3>&- <<'PYTHON' &
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(8)
with open(sys.argv[3], "w") as out:
    out.write("%d\n" % s.getsockname()[1])
if s.fileno() != 3:
    os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
pid = str(os.getpid()) if sys.argv[4] == "own" else sys.argv[4]
environment = {"PATH": os.environ["PATH"], "LISTEN_FDS": "1", "LISTEN_PID": pid}
os.execve(sys.argv[1], [sys.argv[1], "-C", sys.argv[2], "--listen"], environment)
PYTHON
	note_pid $!
	wait_for "$BATS_TEST_TMPDIR/listen.out"
	GIVEN=$(cat "$BATS_TEST_TMPDIR/port")
	LISTEN=http://$(sed 's/listening on //' "$BATS_TEST_TMPDIR/listen.out")
}

@test "socket activation: the socket of the service manager is used" {
	reply default '{"state":"discovered"}'
	config '.api_port = 1'
	activate own
	[ "${LISTEN##*:}" = "$GIVEN" ]
	[ "$(call "http://127.0.0.1:$GIVEN/" | jq -r .state)" = configured ]
	wait_contacts 1
	[ "$(told 1 .context.action)" = wakeup ]
}

@test "socket activation: a socket that is meant for another process is left alone" {
	activate 1
	[ "${LISTEN##*:}" != "$GIVEN" ]
	[ "$(call "$LISTEN/status" | jq -r .state)" = configured ]
}
