# SPDX-License-Identifier: Apache-2.0
"""Where our answers differ from those of Mesos on purpose: names of exchanges and places in the answer, both as patterns
that must match as a whole, and the reason. What does not differ any more is to be removed here: the tests say so."""

import re

ANY_STATE = r"master/(GET|POST|PUT|DELETE|OPTIONS|PATCH)_.*state(@jsonp=cb)?"
REFUSED = [r"status", r"header Content-Type", r"text"]

DIFFERENCES = [
    (ANY_STATE, [r"\.capabilities.*"], "a master announces what it can do: it does not drain agents and has no quota"),
    (r"api/master_GET_MASTER", [r"\.get_master\.master_info\.capabilities"], "likewise"),
    (ANY_STATE + r"|master/GET_.*(state-summary|slaves)(@jsonp=cb)?", [r"\.slaves\[0\]\.capabilities.*"],
     "an agent announces what it can do: there are no resource providers, operation feedback or limits of tasks"),
    (r"agent/GET_.*state", [r"\.capabilities.*"], "likewise"),
    (r"api/master_GET_(STATE|AGENTS)", [r".*\.agents\[0\]\.capabilities.*"], "likewise"),
    (r"agent/GET_.*(statistics|containers)", [r"\[0\]\.statistics\.(processes|threads)"],
     "the posix launcher counts processes and threads, which Mesos does with cgroups only"),
    (r"api/agent_GET_CONTAINERS", [r"\.get_containers\.containers\[0\]\.resource_statistics\.(processes|threads)"],
     "likewise"),
    (r".*/GET___processes__", REFUSED, "there are no libprocess actors whose queues could be shown"),
    (r"master/GET_registrar\(1\)_registry", REFUSED, "there is no durable registry"),
    (r"master/PUT_master_weights|api/master_UPDATE_WEIGHTS_.*|api/master_UPDATE_QUOTA_.*", REFUSED,
     "weights come from a flag, and there is no quota"),
    (r"api/master_GET_(QUOTA|WEIGHTS)_after", [r"\.get_quota\.status\.(infos|configs)", r"\.get_weights"], "likewise"),
    (r"api/master_(UPDATE_MAINTENANCE_SCHEDULE_(ok|empty)|START_MAINTENANCE_(mx|unknown)|STOP_MAINTENANCE_mx)", REFUSED,
     "there is no maintenance schedule"),
    (r"api/master_GET_MAINTENANCE_(SCHEDULE|STATUS)_(after|down)",
     [r"\.get_maintenance_(schedule|status)\.(schedule|status)\.(windows|draining_machines|down_machines)"], "likewise"),
    (r"api/master_(DRAIN_AGENT|RESERVE)_nope", REFUSED,
     "agents are not drained, and resources not reserved, by operators"),
    (r"accept/command_(no)?shell_no_value", [r"v-5[12]\[1\].*"],
     "the command executor says that there is no command; that of Mesos dies of it"),
    (r"streams/.*", [r"\[\d+\]\.subscribed\.master_info\.capabilities"], "as for the endpoints"),
    (r"streams/executor's scheduler", [r"\[3\]\.update\.status.*"],
     "of a task that has ended the master tells its last state, where Mesos says that it is lost"),
    (r"accept/limits_(ok|with_executor)", [r"v-6[45]\[0\].*"],
     "the master refuses what the agent did not announce; in Mesos the agent does, as TASK_LOST"),
    (r"wire/master", [r"FrameworkRegisteredMessage\.master_info\.capabilities"], "as for the endpoints"),
    (r"wire/agent", [r"(Rer|R)egisterSlaveMessage\.agent_capabilities"], "likewise"),
    (r"wire/master", [r"StatusUpdateMessage\.update\.latest_state"],
     "what an agent tells masters beside the update; drivers do not look at it, and are sent what streams are sent"),
]

# Patterns for names of flags and metrics.
NAMES_WE_LACK = {
    "master": [
        r"registrar/.*|registry_(fetch|store)_timeout",  # no durable registry
        r"allocator/mesos/quota/roles//.*",  # of the empty role, by a slip of Mesos
        r"authentication_v0_timeout|initialize_driver_logging",  # of authentication and glog
    ],
    "agent": [
        r"containerizer/mesos/provisioner/.*",  # no images
        r"appc_.*|docker.*|network_cni_.*|cgroups_.*|systemd_.*|perf_.*|enforce_container_disk_quota",
        r"container_disk_watch_interval|disallow_sharing_agent_(ipc|pid)_namespace|http_executor_domain_sockets",
        r"authentica.*|authorizer|initialize_driver_logging|logbufsecs|memory_profiling",
        r"oversubscribed_resources_interval|qos_correction_interval_min|revocable_cpu_low_priority",
    ],
}


def differences(name):
    """The places where the exchange may differ."""
    return [place for pattern, places, _ in DIFFERENCES if re.fullmatch(pattern, name) for place in places]


def unused(prefix, names_and_places):
    """Rows of which no place was seen to differ, given all (exchange, place) that did, of the names with the prefix."""
    return [row for row in DIFFERENCES if re.match(prefix, row[0])
            if not any(re.fullmatch(row[0], name) and re.fullmatch(place, where)
                       for name, where in names_and_places for place in row[1])]
