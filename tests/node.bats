#!/usr/bin/env bats
# The two dialects of the protocol: the same scenarios in both, and every
# request compared as a whole with what tests/scenarios/ expects.

setup() {
	load lib/servers.bash
	start_fake_s3
	start_mothership
	make_home
	rmdir "$HOME_DIR/data"
}

teardown() { stop_servers; }

# in_scenario FILTER: what jq finds in the scenario
in_scenario() { jq -c "$1" "$ROOT/tests/scenarios/$SCENARIO.json"; }

# set_up_scenario PROTOCOL: home, config and replies
set_up_scenario() {
	local name reply number=0
	config "(. + $(in_scenario '.config // {}')
		+ {protocol: \"$1\"}) | del(.[] | nulls)"
	while IFS= read -r name; do
		mkdir -p "$HOME_DIR/$(dirname "$name")"
		in_scenario ".files[\"$name\"]" | jq -j . >"$HOME_DIR/$name"
	done < <(in_scenario '.files // {} | keys[]' | jq -r .)
	in_scenario .context | grep -v '^null$' \
		>"$HOME_DIR/s3-ingestor-context.json" ||
		rm "$HOME_DIR/s3-ingestor-context.json"
	while IFS= read -r reply; do
		number=$((number + 1))
		reply "$number" "$reply"
	done < <(in_scenario '.replies[]')
	reply default "$(in_scenario '.replies[-1]')"
}

# all_told: every request so far, in order, as one list
all_told() {
	local number
	for ((number = 1; number <= $(contacts); number++)); do
		cat "$MOTHER/requests/$number.json"
	done | jq -n --indent 1 -L "$ROOT/tests/scenarios" \
		'include "volatile"; [inputs | volatile]'
}

# plays SCENARIO PROTOCOL
plays() {
	local options run
	SCENARIO=$1
	set_up_scenario "$2"
	while IFS= read -r run; do
		mapfile -t options < <(jq -r '.options // [] | .[]' <<<"$run")
		ingest_is "$(jq .exit <<<"$run")" "${options[@]}"
	done < <(in_scenario '.runs[]')
	all_told >"$BATS_TEST_TMPDIR/told"
	in_scenario ".$2" | jq --indent 1 . >"$BATS_TEST_TMPDIR/expected"
	[ "$(jq length "$BATS_TEST_TMPDIR/expected")" -gt 0 ]
	diff -u "$BATS_TEST_TMPDIR/expected" "$BATS_TEST_TMPDIR/told"
}

@test "documented: startup, discovered: nothing but the startup" { plays startup-discovered documented; }

@test "node: startup, discovered: nothing but the startup" { plays startup-discovered node; }

@test "documented: startup, configured: the policies, and their result" { plays startup-configured documented; }

@test "node: startup, configured: the policies, and their result" { plays startup-configured node; }

@test "documented: heartbeat: the result is in it, and the context in its order" { plays heartbeat documented; }

@test "node: heartbeat: the result is in it, and the context in its order" { plays heartbeat node; }

@test "documented: wakeup: the word first, then the policies" { plays wakeup documented; }

@test "node: wakeup: the word first, then the policies" { plays wakeup node; }

@test "documented: upload: one POST with the result; node does not act on its reply" { plays upload documented; }

@test "node: upload: one POST with the result; node does not act on its reply" { plays upload node; }

@test "documented: a new config: the policies again, once" { plays config-change documented; }

@test "node: a new config: the policies again, once" { plays config-change node; }

@test "documented: a config that would not work is refused and told" { plays config-bad documented; }

@test "node: a config that would not work is refused and told" { plays config-bad node; }

@test "documented: report: all settings, no secrets" { plays report documented; }

@test "node: report: all settings, no secrets" { plays report node; }

@test "documented: an unknown action: error, or echoed without one" { plays action-unknown documented; }

@test "node: an unknown action: error, or echoed without one" { plays action-unknown node; }

@test "documented: an action, and one more in the reply to it" { plays action-configured documented; }

@test "node: an action, and one more in the reply to it" { plays action-configured node; }

@test "documented: a list of actions: done, or a word of the context" { plays action-list documented; }

@test "node: a list of actions: done, or a word of the context" { plays action-list node; }

@test "documented: a failing policy is named, the next one goes on" { plays policy-failing documented; }

@test "node: a failing policy is named, the next one goes on" { plays policy-failing node; }

@test "documented: a file that failed, and an action in the reply" { plays s3-refuses documented; }

@test "node: a file that failed, and an action in the reply" { plays s3-refuses node; }

@test "documented: restart: the next run is a startup" { plays restart documented; }

@test "node: restart: the next run is a startup" { plays restart node; }

@test "documented: what comes back in the context, and no state" { plays context documented; }

@test "node: what comes back in the context, and no state" { plays context node; }

@test "documented: no policies set: one with all defaults, or none" { plays no-policies documented; }

@test "node: no policies set: one with all defaults, or none" { plays no-policies node; }

@test "every scenario is played" {
	for SCENARIO in "$ROOT"/tests/scenarios/*.json; do
		SCENARIO=$(basename "$SCENARIO" .json)
		[ "$(grep -c "{ plays $SCENARIO " "$BATS_TEST_FILENAME")" -eq 2 ]
	done
}

@test "node: the reply to ack is saved: keys, config and context" {
	plays config-change node
	[ "$(jq .heartbeat_period "$HOME_DIR/s3-ingestor.json")" = 60 ]
	rm "$MOTHER"/replies/*
	reply default '{"theirs":1,"version":"x","aws_keys":{"access_key_id":"a","secret_access_key":"b"}}'
	ingest_is 0 --action upload
	[ "$(jq -c . "$HOME_DIR/s3-ingestor-context.json")" = '{"theirs":1,"version":"x"}' ]
	[ "$(jq -r .access_key_id "$HOME_DIR/s3-ingestor-keys.json")" = a ]
}

@test "node: after an action the policies run and wait with their result" {
	plays action-configured node
	s3_same data/a "$HOME_DIR/data/a"
}
