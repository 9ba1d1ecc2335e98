# Sourced by the torture tests, after lib/servers.bash: how long to go on, and
# what was survived. TORTURE is short (in scripts/check) or long
# (scripts/torture); TORTURE_SEED repeats a run.

: "${TORTURE:=short}"
: "${TORTURE_SEED:=$RANDOM$RANDOM}"

# rounds SHORT LONG: the number that applies
rounds() {
	case $TORTURE in
	long) echo "$2" ;;
	*) echo "$1" ;;
	esac
}

# seeded: from here on RANDOM repeats with the same TORTURE_SEED; said in the
# output of a test that fails
seeded() {
	echo "TORTURE_SEED=$TORTURE_SEED"
	RANDOM=$((TORTURE_SEED % 32768))
}

# survived TIMES FAULT: for the table that scripts/torture prints
survived() {
	[ "$1" -gt 0 ] || { echo "survived nothing: $2" && return 1; }
	[ -z "${TORTURE_RECORD:-}" ] ||
		printf '%s\t%s\n' "$1" "$2" >>"$TORTURE_RECORD"
}
