"""Sees to it that nothing here asks the internet, and tells who tried."""

import http.server
import os
import threading


class Outside:
    """A proxy in front of the rest of the world that refuses all, at once, and writes it down."""

    def __init__(self):
        self.asked = []
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def refuse(self):
                outside.asked.append(f"{self.command} {self.path}")
                self.send_error(403, "the tests ask nobody outside")

            do_CONNECT = do_GET = do_POST = do_HEAD = do_PUT = refuse

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server.server_address[1]


def environment(outside, scratch):
    """What every process gets: connectors are children, and so they have it too."""
    return {
        # PyAirbyte asks its registry about each connector, and reports each sync; neither with these.
        "AIRBYTE_OFFLINE_MODE": "1",
        "AIRBYTE_DO_NOT_TRACK": "1",
        "DO_NOT_TRACK": "1",
        # What asks all the same.
        "HTTP_PROXY": outside.url, "http_proxy": outside.url,
        "HTTPS_PROXY": outside.url, "https_proxy": outside.url,
        "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        # Caches, logs, and configs with their secrets stay together and go at the end.
        "AIRBYTE_PROJECT_DIR": str(scratch / "project"),
        "AIRBYTE_CACHE_ROOT": str(scratch / "cache"),
        "AIRBYTE_LOGGING_ROOT": str(scratch / "logs"),
        "HOME": str(scratch / "home"),
    }
