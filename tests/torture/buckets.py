"""The buckets that a cycle is run against, looked at by other code than ours."""
import concurrent.futures
import glob
import hashlib
import os
import shutil
import tempfile

MIB = 1 << 20
PREFIX = "s3-ingestor"
CUSTOMIZER = "module.exports = function (name) { return 'keyed/' + name; };\n"


def digest_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FakeBucket:
    """The fake S3, by what lies on its disk and what it logs."""

    def __init__(self, options):
        self.root = options.s3_root
        self.log = options.s3_log
        self.name = "bucket"
        self.endpoint = options.endpoint
        self.folder = os.path.join(self.root, self.name)
        self.template = os.path.join(options.work, "template-s3")
        self.keys = options.keys.split(":")

    def keep(self):
        """What is there now is there at the start of each round."""
        shutil.copytree(os.path.join(self.folder, "objects"), self.template)

    def reset(self):
        for part in ("objects", "uploads"):
            folder = os.path.join(self.folder, part)
            for entry in os.scandir(folder):
                if entry.is_dir():
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        shutil.copytree(self.template, os.path.join(self.folder, "objects"),
                        dirs_exist_ok=True)

    def objects(self):
        """Key to digest of all objects."""
        found = {}
        for meta in glob.glob(os.path.join(self.folder, "objects", "*.meta")):
            with open(meta, encoding="utf-8") as file:
                key = file.readline().rstrip("\n")
            found[key] = digest_of(meta[:-len(".meta")])
        return found

    def uploads(self):
        return os.listdir(os.path.join(self.folder, "uploads"))

    def log_position(self):
        return os.path.getsize(self.log)

    def sent_since(self, position):
        """Targets of all PUTs since then: "KEY" or "KEY?partNumber=..."."""
        with open(self.log, "rb") as file:
            file.seek(position)
            lines = file.read().decode().splitlines()
        return [line.split()[3].removeprefix("/%s/" % self.name)
                for line in lines if line.startswith("PUT ")]


class RgwBucket:
    """A bucket of its own for each round, looked at by botocore."""

    def __init__(self, options):
        import botocore.session
        self.endpoint = options.endpoint
        self.keys = options.keys.split(":")
        self.s3 = botocore.session.get_session().create_client(
            "s3", region_name="us-east-1", endpoint_url=self.endpoint,
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1])
        self.round = 0
        self.name = None

    def keep(self):
        pass

    def reset(self):
        if self.name:
            listing = self.s3.list_objects_v2(Bucket=self.name)
            self.s3.delete_objects(Bucket=self.name, Delete={"Objects": [
                {"Key": item["Key"]} for item in listing["Contents"]]})
        self.round += 1
        self.name = "%s-%d" % (os.path.basename(tempfile.mktemp(
            prefix="killed-")).lower().replace("_", "x"), self.round)
        self.s3.create_bucket(Bucket=self.name)
        for name in ("c.js", "c2.js"):
            self.s3.put_object(Bucket=self.name, Body=CUSTOMIZER.encode(),
                               Key="code/%s/customizers/%s" % (PREFIX, name))

    def digest_of_object(self, key):
        body = self.s3.get_object(Bucket=self.name, Key=key)["Body"]
        digest = hashlib.sha256()
        for piece in iter(lambda: body.read(MIB), b""):
            digest.update(piece)
        return digest.hexdigest()

    def objects(self):
        keys = [item["Key"] for page in
                self.s3.get_paginator("list_objects_v2").paginate(
                    Bucket=self.name) for item in page.get("Contents", [])]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return dict(zip(keys, pool.map(self.digest_of_object, keys)))

    def uploads(self):
        listing = self.s3.list_multipart_uploads(Bucket=self.name)
        return [item["Key"] for item in listing.get("Uploads", [])]

    def log_position(self):
        return 0

    def sent_since(self, _):
        return []
