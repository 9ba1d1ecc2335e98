#!/usr/bin/env bats
# Keys by customizers: scripts in a child that reaches nothing, and executables.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
	mkdir "$HOME_DIR/customizers"
	policy '{}'
}

teardown() { stop_servers; }

policy() {
	config ".policies = [{input_file_pattern: \"data/**/*\",
		input_remove_prefix: \"data/\", customizer: \"key\"} + $1]"
}

# script [FILE]: customizers/FILE from standard input
script() { cat >"$HOME_DIR/customizers/${1:-key.js}"; }

# executable: customizers/key from standard input, and it may be run
executable() {
	script key
	chmod 755 "$HOME_DIR/customizers/key"
}

# files NAME...: small ones in data/, not modified just now
files() {
	local name
	for name in "$@"; do
		echo "of $name" >"$HOME_DIR/data/$name"
		touch -d '2001-01-01' "$HOME_DIR/data/$name"
	done
}

counters='[.added,.ignored,.unchanged,.failed]|join(" ")'

# the keys that the ledger knows, on one line
keys() { ledger "select key from file order by key" | paste -sd' '; }

# ---- scripts ----

@test "a script makes the key of the filename, behind output_key_prefix" {
	policy '{output_key_prefix: "in/"}'
	script <<-'JS'
		module.exports = function (filename, settings) {
			return 'k/' + filename.toUpperCase();
		};
	JS
	files a.txt
	[ "$(summary "$counters" --standalone)" = "1 0 0 0" ]
	s3_same in/k/A.TXT "$HOME_DIR/data/a.txt"
	[ "$(s3_count)" -eq 1 ]
}

@test "unchanged files are not asked, also not by --recheck; new ones are" {
	script <<-'JS'
		module.exports = function (f) { console.log('asked ' + f); return f; };
	JS
	files a b
	ingest_is 0 --standalone
	[ "$(grep -c 'key: asked' <<<"$output")" -eq 2 ]
	ingest_is 0 --standalone
	[ -z "$output" ]
	ingest_is 0 --standalone --recheck
	[ -z "$output" ]
	files c
	echo more >>"$HOME_DIR/data/b"
	ingest_is 0 --standalone
	[ "$(sort <<<"$output")" = $'s3-ingestor: key: asked b\ns3-ingestor: key: asked c' ]
}

@test "a falsy answer is ignored, and stays so without being asked" {
	script <<-'JS'
		var answers = {a: null, b: '', c: 0, d: undefined, e: false, f: NaN};
		module.exports = function (f) {
			console.log('asked');
			return f in answers ? answers[f] : f;
		};
	JS
	files a b c d e f g
	[ "$(summary "$counters" --standalone)" = "1 6 0 0" ]
	[ "$(keys)" = "      g" ]
	ingest_is 0 --standalone -v
	[[ $output != *asked* ]]
	[ "$(summary "$counters" --standalone)" = "0 6 1 0" ]
}

@test "a changed script makes all be asked again, and uploads only what moves" {
	script <<-'JS'
		module.exports = function (f) { return f == 'c' ? null : 'k/' + f; };
	JS
	files a b c
	[ "$(summary "$counters" --standalone)" = "2 1 0 0" ]
	script <<-'JS'
		module.exports = function (f) { return (f == 'b' ? 'new/' : 'k/') + f; };
	JS
	: >"$S3_LOG"
	[ "$(summary "$counters" --standalone)" = "2 0 1 0" ]
	s3_has new/b
	s3_has k/c
	[ "$(s3_requests '^PUT')" -eq 2 ]
}

