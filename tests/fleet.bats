#!/usr/bin/env bats
# A fleet phones home to the example mothership; see bench/fleet.py.

setup_file() {
	local run
	cd "$BATS_TEST_DIRNAME/.." || return 1
	export BUILD=${BUILD:-$PWD/build}
	for run in 1 2; do
		/usr/bin/env python3 -S tests/bench/fleet.py --agents 50 --splay 3 \
			--out "$BATS_FILE_TMPDIR/$run" >"$BATS_FILE_TMPDIR/$run.said" 2>&1 3>&- ||
			echo $? >"$BATS_FILE_TMPDIR/$run.status"
	done
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	cat 1.said 2.said
}

# column N OPTION...: of all agents of both runs
column() { cat 1 2 | grep -v '^#' | cut -f "$1" | sort "${@:2}"; }

@test "all are heard, each once, and end with 0" {
	[ ! -e 1.status ]
	[ ! -e 2.status ]
	[ "$(grep -vc '^#' 1)" -eq 100 ]
	[ "$(column 6 -u)" = 1 ]
	[ "$(column 7 -u)" = 0 ]
}

@test "splays differ, and are the same in another run" {
	[ "$(awk '$2 == 3 { print $3 }' 1 | sort -u | wc -l)" -gt 40 ]
	diff <(awk '{ print $1, $2, $3 }' 1) <(awk '{ print $1, $2, $3 }' 2)
}

@test "nobody comes before its own splay is over" {
	awk '$2 == 3 && $5 - $4 < $3 - 0.002 { print; bad = 1 } END { exit bad }' 1 2
}

@test "50 at one instant are all answered" {
	for run in 1 2; do
		grep -q 'answered: 50, refused or cut: 0' "$run.said"
	done
}
