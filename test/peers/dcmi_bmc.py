"""A management controller of pyghmi that measures power: PORT USER PASSWORD [KEY]."""
import struct
import sys

import pyghmi.ipmi.bmc as bmc

GROUP_EXTENSION = 0x2C
DCMI = 0xDC
GET_POWER_READING = 2
ACTIVE = 0x40


class Controller(bmc.Bmc):
    def get_power_state(self):
        return "on"

    def handle_raw_request(self, request, session):
        asked = request["netfn"], request["command"]
        if asked != (GROUP_EXTENSION, GET_POWER_READING):
            return super().handle_raw_request(request, session)
        # Current, minimum, maximum, mean in W; time in s, period in ms; state.
        power = struct.pack("<HHHHIIB", 220, 18, 401, 190, 1441316178, 699043, ACTIVE)
        return session.send_ipmi_response(data=[DCMI, *power])


port, user, password, *key = sys.argv[1:]
controller = Controller({user: password}, port=int(port), address="127.0.0.1")
for text in key:
    controller.set_kg(text)
print("ready", flush=True)
controller.listen()