@test "a changed neighbour of the script, and other settings, make all be asked" {
	script <<-'JS'
		module.exports = function (f, settings) {
			return require('./lib/prefix') + settings.hostname_override + f;
		};
	JS
	mkdir "$HOME_DIR/customizers/lib"
	script lib/prefix.js <<<"module.exports = 'one/';"
	policy '{}'
	jq '.hostname_override = "h1/"' "$HOME_DIR/s3-ingestor.json" >"$HOME_DIR/x"
	mv "$HOME_DIR/x" "$HOME_DIR/s3-ingestor.json"
	files a
	ingest_is 0 --standalone
	s3_has one/h1/a
	script lib/prefix.js <<<"module.exports = 'two/';"
	ingest_is 0 --standalone
	s3_has two/h1/a
	jq '.hostname_override = "h2/"' "$HOME_DIR/s3-ingestor.json" >"$HOME_DIR/x"
	mv "$HOME_DIR/x" "$HOME_DIR/s3-ingestor.json"
	ingest_is 0 --standalone
	s3_has two/h2/a
}

@test "settings: all of them, the policy's on top, no secrets, frozen deeply" {
	config '.api_token = "SECRET1" | .proxy = "http://me:SECRET2@127.0.0.1:9"
		| .policies = [{input_file_pattern: "data/*", customizer: "key",
			s3_bucket: "own", metadata: {x: "y"}}]'
	script <<-'JS'
		'use strict';
		module.exports = function (f, settings) {
			var log = [settings.s3_bucket, settings.customizer,
				settings.heartbeat_period, settings.metadata.x];
			[function () { settings.s3_bucket = 'z'; },
			 function () { settings.added = 1; },
			 function () { settings.metadata.x = 'z'; },
			 function () { settings.policies.push(1); },
			 function () { delete settings.metadata; }
			].forEach(function (change) {
				try { change(); log.push('CHANGED'); }
				catch (e) { log.push(e.name); }
			});
			console.log(log.join());
			console.log(JSON.stringify(settings));
		};
	JS
	files a
	ingest_is 0 --dry-run --standalone
	[[ $output == *"own,key,3600,y,TypeError,TypeError,TypeError,TypeError,TypeError"* ]]
	[[ $output != *SECRET* ]]
	[[ $output != *"${SECRET:?}"* ]]
}

@test "a throw fails that file with message, file and line; the rest goes on" {
	script <<-'JS'
		var check = require('./check');
		module.exports = function (f) {
			if (f == 'c')
				throw 'a text';
			return check(f);
		};
	JS
	script check.js <<-'JS'
		module.exports = function (f) {
			if (f == 'b')
				throw new Error('no b');
			return f;
		};
	JS
	files a b c d
	ingest_is 75 --standalone
	[[ $output == *"data/b: customizer key: Error: no b (check.js:3)"* ]]
	[[ $output == *"data/c: customizer key: a text (key.js:4)"* ]]
	[ "$(keys)" = "a d" ]
	[ "$(summary "$counters" --standalone)" = "0 0 2 2" ]
}

@test "a failed file is asked again by the next run, and goes when it is well" {
	script <<<"module.exports = function (f) { throw new Error('bad'); };"
	files a
	ingest_is 75 --standalone
	[ "$(ledger "select reason from pending")" = "customizer key: Error: bad (key.js:1)" ]
	script <<<"module.exports = function (f) { return f; };"
	[ "$(summary "$counters" --standalone)" = "1 0 0 0" ]
	[ -z "$(ledger "select reason from pending")" ]
}

@test "what Duktape does not know is a syntax error with file and line" {
	script <<-'JS'
		var a = 1;
		async function f() { }
		module.exports = f;
	JS
	files a b
	ingest_is 75 --standalone
	[ "$(grep -c 'SyntaxError: .*(key.js:2)' <<<"$output")" -eq 2 ]
}

