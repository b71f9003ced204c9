"""What the scripts have in common: the columns of the table, and the S3 server."""

import json
import os

ID, TIME = "_airbyte_ab_id", "_airbyte_emitted_at"


def columns(path):
    """Returns (name, kind) of each root field of the only stream of a catalog, in the
    order of its schema. kind is the JSON type that is not null."""
    with open(path, encoding="utf-8") as f:
        schema = json.load(f)["streams"][0]["stream"]["json_schema"]
    found = []
    for name, field in schema["properties"].items():
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        found.append((name, next(k for k in kinds if k != "null")))
    return found


def fields(path):
    """Returns the columns of a typed table, {name: kind} in the order of the schema: kind is the
    JSON type, "date", or the same of an object's members."""
    with open(path, encoding="utf-8") as f:
        return _members(json.load(f)["streams"][0]["stream"]["json_schema"])


def _members(schema):
    found = {}
    for name, field in schema["properties"].items():
        kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
        kind = next(k for k in kinds if k != "null")
        found[name] = _members(field) if kind == "object" else field.get("format", kind)
    return found


def server():
    """Returns endpoint, region, key and secret of the S3 server."""
    names = "PEERS_S3_ENDPOINT", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
    return [os.environ[name] for name in names]
