"""
Asks a hub with the NGSI-LD client of Orange (ngsildclient). Arguments: port, user, password.
Prints JSON: what it found.
"""

import json
import sys

from ngsildclient import Client
from requests.auth import HTTPBasicAuth

port, user, password = sys.argv[1:]
client = Client("127.0.0.1", int(port), custom_auth=HTTPBasicAuth(user, password), verbose=False)
meters = client.query(type="ThreePhaseAcMeasurement")
one = client.get(meters[0].id)
print(
    json.dumps(
        {
            "meters": [entity.id for entity in meters],
            "devices": client.count(type="Device"),
            "exists": client.exists(meters[0].id),
            "missing": client.exists("urn:ngsi-ld:Device:local:main:hall:none"),
            "one": one.to_dict(),
        }
    )
)