@test "require: neighbours, up and down, once, JSON too; nothing outside" {
	mkdir -p "$HOME_DIR/customizers/lib/deep"
	script <<-'JS'
		var paths = ['./lib/one', './lib/../lib/one.js', './lib/data.json',
			'./lib', '../key', '../../etc/passwd', '/etc/passwd', 'fs', './none',
			'./lib/link', './constructor'];
		module.exports = function (f) {
			return paths.map(function (path) {
				try { return JSON.stringify(require(path)); }
				catch (e) { return 'no'; }
			}).join(' ');
		};
	JS
	script lib/one.js <<<"console.log('loaded'); module.exports = require('./deep/two') + 1;"
	script lib/deep/two.js <<<"module.exports = require('../data').n;"
	script lib/data.json <<<'{"n": 41}'
	script lib/index.js <<<"exports.i = __filename;"
	ln -s /etc/passwd "$HOME_DIR/customizers/lib/link.js"
	files a
	ingest_is 0 --standalone
	[ "$(grep -c loaded <<<"$output")" -eq 1 ]
	[ "$(keys)" = '42 42 {"n":41} {"i":"lib/index.js"} no no no no no no no' ]
}

@test "two that require each other see what is there so far" {
	script <<<"exports.early = 1; module.exports = require('./b'); exports.late = 1;"
	script b.js <<<"var a = require('./key'); module.exports = function (f) { return f + Object.keys(a); };"
	files x
	ingest_is 0 --standalone
	[ "$(keys)" = xearly,late ]
}

@test "dates are in the local zone, text is UTF-16 as everywhere" {
	script <<-'JS'
		module.exports = function (f) {
			return [f.length, f, new Date(2024, 0, 1, 12).getHours(),
				new Date(0).toISOString().slice(0, 10)].join('|');
		};
	JS
	files 'ü😀'
	ingest_is 0 --standalone
	[ "$(keys)" = '3|ü😀|12|1970-01-01' ]
}

@test "a name that is not UTF-8 comes with %XX" {
	script <<<"module.exports = function (f) { return 'k-' + f; };"
	files $'bad\xff'
	ingest_is 0 --standalone
	[ "$(keys)" = k-bad%FF ]
}

@test "an answer that is no key fails its file: object, too long, lone surrogate, NUL" {
	script <<-'JS'
		var answers = {a: {}, b: Array(20000).join('x'), c: '\ud800', d: 'x\u0000y',
			e: Array(1100).join('x'), f: true, g: 7};
		module.exports = function (f) { return answers[f]; };
	JS
	files a b c d e f g
	[ "$(summary "$counters" --standalone)" = "1 0 0 6" ]
	[ "$(keys)" = 7 ]
}

@test "two files with one key: the second is failed, not overwritten" {
	script <<<"module.exports = function (f) { return 'same'; };"
	files a b
	ingest_is 75 --standalone
	[[ $output == *"data/b: key already used by data/a"* ]]
	s3_same same "$HOME_DIR/data/a"
}

# ---- what goes wrong in the child ----

@test "a file that hangs fails alone, its neighbours get their keys" {
	script <<-'JS'
		module.exports = function (f) { while (f == 'b') ; return f; };
	JS
	files a b c d
	ingest_is 75 --standalone
	[[ $output == *"data/b: customizer key: no answer within 1 s"* ]]
	[ "$(keys)" = "a c d" ]
}

@test "64 MiB are the limit: the file fails, the child goes on" {
	script <<-'JS'
		module.exports = function (f) {
			var all = [];
			while (f == 'b')
				all.push(new Uint8Array(33 << 20));
			return f;
		};
	JS
	files a b c
	ingest_is 75 --standalone
	[[ $output == *"data/b: customizer key: Error: alloc failed (key.js:4)"* ]]
	[ "$(keys)" = "a c" ]
}

@test "20 children that end without an answer end the policy, the next one runs" {
	config '.policies = [
		{input_file_pattern: "data/*", customizer: "key"},
		{input_file_pattern: "data/*", output_key_prefix: "plain/"}]'
	executable <<<$'#!/bin/sh\nread -r line\nexit 3'
	files {a..z}
	ingest --standalone --json
	[ "$status" -eq 75 ]
	[ "$(tail -n 1 <<<"$output" | jq -c "$counters")" = '"26 0 0 20"' ]
	[[ $output == *"policies[0]: given up: customizer key: ended with exit status 3"* ]]
	s3_has plain/data/z
}

