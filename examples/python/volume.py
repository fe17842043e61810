#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Operations with feedback: volume.py HOST:PORT

Reserves disk, makes a persistent volume of it, and gives both back. Every operation has an id, so that the master tells
what became of it."""

import sys

import mesos

ROLE = "example"


def disk(megabytes, is_volume=False):
    resource = {"name": "disk", "type": "SCALAR", "scalar": {"value": megabytes}, "allocation_info": {"role": ROLE},
                "reservations": [{"type": "DYNAMIC", "role": ROLE}]}
    if is_volume:
        resource["disk"] = {"persistence": {"id": "data"}, "volume": {"container_path": "data", "mode": "RW"}}
    return [resource]


OPERATIONS = [
    {"type": "RESERVE", "id": {"value": "reserve"}, "reserve": {"resources": disk(64)}},
    {"type": "CREATE", "id": {"value": "create"}, "create": {"volumes": disk(64, is_volume=True)}},
    {"type": "DESTROY", "id": {"value": "destroy"}, "destroy": {"volumes": disk(64, is_volume=True)}},
    {"type": "UNRESERVE", "id": {"value": "unreserve"}, "unreserve": {"resources": disk(64)}},
]


def main():
    scheduler = mesos.Scheduler(sys.argv[1], "volume", ["RESERVATION_REFINEMENT"], roles=[ROLE])
    is_accepted, states = False, {}
    for event in scheduler.events():
        if event["type"] == "OFFERS":
            for offer in event["offers"]["offers"]:
                scheduler.accept(offer, *[] if is_accepted else OPERATIONS)
                is_accepted = True
        elif event["type"] == "UPDATE_OPERATION_STATUS":
            status = event["update_operation_status"]["status"]
            states[status["operation_id"]["value"]] = status["state"]
            if "uuid" in status:
                scheduler.call("ACKNOWLEDGE_OPERATION_STATUS", acknowledge_operation_status={
                    "agent_id": status["agent_id"], "operation_id": status["operation_id"],
                    "uuid": status["uuid"]["value"]})
            if len(states) == len(OPERATIONS):
                for operation in OPERATIONS:
                    print(operation["id"]["value"], states[operation["id"]["value"]], flush=True)
                scheduler.call("TEARDOWN")
                return 0 if set(states.values()) == {"OPERATION_FINISHED"} else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
