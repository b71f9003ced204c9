"""The S3 server, a place in it, and Sluice as the destination that writes there."""

import os
import pathlib
import socket
import subprocess
import time

import airbyte as ab
import boto3

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLUICE = ROOT / ".bin" / "sluice"
BUCKET, REGION = "lake", "us-east-1"
KEY, SECRET = "e2e-key", "e2e-secret-key"

FLAT = {"format_type": "CSV", "flattening": "Root level flattening"}
UNFLATTENED = {"format_type": "CSV", "flattening": "No flattening"}
GZIP = {"compression": {"compression_type": "GZIP"}}


class Server:
    """A versitygw on a port of the loopback, with its files in a directory of the test's."""

    def __init__(self, scratch):
        for name in ("data/" + BUCKET, "iam"):
            (scratch / name).mkdir(parents=True)
        with socket.socket() as s:  # a free port
            s.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % s.getsockname()[1]
        self.log = scratch / "versitygw.log"
        self.process = subprocess.Popen(
            [ROOT / ".bin" / "versitygw", "--port", self.address, "--iam-dir", scratch / "iam", "--region", REGION,
             "--health", "/ready", "--keep-alive", "--quiet", "posix", scratch / "data"],
            env={"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET, "PATH": os.environ["PATH"], "HOME": str(scratch)},
            stdout=self.log.open("wb"), stderr=subprocess.STDOUT)
        self.wait()
        self.s3 = boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name=REGION)

    @property
    def endpoint(self):
        return "http://" + self.address

    def wait(self):
        host, port = self.address.split(":")
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError("the S3 server does not answer:\n" + self.log.read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Lake:
    """A path in the bucket that one test has for itself."""

    def __init__(self, server, path):
        self.server, self.path = server, path

    def config(self, format=FLAT, **more):
        return {
            "s3_bucket_name": BUCKET, "s3_bucket_path": self.path, "s3_bucket_region": REGION, "s3_endpoint": self.server.endpoint,
            "access_key_id": KEY, "secret_access_key": SECRET, "format": format, **more,
        }

    def destination(self, **config):
        return ab.get_destination("destination-s3", config=self.config(**config), local_executable=SLUICE)

    def objects(self, stream):
        """The HEAD of each object of a stream, by the end of its key."""
        prefix = f"{self.path}/{stream}/"
        listed = self.server.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        keys = [o["Key"] for o in listed.get("Contents", [])]
        return {key.removeprefix(prefix): self.server.s3.head_object(Bucket=BUCKET, Key=key) for key in keys}