@test "a customizer that is not there: its files fail with its name" {
	files a
	ingest_is 75 --standalone
	[[ $output == *"data/a: customizer key: there is neither key.js nor an executable key"* ]]
	rmdir "$HOME_DIR/customizers"
	ingest_is 75 --standalone -v
	[[ $output == *"data/a: customizer key: there is neither"* ]]
}

@test "a name that leaves customizers/ is a wrong configuration" {
	for name in ../key /bin/true a/../../b .hidden a//b; do
		policy "{customizer: \"$name\"}"
		ingest_is 78 --standalone
		[[ $output == *"policies[0].customizer"* ]]
	done
}

@test "--dry-run asks too, and writes nothing" {
	script <<<"module.exports = function (f) { return f == 'b' ? null : 'k/' + f; };"
	files a b c
	ingest_is 0 --standalone --dry-run
	[[ $output == *"data/a -> s3://bucket/k/a"* ]]
	[[ $output == *"data/c -> s3://bucket/k/c"* ]]
	[[ $output != *data/b* ]]
	[ "$(s3_requests)" -eq 0 ]
	[ ! -e "$HOME_DIR/s3-ingestor-ledger.db" ]
}

@test "SIGTERM in the middle: exit 75, no child stays" {
	executable <<-'SH'
		#!/bin/sh
		echo $$ >../child
		sleep 60 &
		echo $! >../grandchild
		wait
	SH
	files a
	env -i PATH="$PATH" "$S3_INGESTOR" -C "$HOME_DIR" --standalone 3>&- &
	pid=$!
	wait_for "$HOME_DIR/grandchild"
	kill "$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" -eq 75 ]
	! kill -0 "$(cat "$HOME_DIR/child")" 2>/dev/null
}

# ---- hostile ----

@test "a hostile script gains nothing and harms only its own files" {
	secret=$BATS_TEST_TMPDIR/secret
	echo TOPSECRET >"$secret"
	script <<-JS
		var path = '$secret';
		var global = new Function('return this')();
		var wanted = ['Duktape', 'process', 'fs', 'os', 'std', 'print', 'alert',
			'load', 'read', 'readFile', 'open', 'socket', 'fork', 'system', 'exec',
			'XMLHttpRequest', 'fetch', 'WebSocket', 'Worker', 'importScripts', 'java'];
		var deeds = {
			look: function () {
				return 'found:' + wanted.filter(function (name) {
					return typeof global[name] !== 'undefined';
				});
			},
			read: function () {
				return wanted.concat(Object.getOwnPropertyNames(global))
					.map(function (name) {
						try { return String(global[name](path)); }
						catch (e) { return ''; }
					}).filter(function (said) { return /TOPSECRET/.test(said); })
					.join() || 'nothing';
			},
			require: function () { return require(path); },
			up: function () { return require('./../../secret'); },
			loop: function () { for (;;) ; },
			regexp: function () { return /^(a+)+\$/.test(Array(40).join('a') + 'b'); },
			memory: function () { for (var all = [];;) all.push(new Uint8Array(1 << 22)); },
			text: function () { for (var all = 'x';;) all += all; },
			answer: function () { return Array(1 << 30).join('x'); },
			deep: function () { return deeds.deep() + 1; },
			log: function () { for (;;) console.log(Array(1000).join('log ')); },
			forge: function () { console.log('"forged"\n"forged"\n{"error":"x"}'); },
			message: function () { throw { toString: function () { for (;;) ; } }; },
			getter: function () {
				var e = new Error('x');
				Object.defineProperty(e, 'message', { get: function () { throw e; } });
				throw e;
			},
			zz: function () {
				Object.prototype.toString = String.prototype.toString = JSON.stringify =
					Function.prototype.call = Array.prototype.map = function () { throw 1; };
				return 'good';
			}
		};
		module.exports = function (f) {
			return deeds.hasOwnProperty(f) ? deeds[f]() : 'k/' + f;
		};
	JS
	files look read require up loop regexp memory text answer deep log forge \
		message getter zz a m z
	ingest_is 75 --standalone
	[[ $output != *TOPSECRET* ]]
	[ "$(ledger "select name from file where state = 'uploaded' or key <> ''" | paste -sd' ')" = \
		"data/a data/look data/m data/read data/z data/zz" ]
	s3_has k/a && s3_has k/m && s3_has k/z
	[ "$(ledger "select key from files where name = 'data/look'")" = found: ]
	[ "$(ledger "select key from files where name = 'data/read'")" = nothing ]
	[ "$(grep -c 'log log' <<<"$output")" -le 1000 ]
}

