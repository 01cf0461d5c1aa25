"""Templates as Home Assistant renders them, by Jinja itself: a line of JSON {template, payload} in,
a line of JSON with the text out. Home Assistant's environment is Jinja's sandbox, and the payload
is `value_json`."""
import json
import sys

from jinja2.sandbox import ImmutableSandboxedEnvironment

environment = ImmutableSandboxedEnvironment()
for line in sys.stdin:
    asked = json.loads(line)
    template = environment.from_string(asked["template"])
    print(json.dumps(template.render(value_json=json.loads(asked["payload"]))), flush=True)
