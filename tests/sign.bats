#!/usr/bin/env bats
# Our signatures against those of botocore.

setup() {
	load lib/servers.bash
	/usr/bin/python3 -c 'import botocore' 2>/dev/null ||
		skip "no botocore here"
}

# compare SEED COUNT: the first requests that differ are shown
compare() {
	local home=$BATS_TEST_TMPDIR line
	echo "seed $1"
	/usr/bin/python3 "$ROOT/tests/lib/sign_peer.py" "$1" "$2" "$home"
	[ "$(wc -l <"$home/wanted")" -eq "$2" ]
	"$BUILD/tests/sign" <"$home/requests" >"$home/ours"
	cmp "$home/ours" "$home/wanted" && return 0
	diff "$home/ours" "$home/wanted" | head -n 8
	line=$(cmp "$home/ours" "$home/wanted" | sed 's/.*line //')
	sed -n "${line}p" "$home/requests"
	return 1
}

@test "300 random requests are signed as botocore signs them" {
	compare "${SIGN_SEED:-$((RANDOM * 32768 + RANDOM))}" 300
}

@test "the requests of a seed that is known are signed so, too" {
	compare 20130524 300
}
