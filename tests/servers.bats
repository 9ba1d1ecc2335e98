#!/usr/bin/env bats
# The servers of the tests are right: the fake S3 by the eyes of s3cmd,
# botocore and curl, the example mothership by those of curl.

setup() {
	load lib/servers.bash
	start_fake_s3
}

teardown() { stop_servers; }

need() { command -v "$1" >/dev/null || skip "no $1 here"; }

# s3cmd, which knows nothing of this project
s3() {
	env -i PATH="$PATH" LC_ALL=C.UTF-8 s3cmd --config=/dev/null \
		--access_key="$KEY" --secret_key="$SECRET" \
		--host="${S3_ENDPOINT#http://}" \
		--host-bucket="${S3_ENDPOINT#http://}" --no-ssl \
		--region=us-east-1 "$@"
}

# signed OPTION... PATH: curl, which signs by itself; status in $code, the
# reply in $reply
signed() {
	local path=${*: -1}
	reply=$BATS_TEST_TMPDIR/reply
	: >"$reply"
	curl_status=0
	code=$(curl -s --noproxy '*' --max-time 20 -o "$reply" \
		-w '%{http_code}' --aws-sigv4 aws:amz:us-east-1:s3 \
		--user "$KEY:$SECRET" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
		"${@:1:$#-1}" "$S3_ENDPOINT$path") ||
		curl_status=$?
}

# says CODE: the last reply is an error document with it
says() { grep -qF "<Code>$1</Code>" "$reply"; }

