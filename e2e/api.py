"""A small web API with incremental pages, and the records that it has: what is hard in a CSV."""

import http.server
import json
import threading
import urllib.parse

NOTES = [
    {"id": 1, "updated_at": "2026-01-01T00:00:00Z", "text": "plain", "amount": "50000.0000000000000001",
     "big": "12345678901234567890123456789012", "ratio": 0.1, "flag": True, "tags": ["a", "b"], "nested": {"k": "v"}},
    {"id": 2, "updated_at": "2026-01-02T00:00:00Z", "text": "", "amount": "0", "big": "-98765432109876543210987654321098",
     "ratio": -1.5, "flag": False, "tags": [], "nested": {"quote": 'a "b" \\', "line": "x\ny"}},
    {"id": 9007199254740993, "updated_at": "2026-01-03T00:00:00Z", "text": None, "amount": None, "big": None,
     "ratio": None, "flag": None, "tags": None, "nested": None},
    {"id": -4, "updated_at": "2026-01-04T00:00:00Z", "text": 'quotes "", commas ,;\ta\nline and\n\nan empty one', "amount": "1e400",
     "big": "0", "ratio": 1e21, "flag": True, "tags": [None, ""], "nested": {}},
    {"id": 5, "updated_at": "2026-01-05T00:00:00Z", "text": "Grüße, こんにちは, 😀, e\u0301", "amount": "-0.10", "big": "007",
     "ratio": 2.0, "flag": False, "tags": ["😀"], "nested": {"ü": None}},
    {"id": 6, "updated_at": "2026-01-06T00:00:00Z", "text": "NULL", "amount": "NaN", "big": "1", "ratio": 0.0, "flag": True,
     "tags": ["NA"], "nested": {"null": "null"}},
    {"id": 7, "updated_at": "2026-01-07T00:00:00Z", "text": " spaces around ", "amount": "+1", "big": "00", "ratio": 1e-7,
     "flag": False, "tags": [1, 2.5], "nested": {"deep": {"er": [1]}}},
]


class API:
    """Serves /notes?since=TIME: the records that are newer."""

    def __init__(self):
        self.count = len(NOTES)  # how many it has so far
        self.asked = []  # since when
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
                since = query.get("since", [""])[0]
                api.asked.append(since)
                body = json.dumps({"notes": [n for n in NOTES[: api.count] if n["updated_at"] > since]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server.server_address[1]