@test "nothing that a script can call reads a file" {
	secret=$BATS_TEST_TMPDIR/secret
	echo TOPSECRET >"$secret"
	script <<-JS
		var path = '$secret';
		var all = [new Function('return this')(), require], found = [];
		function look(value) {
			if (value !== null && /^(object|function)\$/.test(typeof value) &&
			    all.indexOf(value) < 0)
				all.push(value);
		}
		function call(value) {
			[function () { return value(path); },
			 function () { return new value(path); },
			 function () { return value.call(null, path, 'r'); }].forEach(function (way) {
				try { found.push(String(way())); } catch (e) { }
			});
		}
		module.exports = function () {
			for (var i = 0; i < all.length; i++) {
				Object.getOwnPropertyNames(all[i]).forEach(function (name) {
					try { look(all[i][name]); } catch (e) { }
				});
				try { look(Object.getPrototypeOf(all[i])); } catch (e) { }
			}
			// not what changes the world under our feet, or speaks
			all.forEach(function (value) {
				if (typeof value == 'function' &&
				    !/freeze|seal|prevent|define|setProto|log|info|warn|error|debug/i.test(value.name))
					call(value);
			});
			var bad = found.filter(function (text) { return /TOPSECRET/.test(text); });
			return 'calls-' + (found.length > 100) + '-found-' + bad.length;
		};
	JS
	files a
	ingest_is 0 --standalone
	s3_has calls-true-found-0
}

@test "behind the fence nothing can be opened, connected or started" {
	run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=seccomp,prctl,read \
		env -i TZ=:/etc/localtime "$S3_INGESTOR" --customizer-worker <<-'LINES'
		{"modules":{"key.js":"module.exports=function(f){return f}"},"main":"key.js","settings":{}}
		"a"
	LINES
	[ "$status" -eq 0 ] || skip "no strace here"
	[ "$output" = $'true\n"a"' ]
	grep -q SECCOMP_MODE_FILTER "$BATS_TEST_TMPDIR/trace"
}

# ---- executables ----

@test "an executable is started once and reads a line a file" {
	executable <<-'SH'
		#!/bin/sh
		echo started >>../started
		while read -r line; do
			case $line in
			*'"filename":"b"'*) echo null ;;
			*) printf '"k/%s"\n' "$(printf '%s' "$line" | jq -r '.filename + .settings.customizer')" ;;
			esac
		done
	SH
	files a b c
	[ "$(summary "$counters" --standalone)" = "2 1 0 0" ]
	[ "$(keys)" = " k/akey k/ckey" ]
	[ "$(wc -l <"$HOME_DIR/started")" -eq 1 ]
	[ "$(summary "$counters" --standalone)" = "0 1 2 0" ]
	[ "$(wc -l <"$HOME_DIR/started")" -eq 1 ]
}

@test "an executable gets PATH and LANG, and no descriptors" {
	executable <<-'SH'
		#!/bin/sh
		env >../environment
		ls -l /proc/$$/fd | sed 's/.* //' >../descriptors
		while read -r line; do echo '"x"'; done
	SH
	files a
	run env -i PATH="$PATH" LANG=C.UTF-8 AWS_SECRET_ACCESS_KEY=hidden \
		"$S3_INGESTOR" -C "$HOME_DIR" --standalone
	[ "$status" -eq 0 ]
	[ "$(grep -vE '^(PWD|OLDPWD|SHLVL|_)=' "$HOME_DIR/environment" | sed 's/=.*//' | sort | paste -sd' ')" = "LANG PATH" ]
	! grep -qE 'lock|ledger|socket' "$HOME_DIR/descriptors"
}

