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

# held OPTION...: what must hold of the home and the bucket; see invariants.py
held() {
	python3 -S "$ROOT/tests/torture/invariants.py" --home "$HOME_DIR" \
		--prefix s3-ingestor --s3-root "$S3_DIR" --bucket bucket "$@"
}

# preload_of LIBRARY: for LD_PRELOAD, where a sanitizer's own must come first
preload_of() {
	[[ $BUILD != *address* ]] || printf '%s ' "$(cc -print-file-name=libasan.so)"
	echo "$1"
}

# start_cycle: beside the fake S3, what the cycle of cycle.py needs: a
# mothership, and the customizers that it speaks of
start_cycle() {
	local work=$BATS_TEST_TMPDIR/customizers name
	start_mothership
	mkdir "$work"
	for name in c c2; do
		echo "module.exports = function (name) { return 'keyed/' + name; };" >"$work/$name.js"
	done
	s3cmd --config=/dev/null --access_key="$KEY" --secret_key="$SECRET" \
		--host="${S3_ENDPOINT#http://}" --no-ssl --region=us-east-1 \
		--host-bucket="${S3_ENDPOINT#http://}" --quiet put \
		"$work"/*.js s3://bucket/code/s3-ingestor/customizers/
}

# in_cycles PROGRAM OPTION...: one that breaks cycles; sets CYCLES to how many
in_cycles() {
	local said=$BATS_TEST_TMPDIR/cycles program=$1
	shift
	/usr/bin/python3 "$ROOT/tests/torture/$program" "$@" \
		--program "$S3_INGESTOR" --work "$BATS_TEST_TMPDIR/work" \
		--endpoint "$S3_ENDPOINT" --keys "$KEY:$SECRET" \
		--mother "$MOTHER" --mother-port "$MOTHER_PORT" \
		--s3-root "${S3_DIR:-}" --s3-log "${S3_LOG:-}" \
		--seed "$TORTURE_SEED" >"$said" || {
		cat "$said"
		return 1
	}
	CYCLES=$(tail -n 1 "$said" | cut -d' ' -f1)
}
