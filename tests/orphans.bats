#!/usr/bin/env bats
# Uploads in parts that nobody will finish: ours are aborted, others' never.

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
	config '.s3_concurrency = 1'
}

teardown() { stop_servers; }

# uploads: the keys of those in progress, by another client
uploads() {
	/usr/bin/python3 - "$S3_ENDPOINT" "$KEY" "$SECRET" "$@" <<'PYTHON'
import sys
import botocore.session
endpoint, key, secret = sys.argv[1:4]
s3 = botocore.session.get_session().create_client(
    "s3", region_name="us-east-1", endpoint_url=endpoint,
    aws_access_key_id=key, aws_secret_access_key=secret)
if len(sys.argv) > 4:
    for name in sys.argv[4:]:
        print(s3.create_multipart_upload(Bucket="bucket", Key=name)["UploadId"])
else:
    for upload in s3.list_multipart_uploads(Bucket="bucket").get("Uploads", []):
        print(upload["Key"])
PYTHON
}

# cut_off: an upload of data/large that stands half way
cut_off() {
	head -c 40000000 /dev/urandom >"$HOME_DIR/data/large"
	s3_control 'fail query=partNumber skip=2 status=403 code=AccessDenied times=9'
	ingest_is 77 --standalone
	s3_control clear
	[ "$(uploads)" = data/large ]
}

@test "the file is gone: its upload is aborted" {
	cut_off
	rm "$HOME_DIR/data/large"
	echo one >"$HOME_DIR/data/a"
	ingest_is 0 --standalone
	[ -z "$(uploads)" ]
	[ "$(ledger 'select count(*) from upload')" -eq 0 ]
	[ "$(ledger 'select count(*) from part')" -eq 0 ]
}

@test "the file changed: aborted, and begun anew" {
	cut_off
	head -c 30000000 /dev/urandom >"$HOME_DIR/data/large"
	ingest_is 0 --standalone
	[ -z "$(uploads)" ]
	s3_same data/large "$HOME_DIR/data/large"
}

@test "the policy is gone: its upload is aborted" {
	cut_off
	config '.policies = [{input_file_pattern: "other/*"}]'
	mkdir "$HOME_DIR/other"
	ingest_is 0 --standalone
	[ -z "$(uploads)" ]
}

@test "a folder that is not there, an unmounted disk perhaps: it stays" {
	cut_off
	mv "$HOME_DIR/data" "$HOME_DIR/away"
	ingest_is 0 --standalone
	[ "$(uploads)" = data/large ]
	mv "$HOME_DIR/away" "$HOME_DIR/data"
	ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
}

@test "a policy that cannot run now keeps its upload" {
	cut_off
	config '.policies[0].handler = "qiot"'
	ingest_is 75 --standalone
	[ "$(uploads)" = data/large ]
}

@test "killed between Create and its answer: found by key and time, others' stay" {
	uploads data/large data/larger other >/dev/null
	# as the ledger stands when Create was sent: the intent, no id
	head -c 20000000 /dev/urandom >"$HOME_DIR/data/large"
	s3_control 'fail method=POST query=uploads status=403 code=AccessDenied times=9'
	ingest_is 77 --standalone
	s3_control clear
	[ "$(ledger 'select count(*) from upload where upload_id is null')" -eq 1 ]
	# the one of before is older than the intent by more than clocks differ
	for meta in "$S3_DIR"/bucket/uploads/*; do touch "$meta"; done
	ledger "update upload set started_ms = started_ms + 3600000"
	: >"$S3_LOG"
	ingest_is 0 --standalone
	[ "$(uploads | sort | tr '\n' ' ')" = "data/large data/larger other " ]
	s3_same data/large "$HOME_DIR/data/large"
	[ "$(s3_requests '^GET.*uploads')" -ge 1 ]
}

@test "killed between Create and its answer: the one that was created is aborted" {
	head -c 20000000 /dev/urandom >"$HOME_DIR/data/large"
	s3_control 'fail method=POST query=uploads status=403 code=AccessDenied times=9'
	ingest_is 77 --standalone
	s3_control clear
	uploads data/large data/larger >/dev/null
	ingest_is 0 --standalone
	[ "$(uploads)" = data/larger ]
	s3_same data/large "$HOME_DIR/data/large"
}

@test "uploads may not be listed: the run goes on" {
	head -c 20000000 /dev/urandom >"$HOME_DIR/data/large"
	s3_control 'fail method=POST query=uploads status=403 code=AccessDenied times=9'
	ingest_is 77 --standalone
	s3_control clear
	s3_control 'fail method=GET query=uploads status=403 code=AccessDenied times=9'
	ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
	: >"$S3_LOG"
	ingest_is 0 --standalone
	[ "$(s3_requests)" -eq 0 ]
}

@test "a Create whose reply was lost: the next run aborts what it made" {
	head -c 20000000 /dev/urandom >"$HOME_DIR/data/large"
	s3_control 'fail method=POST query=uploads lost times=1'
	ingest_is 0 --standalone
	s3_same data/large "$HOME_DIR/data/large"
	[ "$(uploads)" = data/large ]
	ingest_is 0 --standalone
	[ -z "$(uploads)" ]
	: >"$S3_LOG"
	ingest_is 0 --standalone
	[ "$(s3_requests)" -eq 0 ]
}
