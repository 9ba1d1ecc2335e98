#!/usr/bin/env bats
# The real thing: Ceph RADOS Gateway, read back by s3cmd and botocore.

setup_file() {
	command -v radosgw >/dev/null || return 0
	export RGW_DIR=$BATS_FILE_TMPDIR/rgw
	"$BATS_TEST_DIRNAME/servers/rgw-up.sh" "$RGW_DIR" >/dev/null 3>&-
}

teardown_file() {
	[ -z "${RGW_DIR:-}" ] ||
		"$BATS_TEST_DIRNAME/servers/rgw-down.sh" "$RGW_DIR" 3>&-
}

setup() {
	load lib/servers.bash
	command -v radosgw >/dev/null || skip "no radosgw here"
	# shellcheck source=/dev/null
	. "$RGW_DIR/env"
	KEY=$RGW_KEY
	SECRET=$RGW_SECRET
	S3_ENDPOINT=$RGW_ENDPOINT
	NAME=bucket$BATS_TEST_NUMBER
	s3 mb "s3://$NAME" >/dev/null
	make_home
	config ".s3_bucket = \"$NAME\""
}

teardown() { stop_servers; }

# s3cmd, which shares nothing with the program
s3() {
	s3cmd --config=/dev/null --access_key="$RGW_KEY" \
		--secret_key="$RGW_SECRET" --host="${RGW_ENDPOINT#http://}" \
		--host-bucket="${RGW_ENDPOINT#http://}" --no-ssl \
		--region=us-east-1 "$@"
}

# read_back FOLDER: every object is the file of its name, and no other is there
read_back() {
	RGW_KEY=$RGW_KEY RGW_SECRET=$RGW_SECRET /usr/bin/python3 - \
		"$RGW_ENDPOINT" "$NAME" "$1" <<'PYTHON'
import hashlib, os, sys
from concurrent.futures import ThreadPoolExecutor
import botocore.session
endpoint, bucket, home = sys.argv[1:]
s3 = botocore.session.get_session().create_client(
    "s3", region_name="us-east-1", endpoint_url=endpoint,
    aws_access_key_id=os.environ["RGW_KEY"],
    aws_secret_access_key=os.environ["RGW_SECRET"])
def digest_of(key):
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    digest = hashlib.sha256()
    for piece in iter(lambda: body.read(1 << 20), b""):
        digest.update(piece)
    return digest.hexdigest()
keys = [item["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for item in page.get("Contents", [])]
with ThreadPoolExecutor(8) as pool:
    objects = dict(zip(keys, pool.map(digest_of, keys)))
files = {}
for folder, _, names in os.walk(os.path.join(home, "data")):
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "rb") as data:
            files[os.path.relpath(path, home)] = \
                hashlib.file_digest(data, "sha256").hexdigest()
bad = [k for k in set(files) | set(objects) if files.get(k) != objects.get(k)]
print(len(files), "files", len(objects), "objects")
if bad:
    print("not the same:", bad[:10])
    sys.exit(1)
PYTHON
}

# 1,000 files, 512 MiB in all, with all that is awkward in a name
make_tree() {
	/usr/bin/python3 - "$HOME_DIR/data" <<'PYTHON'
import os, random, sys
seed = random.randrange(1 << 30)
print("seed", seed)
random.seed(seed)
root = sys.argv[1]
odd = ["with space", "plus+sign", "per%cent", "amp&ersand", "equal=s",
       "quote'single", 'quote"double', "ümlaut-nfc-é", "umlaut-nfd-e\u0301",
       "new\nline", "x" * 200, "tilde~", "hash#", "question?", "star*",
       "back\\slash", "semi;colon", "co:lon", "at@", "日本語", "emoji😀",
       "a%2Fb", "%41", "trailing ", " leading", "(par)", "[bra]", "{cur}"]
folders = [os.path.join(root, "f%02d" % n, odd[n % len(odd)]) for n in range(40)]
for folder in folders:
    os.makedirs(folder, exist_ok=True)
total = 0
MIB = 1 << 20
large = [16 * MIB + random.randrange(4 * MIB) for _ in range(10)]
middle_count = 90
rest = 512 * MIB - sum(large)
sizes = [random.randrange(64 << 10) for _ in range(900)]
middle = (rest - sum(sizes)) // middle_count
sizes += [middle] * middle_count + large
for number, size in enumerate(sizes):
    name = "%04d-%s" % (number, odd[number % len(odd)])
    with open(os.path.join(random.choice(folders), name), "wb") as out:
        out.write(random.randbytes(size))
    total += size
print(len(sizes), "files", total, "bytes")
PYTHON
}

@test "1,000 files with awkward names, 512 MiB, are read back identical; then no request" {
	make_tree
	[ "$(find "$HOME_DIR/data" -type f -printf x | wc -c)" -eq 1000 ]
	[ "$(summary '[.added,.failed]|join(" ")' --standalone)" = "1000 0" ]
	read_back "$HOME_DIR"
	# whoever is asked now would refuse: nobody is asked
	config ".s3_bucket = \"$NAME\" | .s3_endpoint = \"$RGW_ENDPOINT\""
	traced -e trace=connect -o "$BATS_TEST_TMPDIR/connects" \
		"$S3_INGESTOR" -C "$HOME_DIR" --standalone
	! grep -q 'AF_INET' "$BATS_TEST_TMPDIR/connects"
	[ "$(summary '.unchanged' --standalone)" = 1000 ]
}

@test "update and multipart by s3cmd's eyes" {
	head -c 20000000 /dev/urandom >"$HOME_DIR/data/large.bin"
	echo one >"$HOME_DIR/data/a.txt"
	ingest_is 0 --standalone
	echo two >>"$HOME_DIR/data/a.txt"
	[ "$(summary '[.updated,.unchanged]|join(" ")' --standalone)" = "1 1" ]
	s3 get --quiet "s3://$NAME/data/a.txt" "$BATS_TEST_TMPDIR/a"
	cmp "$BATS_TEST_TMPDIR/a" "$HOME_DIR/data/a.txt"
	s3 get --quiet "s3://$NAME/data/large.bin" "$BATS_TEST_TMPDIR/l"
	cmp "$BATS_TEST_TMPDIR/l" "$HOME_DIR/data/large.bin"
	run s3 multipart "s3://$NAME"
	[[ $output != *large.bin* ]]
}

@test "a lost ledger: RGW is asked, nothing is sent again" {
	for i in 1 2 3; do echo $i >"$HOME_DIR/data/$i"; done
	touch -d 2001-01-01 "$HOME_DIR"/data/*
	ingest_is 0 --standalone
	rm "$HOME_DIR"/s3-ingestor-ledger.db*
	[ "$(summary '[.added,.skipped]|join(" ")' --standalone)" = "0 3" ]
}

@test "RGW refuses a wrong secret: exit 77" {
	jq '.secret_access_key = "wrong"' "$HOME_DIR/s3-ingestor-keys.json" >"$HOME_DIR/k"
	mv "$HOME_DIR/k" "$HOME_DIR/s3-ingestor-keys.json"
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 77 --standalone
	[[ $output == *SignatureDoesNotMatch* ]]
}

@test "RGW has no such bucket: exit 75" {
	config '.s3_bucket = "nosuch"'
	echo 1 >"$HOME_DIR/data/a"
	ingest_is 75 --standalone
	[[ $output == *NoSuchBucket* ]]
}
