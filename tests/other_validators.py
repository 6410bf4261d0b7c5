"""Judges messages by the schema files as they are on disk, with Python's jsonschema.

Reads one JSON object a line, {"schema": "customer/v0.3/pushes/incoming_event", "message": ...}, and writes `valid` or `invalid`
for each. The argument is the folder of the schemas.
"""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

BASE = "https://schemas.invalid/"  # never fetched

folder = pathlib.Path(sys.argv[1])
files = {path.relative_to(folder).as_posix(): json.loads(path.read_text("utf-8")) for path in folder.rglob("*.json")}
registry = Registry().with_resources(
    (BASE + name, Resource.from_contents(schema, default_specification=DRAFT202012)) for name, schema in files.items()
)
for schema in files.values():
    Draft202012Validator.check_schema(schema)
validators = {
    name.removesuffix(".json"): Draft202012Validator({"$ref": BASE + name}, registry=registry) for name in files
}
for line in sys.stdin:
    asked = json.loads(line)
    print("valid" if validators[asked["schema"]].is_valid(asked["message"]) else "invalid")