@test "without the right to be executed it is not run" {
	script key <<<$'#!/bin/sh\nwhile read -r line; do echo "\\"x\\""; done'
	files a
	ingest_is 75 --standalone
	[[ $output == *"data/a: customizer key: start it: Permission denied"* ]]
	[ "$(s3_count)" -eq 0 ]
}

@test "an executable that exits in the middle: that file fails, the rest is asked again" {
	executable <<-'SH'
		#!/bin/sh
		while read -r line; do
			case $line in
			*'"filename":"b"'*) exit 7 ;;
			*'"filename":"d"'*) kill -9 $$ ;;
			*) printf '"k/%s"\n' "$(printf '%s' "$line" | jq -r .filename)" ;;
			esac
		done
	SH
	files a b c d e
	ingest_is 75 --standalone
	[[ $output == *"data/b: customizer key: ended with exit status 7"* ]]
	[[ $output == *"data/d: customizer key: ended by signal 9"* ]]
	[ "$(keys)" = "k/a k/c k/e" ]
}

@test "an executable whose answer never ends, or is no JSON: that file fails" {
	executable <<-'SH'
		#!/bin/sh
		while read -r line; do
			case $line in
			*'"filename":"b"'*) exec tr '\0' x </dev/zero ;;
			*'"filename":"d"'*) echo hello ;;
			*) printf '"k/%s"\n' "$(printf '%s' "$line" | jq -r .filename)" ;;
			esac
		done
	SH
	files a b c d e
	ingest_is 75 --standalone
	[[ $output == *"data/b: customizer key: answered more than 16 KiB"* ]]
	[[ $output == *"data/d: customizer key: said what is no answer: hello"* ]]
	[ "$(keys)" = "k/a k/c k/e" ]
}

@test "an executable that reads nothing and says nothing holds nobody up for ever" {
	executable <<<$'#!/bin/sh\nexec sleep 1000'
	files a
	ingest_is 75 --standalone
	[[ $output == *"data/a: customizer key: no answer within 10 s"* ]]
}

@test "the customizer of examples/ does the same as script and by node" {
	command -v node >/dev/null || skip "no node here"
	cp "$ROOT/examples/by-day.js" "$HOME_DIR/customizers/key.js"
	files log-2024-05-17.csv notes.txt
	ingest_is 0 --standalone
	by_script=$(keys)
	[[ $by_script == *2024/05/17/log-2024-05-17.csv* ]]
	rm "$HOME_DIR/customizers/key.js" "$HOME_DIR"/s3-ingestor-ledger.db*
	cp "$ROOT/examples/by-day" "$HOME_DIR/customizers/key"
	ingest_is 0 --standalone
	[ "$(keys)" = "$by_script" ]
}

# ---- many ----

@test "100,000 keys of a script" {
	script <<-'JS'
		module.exports = function (f) {
			return 'k/' + f.replace(/^(\d\d)/, '$1/').toLowerCase();
		};
	JS
	(cd "$HOME_DIR/data" && seq -f '%06.0f.CSV' 0 99999 | xargs touch)
	start=$(date +%s%N)
	ingest --standalone --dry-run --json
	[ "$status" -eq 0 ]
	took=$((($(date +%s%N) - start) / 1000000))
	policy '{}'
	config '.policies = [{input_file_pattern: "data/**/*"}]'
	[ "$(grep -c '"key":"k/' <<<"$output")" -eq 100000 ]
	start=$(date +%s%N)
	ingest --standalone --dry-run --json
	echo "# 100,000 keys: $took ms of which $((($(date +%s%N) - start) / 1000000)) ms without customizer" >&3
}
