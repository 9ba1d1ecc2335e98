#!/usr/bin/env python3
"""listing.py PORT_FILE SIZE < KEYS: a bucket that lists, and drops what is put.

Holds one object of SIZE bytes for each line of KEYS, its pages made beforehand,
so that the client is what is measured. Both versions of the listing, without a
delimiter. What else is asked is answered with 403, which makes a client that
does so slow or wrong. GET /count: pages asked for, PUTs, other requests.
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
asked = {"pages": 0, "puts": 0, "others": 0}


def page(first):
    part = keys[first:first + PAGE]
    more = first + PAGE < len(keys)
    text = "".join(OBJECT % (urllib.parse.quote(key), size) for key in part)
    token = ("<NextContinuationToken>%s</NextContinuationToken>"
             "<NextMarker>%s</NextMarker>" % ((urllib.parse.quote(part[-1]),)
                                              * 2) if more else "")
    return ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/"
            "\"><Name>bucket</Name><Prefix></Prefix><EncodingType>url"
            "</EncodingType><MaxKeys>%d</MaxKeys><KeyCount>%d</KeyCount>"
            "<IsTruncated>%s</IsTruncated>%s%s</ListBucketResult>" % (
                PAGE, len(part), str(more).lower(), token, text)).encode()


pages = {first: page(first) for first in range(0, len(keys), PAGE)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/xml")
        self.send_header("ETag", '"d41d8cd98f00b204e9800998ecf8427e"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path == "/count":
            self.answer(200, b"%d %d %d\n" % tuple(asked.values()))
            return
        parts = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        if parts.path.strip("/") != "bucket" or "delimiter" in query and \
                query["delimiter"] != [""]:
            self.refuse()
        elif "location" in query:
            asked["others"] += 1
            self.answer(200, b"<LocationConstraint/>")
        else:
            self.list(query)

    def list(self, query):
        asked["pages"] += 1
        after = b""
        for name in ("continuation-token", "start-after", "marker"):
            after = max(after, query.get(name, [""])[0].encode())
        first = bisect.bisect_right(keys, after)
        self.answer(200, pages.get(first) or page(first))

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked["puts"] += 1
        self.answer(200, b"")

    def refuse(self):
        asked["others"] += 1
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(403, b"<Error><Code>AccessDenied</Code></Error>")

    do_HEAD = do_POST = do_DELETE = refuse

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w") as out:
    out.write("%d\n" % server.server_port)
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
