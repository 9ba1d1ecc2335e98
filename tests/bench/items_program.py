"""The program itself: its size, and how soon it speaks."""
import os
import subprocess

import peers
from homes import Home
from items_idle import record_heartbeat
from measure import Command, PROGRAM, in_turn
from report import Facts


def program(bench):
    """Size when stripped, and start to first byte sent."""
    stage = bench.stage
    stripped = stage.path("stripped")
    subprocess.run(["strip", "-o", stripped, PROGRAM], check=True)
    facts = Facts("the program")
    facts.mark("size, stripped and dynamic", os.path.getsize(stripped) / 1024,
               500, " KiB")
    bucket = stage.sink()
    body, answer = record_heartbeat(stage, bucket)
    mother = stage.sink(answer)
    port = int(mother.endpoint.rsplit(":", 1)[1])
    home = Home(stage.path("home"), bucket.endpoint, port=port)
    ours = Command("s3-ingestor", home.run("--quiet"), counter=mother.count)
    curl = Command("curl", peers.curl(
        "--data-binary", "@" + body, mother.endpoint + "/ingestor"),
        counter=mother.count)
    in_turn([curl, ours], 3 * bench.options.pairs)
    facts.mark("start to first byte sent", ours.median("first_byte_s") * 1e3,
               5, " ms")
    facts.note("curl, POSTing the same body: %.1f ms; from before the program "
               "is started until the server has the first line of the "
               "request", curl.median("first_byte_s") * 1e3)
    bench.report.add(facts)
