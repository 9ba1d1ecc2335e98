#!/usr/bin/env python3
"""Random S3 requests, and what botocore signs them with.

    sign_peer.py SEED COUNT DIR

Writes DIR/requests, a line for tests/tools/sign.c each, and DIR/wanted, the URL
and the Authorization header that must come of it.
"""
import hashlib
import json
import random
import sys
import time
import urllib.parse

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"]
REGIONS = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1",
           "default", "garage", "Zone_1.a"]
BUCKETS = ["bucket", "a-b-c", "with.dots", "Old_Style", "xy", "0" * 63]
ENDPOINTS = [None, None, "https://s3.example.org", "http://127.0.0.1:9000",
             "https://s3.example.org:443", "http://s3.example.org:80",
             "http://s3.example.org:443", "https://s3.example.org:8443/a/b/",
             "http://[::1]:7480", "s3.example.org:9000"]
ALPHABET = ("abcXYZ0189 +%&=?#/\\\"'<>()[]{}!*,;:@$^`|~-._"
            "\u00e4\u00df\u20ac\u65e5\u0301\U0001f4be")
QUERY_NAMES = ["prefix", "uploads", "uploadId", "partNumber", "list-type",
               "continuation-token", "a", "A", "a-b", "\u00e4", "x y", "=", "&"]
HEADER_NAMES = ["content-type", "content-md5", "range", "if-none-match",
                "x-amz-acl", "x-amz-storage-class", "x-amz-meta-a",
                "x-amz-meta-a-b", "x-amz-meta-a_b.c",
                "x-amz-checksum-crc64nvme", "x-amz-server-side-encryption"]
PATH_SAFE = "/-._~"


def text(dice, most):
    return "".join(dice.choices(ALPHABET, k=dice.randint(0, most)))


def key_bytes(dice):
    """Mostly text, sometimes any bytes, with the traps of paths in it."""
    kind = dice.randrange(10)
    if kind == 0:
        return b""
    if kind == 1:
        return dice.randbytes(dice.randint(1, 1024))
    if kind == 2:
        return dice.choice([b".", b"..", b"a/../b", b"/", b"//a//", b"./a/.",
                            b"%2e%2E", b"a%20b", b"a+b", b"a b", b"\x00\xff"])
    return text(dice, 60).encode()


def header_value(dice):
    # a control byte is refused, and what is no ASCII goes as RFC 2047
    printable = [chr(c) for c in range(0x20, 0x7f)]
    value = "".join(dice.choices(printable, k=dice.randint(0, 40)))
    if dice.random() < 0.3:
        value = "  ".join(["", value, value, ""])
    return value


def make_request(dice):
    body = dice.randbytes(dice.randint(0, 200))
    request = {
        "method": dice.choice(METHODS),
        "region": dice.choice(REGIONS),
        "bucket": dice.choice(BUCKETS),
        "addressing": dice.choice(["auto", "path", "virtual"]),
        "key": key_bytes(dice).hex(),
        "query": [[dice.choice(QUERY_NAMES), text(dice, 30)]
                  for _ in range(dice.choice([0, 0, 1, 2, 5]))],
        "headers": [[dice.choice(HEADER_NAMES), header_value(dice)]
                    for _ in range(dice.choice([0, 1, 3, 8]))],
        "payload_sha256": hashlib.sha256(body).hexdigest(),
        "access_key_id": "AK" + str(dice.randrange(10 ** 18)),
        "secret_access_key": text(dice, 40),
        "now_s": dice.randrange(4102444800),
    }
    endpoint = dice.choice(ENDPOINTS)
    if endpoint:
        request["endpoint"] = endpoint
        if "[" in endpoint:
            request["addressing"] = "path"  # no name in front of a number
    if dice.random() < 0.4:
        request["session_token"] = dice.randbytes(
            dice.randint(1, 700)).hex() + "/+=="
    return request, body


def is_label(bucket):
    return (3 <= len(bucket) <= 63 and bucket == bucket.lower() and
            not set(bucket) & set("._"))


def url_of(request):
    """The URL as the documents of S3 have it, by other means than ours."""
    endpoint = request.get("endpoint")
    bucket = request["bucket"]
    virtual = request["addressing"] == "virtual" or (
        request["addressing"] == "auto" and not endpoint and is_label(bucket))
    if not endpoint:
        china = ".cn" if request["region"].startswith("cn-") else ""
        endpoint = f"https://s3.{request['region']}.amazonaws.com{china}"
    if "://" not in endpoint:
        endpoint = "https://" + endpoint
    parts = urllib.parse.urlsplit(endpoint)
    own_port = {"http": ":80", "https": ":443"}[parts.scheme]
    host = parts.netloc.removesuffix(own_port)
    path = parts.path.rstrip("/")
    key = urllib.parse.quote(bytes.fromhex(request["key"]), safe=PATH_SAFE)
    if virtual:
        host = f"{bucket}.{host}"
        path += "/" + key
    else:
        path += "/" + bucket + ("/" + key if key else "")
    query = "&".join(
        urllib.parse.quote(name, safe="-._~") + "=" +
        urllib.parse.quote(value, safe="-._~")
        for name, value in request["query"])
    return f"{parts.scheme}://{host}{path}" + ("?" + query if query else "")


def sign(request, url, body):
    """add_auth of botocore, but for the clock."""
    wanted = AWSRequest(method=request["method"], url=url, data=body)
    host = urllib.parse.urlsplit(url).netloc
    wanted.headers["Host"] = host
    for name, value in request["headers"]:
        wanted.headers[name] = value  # one more, if it is there already
    signer = S3SigV4Auth(
        Credentials(request["access_key_id"], request["secret_access_key"],
                    request.get("session_token")), "s3", request["region"])
    wanted.context["timestamp"] = time.strftime(
        "%Y%m%dT%H%M%SZ", time.gmtime(request["now_s"]))
    signer._modify_request_before_signing(wanted)
    to_sign = signer.string_to_sign(wanted, signer.canonical_request(wanted))
    signer._inject_signature_to_request(
        wanted, signer.signature(to_sign, wanted))
    return wanted.headers["Authorization"]


def main():
    seed, count, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    dice = random.Random(seed)
    with open(f"{folder}/requests", "w", encoding="ascii") as requests, \
            open(f"{folder}/wanted", "w", encoding="ascii") as wanted:
        for _ in range(count):
            request, body = make_request(dice)
            url = url_of(request)
            # S3 takes either form of the list (RFC 9110 11.4)
            header = sign(request, url, body).replace(", ", ",")
            requests.write(json.dumps(request) + "\n")
            wanted.write(f"{url}\t{header}\n")


main()
