#!/usr/bin/env python3
"""A scripted mothership for the tests: answers as told, records everything.

    mothership.py --dir D [--port 0] [--tls CERT KEY] [--client-ca CA]
                  [--tls-max 1.1]

Writes its port to D/port and says it. The Nth request (from 1) is recorded as
D/requests/N.json (the body) and D/requests/N.head (request line and headers).
Its answer is D/replies/N, else D/replies/default, byte for byte, else the
context that came, with state "configured". D/replies/N.meta, a JSON object,
changes how it is sent:

    status   another status than 200
    headers  further headers
    chunked  true: chunked, in pieces of "split" bytes (default: all at once)
    split    send in pieces of so many bytes
    cut      close the connection after so many bytes of the body
    delay    seconds to wait before the answer
    until    wait before the answer until there is a file of this name in D
"""
import argparse
import http.server
import json
import os
import ssl
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        size = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(size)
        with server.lock:
            server.count += 1
            number = server.count
        self.record(number, body)
        reply, meta = self.find_reply(number, body)
        time.sleep(meta.get("delay", 0))
        self.wait_until(meta.get("until"))
        self.answer(reply, meta)

    do_GET = do_PUT = do_POST

    def record(self, number, body):
        base = os.path.join(self.server.dir, "requests", str(number))
        with open(base + ".head", "w") as head:
            head.write(self.requestline + "\n" + str(self.headers))
        with open(base + ".tmp", "wb") as out:
            out.write(body)
        os.rename(base + ".tmp", base + ".json")

    def find_reply(self, number, body):
        replies = os.path.join(self.server.dir, "replies")
        for name in (str(number), "default"):
            path = os.path.join(replies, name)
            meta = {}
            if os.path.exists(path + ".meta"):
                with open(path + ".meta") as text:
                    meta = json.load(text)
            if os.path.exists(path):
                with open(path, "rb") as text:
                    return text.read(), meta
        context = json.loads(body)["context"]
        context["state"] = "configured"
        return json.dumps(context).encode(), {}

    def wait_until(self, name):
        while name and not os.path.exists(os.path.join(self.server.dir, name)):
            time.sleep(0.02)

    def answer(self, reply, meta):
        split = meta.get("split") or len(reply) or 1
        chunked = meta.get("chunked", False)
        self.send_response(meta.get("status", 200))
        self.send_header("Content-Type", "application/json")
        for name, value in meta.get("headers", {}).items():
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        if "cut" in meta:
            self.wfile.write(reply[:meta["cut"]])
            self.close_connection = True
            return
        for at in range(0, len(reply), split):
            piece = reply[at:at + split]
            if chunked:
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            self.wfile.write(piece)
            self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dir", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--client-ca", help="clients need a certificate of it")
    parser.add_argument("--tls-max", choices=["1.1"], help="speak no newer one")
    options = parser.parse_args()

    for name in ("requests", "replies"):
        os.makedirs(os.path.join(options.dir, name), exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port),
                                             Handler)
    server.dir = options.dir
    server.count = 0
    server.lock = threading.Lock()
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
        if options.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(options.client_ca)
        if options.tls_max:
            context.set_ciphers("DEFAULT@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        server.socket = context.wrap_socket(server.socket, server_side=True)
    port = os.path.join(options.dir, "port")
    with open(port + ".tmp", "w") as out:
        out.write("%d\n" % server.server_address[1])
    os.rename(port + ".tmp", port)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
