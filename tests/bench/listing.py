#!/usr/bin/env python3
"""listing.py PORT_FILE SIZE < KEYS: a bucket that only lists.

Holds one object of SIZE bytes for each line of KEYS, its pages made beforehand,
so that the client is what is measured. Anything but a listing is answered with
403, which makes a client that asks for something else slow or wrong. GET
/count: how many pages were asked for, and how many other requests there were.
"""
import bisect
import http.server
import os
import sys
import urllib.parse

PAGE = 1000
OBJECT = ("<Contents><Key>%s</Key><LastModified>2099-01-01T00:00:00.000Z"
          "</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;"
          "</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass>"
          "</Contents>")
size = int(sys.argv[2])
keys = sorted(line.rstrip(b"\n") for line in sys.stdin.buffer)
asked = {"pages": 0, "others": 0}


def page(first):
    part = keys[first:first + PAGE]
    more = first + PAGE < len(keys)
    text = "".join(OBJECT % (urllib.parse.quote(key), size) for key in part)
    token = "<NextContinuationToken>x</NextContinuationToken>" if more else ""
    return ("<ListBucketResult><EncodingType>url</EncodingType>"
            "<IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>" % (
                str(more).lower(), token, text)).encode()


pages = {first: page(first) for first in range(0, len(keys), PAGE)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path == "/count":
            self.answer(200, b"%d %d\n" % (asked["pages"], asked["others"]))
            return
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if "list-type" not in query:
            self.refuse()
            return
        asked["pages"] += 1
        after = query.get("start-after", [""])[0].encode()
        first = bisect.bisect_right(keys, after)
        self.answer(200, pages.get(first) or page(first))

    def refuse(self):
        asked["others"] += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")

    do_HEAD = do_PUT = do_POST = refuse

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as out:
    out.write("%d\n" % server.server_port)
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