# boto [ARGUMENT...] <PROGRAM: Python with s3, a client of botocore, and with
# what is below
boto() {
	/usr/bin/python3 -c 'import botocore' 2>/dev/null ||
		skip "no botocore here"
	cat >"$BATS_TEST_TMPDIR/program.py" <(cat <<'PYTHON'
import base64, hashlib, http.client, os, socket, sys
from urllib.parse import urlsplit
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import botocore.exceptions
import botocore.session

ENDPOINT, KEY, SECRET = (os.environ[n] for n in ("ENDPOINT", "KEY", "SECRET"))
MIB = 1 << 20


def client(**changed):
    options = dict(region_name="us-east-1", endpoint_url=ENDPOINT,
                   aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                   config=botocore.config.Config(retries={"max_attempts": 0}))
    options.update(changed)
    return botocore.session.get_session().create_client("s3", **options)


s3 = client()


def refused(call, **arguments):
    """The status and the code with which a call was refused."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        code = error.response.get("Error", {}).get("Code")
        return "%d %s" % (status, code)
    return "done"


def same(got, wanted):
    if got != wanted:
        sys.exit("got %r, not %r" % (got, wanted))


def sign(method, path, body=b"", headers={}):
    """What botocore would send, as method, path, headers."""
    request = botocore.awsrequest.AWSRequest(
        method, ENDPOINT + path, headers=dict(headers), data=body)
    keys = botocore.credentials.Credentials(KEY, SECRET)
    botocore.auth.S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
    out = dict(request.headers.items())
    out["Content-Length"] = str(len(body))
    return method, path, out


def send(method, path, headers, body=b""):
    """Send it as it is; the status, and the code in an error document."""
    connection = http.client.HTTPConnection(urlsplit(ENDPOINT).netloc,
                                            timeout=20)
    connection.request(method, path, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    if "<Code>" in text:
        return "%d %s" % (reply.status,
                          text.split("<Code>")[1].split("</Code>")[0])
    return "%d" % reply.status


def crc64nvme(data):
    """Bit by bit, as the catalogue of CRCs has it."""
    crc = (1 << 64) - 1
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x9a6c9329ac4bc9b5 if crc & 1 else 0)
    return base64.b64encode((crc ^ (1 << 64) - 1).to_bytes(8, "big")).decode()


def sum_of(name, data):
    return base64.b64encode(hashlib.new(name, data).digest()).decode()


PYTHON
	) -
	env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$BATS_TEST_TMPDIR" \
		AWS_CONFIG_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true \
		ENDPOINT="$S3_ENDPOINT" KEY="$KEY" SECRET="$SECRET" \
		/usr/bin/python3 "$BATS_TEST_TMPDIR/program.py" "$@"
}

# stored: how many files objects and uploads have, meta and bodies alike, and
# bodies on their way
stored() { find "$S3_DIR" -type f | wc -l; }

# ---- what works ----

@test "s3cmd: odd names go there and back, are listed and deleted" {
	need s3cmd
	local names=(plain 'with space' 'plus+sign' 'per%cent' '%41' 'a&b=c'
		"quo'te" 'quo"te' 'ü日本語😀' 'hash#ask?' 'semi;colon:at@' '~tilde'
		'(par)[bra]' 'star*' "$(printf 'x%.0s' {1..200})")
	local name
	for name in "${names[@]}"; do
		printf 'I am %s' "$name" >"$BATS_TEST_TMPDIR/f"
		s3 put --quiet "$BATS_TEST_TMPDIR/f" "s3://bucket/odd/$name"
		s3_same "odd/$name" "$BATS_TEST_TMPDIR/f"
		s3 get --quiet --force "s3://bucket/odd/$name" "$BATS_TEST_TMPDIR/g"
		cmp "$BATS_TEST_TMPDIR/f" "$BATS_TEST_TMPDIR/g"
	done
	diff <(printf 's3://bucket/odd/%s\n' "${names[@]}" | LC_ALL=C sort) \
		<(s3 ls s3://bucket/odd/ | sed 's/^[^:]*:[^:]*s3:/s3:/' | LC_ALL=C sort)
	for name in "${names[@]}"; do
		s3 del --quiet "s3://bucket/odd/$name"
		! s3_has "odd/$name"
	done
	[ -z "$(s3 ls s3://bucket/odd/)" ]
	[ "$(stored)" -eq 0 ]
}

@test "s3cmd: ls shows folders as folders, ls -r what is in them" {
	need s3cmd
	local key
	for key in a/1 a/2 b/1 top; do
		echo "$key" | s3 put --quiet - "s3://bucket/$key"
	done
	[ "$(s3 ls s3://bucket/ | awk '{ print $1, $NF }' | sed 's/^2[^ ]*/date/' | tr '\n' ' ')" = \
		"DIR s3://bucket/a/ DIR s3://bucket/b/ date s3://bucket/top " ]
	[ "$(s3 ls -r s3://bucket/a | wc -l)" -eq 2 ]
}

@test "s3cmd: a file in parts comes back the same, none is left open" {
	need s3cmd
	head -c 12000000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
	s3 put --quiet --multipart-chunk-size-mb=5 "$BATS_TEST_TMPDIR/f" 's3://bucket/in parts+'
	[ "$(s3_requests 'partNumber=')" -eq 3 ]
	s3_same 'in parts+' "$BATS_TEST_TMPDIR/f"
	s3 get --quiet 's3://bucket/in parts+' "$BATS_TEST_TMPDIR/g"
	cmp "$BATS_TEST_TMPDIR/f" "$BATS_TEST_TMPDIR/g"
	[ "$(s3 multipart s3://bucket | grep -c 'in parts')" -eq 0 ]
	[ "$(stored)" -eq 2 ]
}

@test "botocore: bytes, metadata, ETag and sums are kept and told" {
	boto <<'PYTHON'
body = bytes(range(256)) * 10
key = "sums/\u00fc \n+%41&=\u0001"
with_crc64 = {}


def add_sum(request, **_):
    if extra is with_crc64:
        request.headers["x-amz-checksum-crc64nvme"] = crc64nvme(body)


same(crc64nvme(b"123456789"), "rosUhgp5mIg=")
s3.meta.events.register("before-sign.s3.PutObject", add_sum)
for extra in ({}, {"ChecksumAlgorithm": "SHA256"},
              {"ContentMD5": sum_of("md5", body)}, with_crc64):
    put = s3.put_object(
        Bucket="bucket", Key=key, Body=body, ContentType="text/x-test",
        StorageClass="STANDARD_IA",
        Metadata={"two": "two  spaces  inside", "site": "north"}, **extra)
    same(put["ETag"], '"%s"' % hashlib.md5(body).hexdigest())
    got = s3.get_object(Bucket="bucket", Key=key)
    same(got["Body"].read(), body)
    same(got["ContentType"], "text/x-test")
    same(got["StorageClass"], "STANDARD_IA")
    same(got["Metadata"]["site"], "north")
    same(" ".join(got["Metadata"]["two"].split()), "two spaces inside")
    same(got["ETag"], put["ETag"])
    head = s3.head_object(Bucket="bucket", Key=key, ChecksumMode="ENABLED")
    same(head["ContentLength"], len(body))
    got = head["ResponseMetadata"]["HTTPHeaders"]
    same(got.get("x-amz-checksum-crc64nvme"),
         crc64nvme(body) if extra is with_crc64 else None)
    same(len(s3.list_objects_v2(Bucket="bucket")["Contents"]), 1)
same(s3.get_object(Bucket="bucket", Key=key, Range="bytes=3-5")["Body"].read(),
     b"\3\4\5")
extra = {}
s3.put_object(Bucket="bucket", Key="empty", Body=b"")
same(s3.get_object(Bucket="bucket", Key="empty")["Body"].read(), b"")
PYTHON
}

@test "botocore: an upload in parts: listed, completed, its ETag, aborted" {
	boto <<'PYTHON'
place = dict(Bucket="bucket", Key="large & <odd>.bin")
bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"the rest"]
upload = s3.create_multipart_upload(Metadata={"site": "north"}, **place)
place["UploadId"] = upload["UploadId"]
parts = []
for number, body in enumerate(bodies, 1):
    put = s3.upload_part(PartNumber=number, Body=body, **place)
    same(put["ETag"], '"%s"' % hashlib.md5(body).hexdigest())
    parts.append({"PartNumber": number, "ETag": put["ETag"]})
found = s3.list_multipart_uploads(Bucket="bucket")["Uploads"]
same([(u["Key"], u["UploadId"]) for u in found],
     [(place["Key"], place["UploadId"])])
pages = s3.get_paginator("list_parts").paginate(
    PaginationConfig={"PageSize": 2}, **place)
found = [[(p["PartNumber"], p["ETag"], p["Size"]) for p in page["Parts"]]
         for page in pages]
wanted = [(p["PartNumber"], p["ETag"], len(b))
          for p, b in zip(parts, bodies)]
same(found, [wanted[:2], wanted[2:]])


def complete(these):
    return refused(s3.complete_multipart_upload,
                   MultipartUpload={"Parts": these}, **place)


wrong = [dict(parts[0], ETag=parts[1]["ETag"])] + parts[1:]
same(complete(wrong), "400 InvalidPart")
same(complete([parts[1], parts[0]]), "400 InvalidPartOrder")
same(complete([parts[2], {"PartNumber": 4, "ETag": '"0"'}])[:3], "400")
same(refused(s3.head_object, Bucket="bucket", Key=place["Key"]),
     "404 404")
done = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **place)
sums = b"".join(hashlib.md5(body).digest() for body in bodies)
same(done["ETag"], '"%s-3"' % hashlib.md5(sums).hexdigest())
got = s3.get_object(Bucket="bucket", Key=place["Key"])
same(got["Body"].read(), b"".join(bodies))
same(got["ETag"], done["ETag"])
same(got["Metadata"], {"site": "north"})
same(complete(parts), "404 NoSuchUpload")

upload = s3.create_multipart_upload(Bucket="bucket", Key="short")
place = dict(Bucket="bucket", Key="short", UploadId=upload["UploadId"])
parts = [{"PartNumber": n, "ETag": s3.upload_part(
    PartNumber=n, Body=b"small", **place)["ETag"]} for n in (1, 2)]
same(complete(parts), "400 EntityTooSmall")
same(refused(s3.upload_part, PartNumber=10001, Body=b"", **place),
     "400 InvalidArgument")
s3.abort_multipart_upload(**place)
same(refused(s3.list_parts, **place), "404 NoSuchUpload")
same(s3.list_multipart_uploads(Bucket="bucket").get("Uploads"), None)
PYTHON
	[ "$(stored)" -eq 2 ]
}

@test "botocore: a wrong CRC64NVME of the whole is refused, what was there stays" {
	boto <<'PYTHON'
s3.put_object(Bucket="bucket", Key="k", Body=b"old")
upload = s3.create_multipart_upload(Bucket="bucket", Key="k")
place = dict(Bucket="bucket", Key="k", UploadId=upload["UploadId"])
put = s3.upload_part(PartNumber=1, Body=b"new", **place)
told = [crc64nvme(b"other"), crc64nvme(b"new")]
s3.meta.events.register(
    "before-sign.s3.CompleteMultipartUpload",
    lambda request, **_: request.headers.add_header(
        "x-amz-checksum-crc64nvme", told[0]))
place["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": put["ETag"]}]}
same(refused(s3.complete_multipart_upload, **place), "400 BadDigest")
same(s3.get_object(Bucket="bucket", Key="k")["Body"].read(), b"old")
del told[0]
same(refused(s3.complete_multipart_upload, **place), "done")
same(s3.get_object(Bucket="bucket", Key="k")["Body"].read(), b"new")
PYTHON
	[ "$(stored)" -eq 2 ]
}

@test "botocore: listings come in pages, sorted by bytes, below a prefix" {
	boto <<'PYTHON'
odd = ["\u0001", "\t", "\n", "\r", " ", "!", "%", "%2F", "&", "+", "<x>", "~",
       "\u00fc", "\ud7ff", "\uffee", "\U0001f600"]
keys = sorted(("p/%s/%d" % (name, n) for name in odd for n in (1, 2)),
              key=lambda key: key.encode())
for key in keys + ["o", "q"]:
    s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
pager = s3.get_paginator("list_objects_v2")
old = s3.get_paginator("list_objects")
for size in (1, 3, 5, len(keys), 1000):
    found = [item["Key"] for page in old.paginate(
        Bucket="bucket", Prefix="p/", PaginationConfig={"PageSize": size})
             for item in page["Contents"]]
    same(found, keys)
    found = []
    for page in pager.paginate(Bucket="bucket", Prefix="p/",
                               PaginationConfig={"PageSize": size}):
        same(page["KeyCount"], len(page["Contents"]))
        if len(page["Contents"]) > size:
            sys.exit("a page is longer than was asked for")
        found += page["Contents"]
    same([item["Key"] for item in found], keys)
    same([item["ETag"] for item in found],
         ['"%s"' % hashlib.md5(key.encode()).hexdigest() for key in keys])
    same([item["Size"] for item in found], [len(k.encode()) for k in keys])
found = s3.list_objects_v2(Bucket="bucket", StartAfter=keys[4])["Contents"]
same([item["Key"] for item in found], keys[5:] + ["q"])
wanted = sorted(("p/%s/" % name for name in odd),
                key=lambda key: key.encode())
for pages in (pager, old):
    folders = []
    for page in pages.paginate(Bucket="bucket", Prefix="p/", Delimiter="/",
                               PaginationConfig={"PageSize": 3}):
        same(page.get("Contents"), None)
        folders += [item["Prefix"] for item in page["CommonPrefixes"]]
    same(folders, wanted)
same(s3.list_objects_v2(Bucket="bucket", Prefix="none")["KeyCount"], 0)
PYTHON
}

@test "botocore: 1,001 objects are two pages, whatever is asked for" {
	boto <<'PYTHON'
for n in range(1001):
    s3.put_object(Bucket="bucket", Key="%d" % n, Body=b"")
first = s3.list_objects_v2(Bucket="bucket", MaxKeys=5000)
same((first["KeyCount"], first["IsTruncated"]), (1000, True))
second = s3.list_objects_v2(
    Bucket="bucket", ContinuationToken=first["NextContinuationToken"])
same((second["KeyCount"], second["IsTruncated"]), (1, False))
PYTHON
}

# ---- what is refused ----

@test "who signs with another secret, key, region or session is refused" {
	echo 1 >"$BATS_TEST_TMPDIR/f"
	boto <<'PYTHON'
def put(**changed):
    return refused(client(**changed).put_object, Bucket="bucket", Key="k",
                   Body=b"x")


same(put(aws_secret_access_key=SECRET + "x"), "403 SignatureDoesNotMatch")
same(put(aws_access_key_id="SOMEBODY"), "403 InvalidAccessKeyId")
same(put(aws_session_token="unknown"), "400 InvalidToken")
same(send("PUT", "/bucket/k", {}, b"x"), "403 AccessDenied")
PYTHON
	SECRET=wrong signed -T "$BATS_TEST_TMPDIR/f" /bucket/k
	[ "$code" = 403 ]
	says SignatureDoesNotMatch
	signed --aws-sigv4 aws:amz:eu-west-1:s3 -T "$BATS_TEST_TMPDIR/f" /bucket/k
	[ "$code" = 400 ]
	says AuthorizationHeaderMalformed
	[ "$(stored)" -eq 0 ]
	signed -T "$BATS_TEST_TMPDIR/f" /bucket/k
	[ "$code" = 200 ]
	s3_same k "$BATS_TEST_TMPDIR/f"
}

@test "whatever is changed after signing is refused, and nothing stored" {
	boto <<'PYTHON'
body = b"the body that was signed"
extra = {"x-amz-meta-site": "north", "Content-MD5": sum_of("md5", body)}


def changed(how):
    method, path, headers = sign("PUT", "/bucket/k", body, extra)
    call = {"method": method, "path": path, "headers": headers, "body": body}
    how(call)
    return send(**call)


def header(name, value):
    def change(call):
        for other in list(call["headers"]):
            if other.lower() == name:
                del call["headers"][other]
        call["headers"][name] = value
    return change


def twice(call):
    call["headers"]["X-Amz-Meta-Site"] = "south"


mismatch = "403 SignatureDoesNotMatch"
same(changed(lambda call: call.update(body=b"The body that was signed")),
     "400 XAmzContentSHA256Mismatch")
same(changed(lambda call: call.update(path="/bucket/l")), mismatch)
same(changed(lambda call: call.update(path="/bucket/k?x-id=1")), mismatch)
same(changed(lambda call: call.update(method="DELETE")), mismatch)
same(changed(header("x-amz-meta-site", "south")), mismatch)
same(changed(header("x-amz-meta-more", "1")), mismatch)
same(changed(twice), mismatch)
same(changed(header("content-md5", sum_of("md5", b""))), mismatch)
same(changed(header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")), mismatch)


def other_signature(call):
    text = call["headers"]["Authorization"]
    call["headers"]["Authorization"] = \
        text[:-1] + ("0" if text[-1] != "0" else "1")


def unsigned_host(call):
    call["headers"]["Authorization"] = \
        call["headers"]["Authorization"].replace(";host;", ";")


same(changed(other_signature), mismatch)
same(changed(unsigned_host), mismatch)
PYTHON
	[ "$(stored)" -eq 0 ]
	boto <<'PYTHON'
body = b"the body that was signed"
same(send(*sign("PUT", "/bucket/k", body), body), "200")
PYTHON
	[ "$(stored)" -eq 2 ]
}

@test "curl with the header of another request and another body is refused" {
	boto >"$BATS_TEST_TMPDIR/headers" <<'PYTHON'
for name, value in sign("PUT", "/bucket/k", b"mine")[2].items():
    print("%s: %s" % (name, value))
PYTHON
	reply=$BATS_TEST_TMPDIR/reply
	replay() {
		curl -s --noproxy '*' -X PUT -H @"$BATS_TEST_TMPDIR/headers" \
			-H 'Content-Type:' --data-binary "$1" -o "$reply" \
			"$S3_ENDPOINT/bucket/k"
	}
	replay evil
	says XAmzContentSHA256Mismatch
	[ "$(stored)" -eq 0 ]
	replay mine
	[ "$(cat "$(s3_path k)")" = mine ]
}

@test "wrong sums, well signed, are refused, and nothing stored" {
	boto <<'PYTHON'
body = b"what is sent"
other = b"what was meant"


def put(path="/bucket/k", **headers):
    headers = {n.replace("_", "-"): v for n, v in headers.items()}
    return send(*sign("PUT", path, body, headers), body)


upload = s3.create_multipart_upload(Bucket="bucket", Key="k")
part = "/bucket/k?partNumber=1&uploadId=" + upload["UploadId"]
for path in ("/bucket/k", part):
    same(put(path, Content_MD5=sum_of("md5", other)), "400 BadDigest")
    same(put(path, x_amz_checksum_crc64nvme=crc64nvme(other)),
         "400 BadDigest")
    same(put(path, x_amz_checksum_sha256=sum_of("sha256", other)),
         "400 BadDigest")
    # what it cannot check it must not take
    same(put(path, x_amz_checksum_crc32="AAAAAA=="), "501 NotImplemented")
    same(put(path, x_amz_checksum_sha1=sum_of("sha1", other)),
         "501 NotImplemented")
    method, path, headers = sign("PUT", path, other)
    headers["Content-Length"] = str(len(body))
    same(send(method, path, headers, body), "400 XAmzContentSHA256Mismatch")
same(refused(s3.head_object, Bucket="bucket", Key="k"), "404 404")
place = dict(Bucket="bucket", Key="k", UploadId=upload["UploadId"])
same(s3.list_parts(**place).get("Parts"), None)
s3.abort_multipart_upload(**place)
PYTHON
	[ "$(stored)" -eq 0 ]
}

@test "a body that is cut short is not stored" {
	boto <<'PYTHON'
body = b"x" * 1000


def cut(path):
    """All but the last byte; then what comes until the end."""
    method, path, headers = sign("PUT", path, body)
    where = urlsplit(ENDPOINT)
    peer = socket.create_connection((where.hostname, where.port), 20)
    head = "%s %s HTTP/1.1\r\n" % (method, path)
    head += "".join("%s: %s\r\n" % pair for pair in headers.items())
    head += "Host: %s\r\n\r\n" % where.netloc
    peer.sendall(head.encode() + body[:-1])
    peer.shutdown(socket.SHUT_WR)
    reply = b"".join(iter(lambda: peer.recv(4096), b""))
    peer.close()
    return reply.split(b"\r\n")[0].decode()


upload = s3.create_multipart_upload(Bucket="bucket", Key="k")
part = "/bucket/k?partNumber=1&uploadId=" + upload["UploadId"]
for path in ("/bucket/k", part):
    if " 200 " in cut(path):
        sys.exit("a short body was taken")
place = dict(Bucket="bucket", Key="k", UploadId=upload["UploadId"])
same(refused(s3.head_object, Bucket="bucket", Key="k"), "404 404")
same(s3.list_parts(**place).get("Parts"), None)
s3.abort_multipart_upload(**place)
PYTHON
	[ "$(stored)" -eq 0 ]
}

@test "what this S3 does not do is refused and changes nothing" {
	boto <<'PYTHON'
s3.put_object(Bucket="bucket", Key="k", Body=b"old")
for call in (
        lambda: s3.put_object_tagging(Bucket="bucket", Key="k",
                                      Tagging={"TagSet": []}),
        lambda: s3.put_object_acl(Bucket="bucket", Key="k", ACL="private"),
        lambda: s3.get_object_acl(Bucket="bucket", Key="k"),
        lambda: s3.copy_object(Bucket="bucket", Key="k",
                               CopySource="bucket/k"),
        lambda: s3.get_bucket_versioning(Bucket="bucket"),
        lambda: s3.put_bucket_versioning(
            Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})):
    same(refused(call), "501 NotImplemented")
same(refused(s3.put_object, Bucket="bucket", Key="k" * 1025, Body=b""),
     "400 KeyTooLongError")
same(refused(s3.put_object, Bucket="bucket", Key="k" * 1024, Body=b""),
     "done")
same(refused(s3.put_object, Bucket="none", Key="k", Body=b""),
     "404 NoSuchBucket")
same(refused(s3.get_object, Bucket="bucket", Key="none"), "404 NoSuchKey")
same(s3.get_object(Bucket="bucket", Key="k")["Body"].read(), b"old")
PYTHON
	[ "$(stored)" -eq 4 ]
}

# ---- what breaks on command ----

@test "a clock that is off: RequestTimeTooSkewed beyond 15 minutes" {
	local offset
	for offset in 3600 -3600 +10800 960 -960; do
		s3_control "clock $offset"
		signed /bucket
		[ "$code" = 403 ]
		says RequestTimeTooSkewed
	done
	for offset in 840 -840; do
		s3_control "clock $offset"
		signed /bucket?list-type=2
		[ "$code" = 200 ]
	done
	s3_control 'clock 10800'
	signed -D "$BATS_TEST_TMPDIR/head" /bucket
	local date
	date=$(sed -n 's/^[Dd]ate: \(.*\)\r$/\1/p' "$BATS_TEST_TMPDIR/head")
	[ $(($(date -d "$date" +%s) - $(date +%s))) -gt 10000 ]
	s3_control clear
	signed /bucket?list-type=2
	[ "$code" = 200 ]
}

@test "fail: status, code, times, skip, method, key and query" {
	s3_control 'fail method=PUT key=data/ status=503 code=SlowDown times=2 skip=1'
	local seen=
	for _ in 1 2 3 4; do
		signed -X PUT -d x /bucket/data/a
		seen+="$code "
		[ "$code" != 503 ] || says SlowDown
	done
	[ "$seen" = "200 503 503 200 " ]
	s3_control 'fail method=PUT key=data/ status=500 code=InternalError'
	signed -X PUT -d x /bucket/other
	[ "$code" = 200 ]
	signed /bucket/data/a
	[ "$code" = 200 ]
	signed -X PUT -d new /bucket/data/b
	[ "$code" = 500 ]
	! s3_has data/b
	s3_control 'fail query=uploads status=403 code=AccessDenied times=9'
	signed -X POST -d '' /bucket/data/a?uploads=
	[ "$code" = 403 ]
	says AccessDenied
	signed /bucket/data/a
	[ "$code" = 200 ]
	s3_control clear
	signed -X POST -d '' /bucket/data/a?uploads=
	[ "$code" = 200 ]
}

@test "fail: who is not known is refused before anything breaks" {
	s3_control 'fail status=503 code=SlowDown times=9'
	SECRET=wrong signed /bucket
	[ "$code" = 403 ]
	says SignatureDoesNotMatch
	signed /bucket
	[ "$code" = 503 ]
}

@test "region=: the reply tells where the bucket is" {
	s3_control 'fail status=301 code=PermanentRedirect region=eu-north-1'
	signed -D "$BATS_TEST_TMPDIR/head" /bucket
	[ "$code" = 301 ]
	says PermanentRedirect
	grep -qF '<Region>eu-north-1</Region>' "$reply"
	grep -qi '^x-amz-bucket-region: eu-north-1' "$BATS_TEST_TMPDIR/head"
}

@test "hold=: a server that ends cuts what it has not answered, and does nothing more" {
	s3_control 'fail method=PUT hold=600000'
	signed -T /etc/hostname /bucket/late 3>&- &
	asks=$!
	sleep 1 # nothing outside shows that it waits
	server=$(cat "$BATS_TEST_TMPDIR/pids")
	kill "$server"
	timeout 60 tail --pid="$server" -f /dev/null
	wait "$asks" || true
	! s3_has late
}

@test "delay=: the answer is late, and is the right one" {
	s3_control 'fail delay=700'
	signed -w '%{http_code} %{time_total}' -X PUT -d x /bucket/k
	[ "${code% *}" = 200 ]
	awk -v spent="${code#* }" 'BEGIN { exit spent < 0.7 }'
	s3_has k
	s3_control 'fail delay=700 status=503 code=SlowDown'
	signed -w '%{http_code} %{time_total}' /bucket/k
	[ "${code% *}" = 503 ]
	awk -v spent="${code#* }" 'BEGIN { exit spent < 0.7 }'
}

@test "reset=N: the connection ends after N bytes, nothing is stored" {
	head -c 5000000 /dev/urandom >"$BATS_TEST_TMPDIR/f"
	local bytes
	for bytes in 0 1 100000 4999999 5000000; do
		: >"$S3_LOG"
		s3_control "fail method=PUT reset=$bytes"
		signed -T "$BATS_TEST_TMPDIR/f" -H Expect: /bucket/k
		[ "$curl_status" -ne 0 ]
		[ "$code" = 000 ]
		[ "$(s3_requests '^PUT 0 ')" -eq 1 ]
		awk -v least="$bytes" '{ exit $3 < least }' "$S3_LOG"
		! s3_has k
	done
	signed -T "$BATS_TEST_TMPDIR/f" /bucket/k
	[ "$code" = 200 ]
	s3_same k "$BATS_TEST_TMPDIR/f"
	[ "$(stored)" -eq 2 ]
}

@test "lost: it is done, but nobody hears of it" {
	s3_control 'fail method=PUT lost'
	signed -X PUT -d x /bucket/k
	[ "$curl_status" -eq 52 ]
	s3_has k
	signed /bucket/k
	[ "$code" = 200 ]
}

@test "ok-with-error: 200, an error inside, and nothing done" {
	s3_control 'fail ok-with-error'
	signed -X PUT -d x /bucket/k
	[ "$code" = 200 ]
	says InternalError
	! s3_has k
	boto "$S3_ENDPOINT" <<'PYTHON'
import urllib.request
upload = s3.create_multipart_upload(Bucket="bucket", Key="k")
place = dict(Bucket="bucket", Key="k", UploadId=upload["UploadId"])
put = s3.upload_part(PartNumber=1, Body=b"x", **place)
place["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": put["ETag"]}]}
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
    ENDPOINT + "/_control", b"fail query=uploadId ok-with-error code=SlowDown")
if refused(s3.complete_multipart_upload, **place) == "done":
    sys.exit("botocore saw no error")
same(refused(s3.head_object, Bucket="bucket", Key="k"), "404 404")
same(refused(s3.complete_multipart_upload, **place), "done")
PYTHON
	s3_has k
}

@test "wrong-etag: it is done, and the answer has another ETag" {
	s3_control 'fail method=PUT wrong-etag'
	local md5
	md5=$(printf x | md5sum | cut -d' ' -f1)
	signed -D "$BATS_TEST_TMPDIR/head" -X PUT -d x /bucket/k
	[ "$code" = 200 ]
	grep -qi '^etag: "0000' "$BATS_TEST_TMPDIR/head"
	! grep -qF "$md5" "$BATS_TEST_TMPDIR/head"
	signed -D "$BATS_TEST_TMPDIR/head" /bucket/k
	grep -qi "^etag: \"$md5\"" "$BATS_TEST_TMPDIR/head"
}

# ---- the example of a mothership ----

start_example() {
	STATE=$BATS_TEST_TMPDIR/hosts.json
	/usr/bin/env python3 -S "$ROOT/examples/mothership.py" serve \
		--state "$STATE" --port-file "$BATS_TEST_TMPDIR/example.port" \
		>"$BATS_TEST_TMPDIR/example.log" 2>&1 3>&- &
	note_pid $!
	wait_for "$BATS_TEST_TMPDIR/example.port"
	EXAMPLE=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/example.port")
}

# contact BODY: what the mothership answers
contact() {
	curl -sS --noproxy '*' --max-time 20 --data-binary "$1" "$EXAMPLE/ingestor"
}

example() {
	local what=$1
	shift
	/usr/bin/env python3 -S "$ROOT/examples/mothership.py" "$what" \
		--state "$STATE" "$@"
}

hello='{"context":{"version":"1.2.3","action":"startup","info":{"hostname":"station-1"}}}'

@test "mothership: a host that it never saw is discovered, and counted" {
	start_example
	[ "$(contact "$hello" | jq -cS .)" = '{"contacts":1,"state":"discovered"}' ]
	[ "$(contact "$hello" | jq -cS .)" = '{"contacts":2,"state":"discovered"}' ]
	[ "$(jq -c '.["station-1"] | [.state, .contacts, .version]' "$STATE")" = \
		'["discovered",2,"1.2.3"]' ]
	[[ $(jq -r '.["station-1"].seen' "$STATE") == 20??-??-??T*+00:00 ]]
	[ "$(stat -c %a "$STATE")" = 600 ]
	grep -q '^station-1: startup, .*-> discovered$' "$BATS_TEST_TMPDIR/example.log"
}

@test "mothership: orders are given to their host, and once" {
	start_example
	contact "$hello"
	echo '{"access_key_id":"A","secret_access_key":"S"}' >"$BATS_TEST_TMPDIR/k"
	example configure station-1 --config '{"s3_bucket":"b"}' \
		--keys "$BATS_TEST_TMPDIR/k" --action report
	[ "$(contact "${hello/station-1/other}" | jq -cS .)" = \
		'{"contacts":1,"state":"discovered"}' ]
	[ "$(contact "$hello" | jq -cS .)" = "$(jq -cS . <<'JSON'
{"state": "configured", "contacts": 2, "action": "report",
 "config": {"s3_bucket": "b"},
 "aws_keys": {"access_key_id": "A", "secret_access_key": "S"}}
JSON
	)" ]
	[ "$(contact "$hello" | jq -cS .)" = '{"contacts":3,"state":"configured"}' ]
	! grep -q secret_access_key "$STATE" "$BATS_TEST_TMPDIR/example.log"
	example configure new --config '{}'
	[ "$(contact "${hello/station-1/new}" | jq -r .state)" = configured ]
}

@test "mothership: results and errors are on record and in its words" {
	start_example
	contact '{"context":{"state":"configured","action":"upload","info":{"hostname":"h"},"result":{"added":3},"error":"one failed"}}'
	[ "$(jq -c '.h | [.last_result.added, .last_error]' "$STATE")" = '[3,"one failed"]' ]
	grep -qF 'h: upload, agent configured, result {"added": 3}, error "one failed" -> discovered' \
		"$BATS_TEST_TMPDIR/example.log"
}

@test "mothership: what is no context is refused with 400, and it goes on" {
	start_example
	local body
	for body in '' nonsense '[]' '{}' '1' '{"contexts":{}}'; do
		[ "$(curl -s --noproxy '*' -o /dev/null -w '%{http_code}' \
			--data-binary "$body" "$EXAMPLE/ingestor")" = 400 ]
	done
	[ "$(contact "$hello" | jq -r .contacts)" = 1 ]
	[ "$(jq -c keys "$STATE")" = '["station-1"]' ]
}

@test "mothership: contacts at the same time are all counted" {
	start_example
	seq 40 | xargs -P 20 -I{} curl -s --noproxy '*' -o /dev/null \
		--data-binary "$hello" "$EXAMPLE/ingestor"
	[ "$(contact "$hello" | jq -r .contacts)" = 41 ]
}
