/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule of validation_*.c that the tests of whole calls do not come to: one row a rule. */
#include "master/agent.h"
#include "master/framework.h"
#include "master/test_world.h"
#include "master/validation.h"
#include "mesos/internal/messages.pb-c.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"

#define SCALAR(name, value, more) "{\"name\":\"" name "\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}" more "}"
#define DYNAMIC(role, more) ",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"" role "\"" more "}]"
#define ALLOCATED(role) ",\"allocation_info\":{\"role\":\"" role "\"}"
#define DISK_OF(members) ",\"disk\":{" members "}"
#define PERSISTENCE(id) "\"persistence\":{\"id\":\"" id "\"}"
#define PATH "\"volume\":{\"container_path\":\"p\",\"mode\":\"RW\"}"
#define MINE DYNAMIC("r", "") ALLOCATED("r")
#define VOLUME(id, more) SCALAR("disk", "10", MINE DISK_OF(PERSISTENCE(id) "," PATH) more)
#define PROVIDER ",\"provider_id\":{\"value\":\"p\"}"
#define SOURCE(type, more) DISK_OF("\"source\":{\"type\":\"" type "\"" more "}")

/* What a rule is asked with. */
enum subject {
    CALL,
    INFO,
    COMMAND,
    CONTAINER,
    HEALTH_CHECK,
    CHECK,
    EXECUTOR,
    RESERVE,
    RESERVE_BY_OPERATOR,
    UNRESERVE,
    CREATE,
    DESTROY,
    GROW,
    SHRINK,
    CREATE_DISK,
    DESTROY_DISK,
    REGISTER,
    REREGISTER,
};

static const ProtobufCMessageDescriptor *const descriptors[] = {
    [CALL] = &mesos__v1__scheduler__call__descriptor,
    [INFO] = &mesos__v1__framework_info__descriptor,
    [COMMAND] = &mesos__v1__command_info__descriptor,
    [CONTAINER] = &mesos__v1__container_info__descriptor,
    [HEALTH_CHECK] = &mesos__v1__health_check__descriptor,
    [CHECK] = &mesos__v1__check_info__descriptor,
    [EXECUTOR] = &mesos__v1__executor_info__descriptor,
    [RESERVE] = &mesos__v1__offer__operation__reserve__descriptor,
    [RESERVE_BY_OPERATOR] = &mesos__v1__offer__operation__reserve__descriptor,
    [UNRESERVE] = &mesos__v1__offer__operation__unreserve__descriptor,
    [CREATE] = &mesos__v1__offer__operation__create__descriptor,
    [DESTROY] = &mesos__v1__offer__operation__destroy__descriptor,
    [GROW] = &mesos__v1__offer__operation__grow_volume__descriptor,
    [SHRINK] = &mesos__v1__offer__operation__shrink_volume__descriptor,
    [CREATE_DISK] = &mesos__v1__offer__operation__create_disk__descriptor,
    [DESTROY_DISK] = &mesos__v1__offer__operation__destroy_disk__descriptor,
    [REGISTER] = &mesos__internal__register_slave_message__descriptor,
    [REREGISTER] = &mesos__internal__reregister_slave_message__descriptor,
};

struct rule {
    enum subject subject;
    const char *members; /* of the message */
    const char *error;   /* or NULL */
};

#define RESOURCES(list) "\"resources\":[" list "]"
#define VOLUMES(list) "\"volumes\":[" list "]"
#define VARIABLE(members) "\"environment\":{\"variables\":[{\"name\":\"A\"," members "}]}"
#define SECRET(members) VARIABLE("\"type\":\"SECRET\",\"secret\":{" members "}")
#define SOURCED(members) VOLUMES("{\"container_path\":\"c\",\"mode\":\"RW\",\"source\":{" members "}}")
#define TCP "\"type\":\"TCP\",\"tcp\":{\"port\":1}"
#define MULTI ",\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]"
#define USER "\"user\":\"u\",\"name\":\"n\""
#define QUANTITIES(text) USER ",\"offer_filters\":{\"r\":{\"min_allocatable_resources\":{\"quantities\":[" text "]}}}"
#define AGENT "\"slave\":{\"hostname\":\"h\",\"id\":{\"value\":\"S\"}}"
#define FRAMEWORK "\"frameworks\":[{" USER ",\"id\":{\"value\":\"F\"}}]"
#define OF_TASK(members) \
    AGENT "," FRAMEWORK ",\"tasks\":[{\"name\":\"n\",\"slave_id\":{\"value\":\"S\"}," \
          "\"framework_id\":{\"value\":\"F\"},\"task_id\":{\"value\":\"t\"},\"state\":\"TASK_RUNNING\"" members "}]"

static const struct rule rules[] = {
    {CALL,
     "\"type\":\"UPDATE_FRAMEWORK\",\"framework_id\":{\"value\":\"a\"},\"update_framework\":{\"framework_info\":{" USER
     ",\"id\":{\"value\":\"b\"}}}",
     "'framework_id' differs from 'update_framework.framework_info.id'"},
    {CALL, "\"type\":\"UPDATE_FRAMEWORK\",\"framework_id\":{\"value\":\"a\"}", "'update_framework' to be present"},
    {CALL, "\"type\":\"DECLINE\",\"framework_id\":{\"value\":\"a\"}", "'decline' to be present"},
    {CALL, "\"type\":\"SHUTDOWN\",\"framework_id\":{\"value\":\"a\"}", "'shutdown' to be present"},
    {CALL, "\"type\":\"MESSAGE\",\"framework_id\":{\"value\":\"a\"}", "'message' to be present"},

    {INFO, USER ",\"role\":\"a//b\"", "'FrameworkInfo.role' is not a valid role"},
    {INFO, USER ",\"roles\":[\"a\"]", "must not be set when the framework is not MULTI_ROLE capable"},
    {INFO, USER ",\"role\":\"a\"" MULTI, "must not be set when the framework is MULTI_ROLE capable"},
    {INFO, USER ",\"roles\":[\"a\",\"a\"]" MULTI, "contains duplicate items"},
    {INFO, USER ",\"roles\":[\"..\"]" MULTI, "'FrameworkInfo.roles' contains invalid role"},
    {INFO, USER ",\"id\":{\"value\":\"a/b\"}", "contains invalid characters"},
    {INFO, USER ",\"failover_timeout\":1e300", "failover_timeout (1e+300) is invalid"},
    {INFO, USER ",\"failover_timeout\":\"Infinity\"", "failover_timeout (inf) is invalid"},
    {INFO, USER ",\"failover_timeout\":60", NULL},
    {INFO, QUANTITIES("{}"), "an empty set of quantities"},
    {INFO, QUANTITIES("{\"quantities\":{\"cpus\":{\"value\":-1}}}"), "the quantity of 'cpus' is invalid"},
    {INFO, QUANTITIES("{\"quantities\":{\"cpus\":{\"value\":\"Infinity\"}}}"), "the quantity of 'cpus' is invalid"},
    {INFO, QUANTITIES("{\"quantities\":{\"cpus\":{\"value\":1e-310}}}"), "the quantity of 'cpus' is invalid"},
    {INFO, QUANTITIES("{\"quantities\":{\"cpus\":{\"value\":0}}}"), NULL},
    {INFO, QUANTITIES("{\"quantities\":{\"cpus\":{\"value\":1}}}"), NULL},

    {COMMAND, VARIABLE("\"type\":\"UNKNOWN\""), "type 'UNKNOWN' is not allowed"},
    {COMMAND, VARIABLE("\"value\":\"v\",\"secret\":{\"type\":\"VALUE\"}"), "must not have a secret set"},
    {COMMAND, VARIABLE("\"type\":\"SECRET\",\"value\":\"v\",\"secret\":{\"type\":\"VALUE\"}"),
     "must not have a value set"},
    {COMMAND, SECRET("\"type\":\"REFERENCE\""), "must have the 'reference' field set"},
    {COMMAND, SECRET("\"type\":\"REFERENCE\",\"reference\":{\"name\":\"x\"},\"value\":{\"data\":\"\"}"),
     "'x' of type REFERENCE must not have the 'value' field set"},
    {COMMAND, SECRET("\"type\":\"VALUE\""), "must have the 'value' field set"},
    {COMMAND, SECRET("\"type\":\"VALUE\",\"reference\":{\"name\":\"x\"},\"value\":{\"data\":\"\"}"),
     "must not have the 'reference' field set"},
    {COMMAND, SECRET("\"type\":\"VALUE\",\"value\":{\"data\":\"YQBi\"}"), "containing null bytes"},
    {COMMAND, SECRET("\"type\":\"VALUE\",\"value\":{\"data\":\"YWI=\"}"), NULL},
    {COMMAND, SECRET("\"type\":\"UNKNOWN\""), NULL},
    {COMMAND, VARIABLE("\"value\":\"\""), NULL},

    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"HOST_PATH\""), "'source.host_path' is not set"},
    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"SANDBOX_PATH\""), "'source.sandbox_path' is not set"},
    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"DOCKER_VOLUME\""), "'source.docker_volume' is not set"},
    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"SECRET\""), "'source.secret' is not set"},
    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"CSI_VOLUME\""), "'source.csi_volume' is not set"},
    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"CSI_VOLUME\",\"csi_volume\":{\"plugin_name\":\"p\"}"),
     "'source.csi_volume.static_provisioning' is not set"},
    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"UNKNOWN\""), "'source.type' is unknown"},
    {CONTAINER, "\"type\":\"DOCKER\",\"docker\":{\"image\":\"i\",\"parameters\":[{\"key\":\"name\",\"value\":\"x\"}]}",
     "must not be 'name'"},
    {CONTAINER, "\"type\":\"DOCKER\",\"docker\":{\"image\":\"i\",\"parameters\":[{\"key\":\"k\",\"value\":\"x\"}]}",
     NULL},
    {CONTAINER, "\"type\":\"MESOS\"," SOURCED("\"type\":\"HOST_PATH\",\"host_path\":{\"path\":\"/x\"}"), NULL},
    {CONTAINER,
     "\"type\":\"MESOS\"," VOLUMES("{\"container_path\":\"c\",\"mode\":\"RW\",\"host_path\":\"/x\",\"image\":{\"type\":"
                                   "\"DOCKER\",\"docker\":{\"name\":\"i\"}}}"),
     "Invalid volume: Only one of them should be set"},

    {HEALTH_CHECK, "\"type\":\"UNKNOWN\"", "'UNKNOWN' is not a valid health check type"},
    {HEALTH_CHECK, "\"type\":\"COMMAND\"", "Expecting 'command' to be set for COMMAND health check"},
    {HEALTH_CHECK, "\"type\":\"COMMAND\",\"command\":{\"value\":\"x\"," VARIABLE("\"type\":\"VALUE\"") "}",
     "Health check's `CommandInfo` is invalid"},
    {HEALTH_CHECK, "\"type\":\"COMMAND\",\"command\":{\"shell\":false}", "must contain 'executable path'"},
    {HEALTH_CHECK, "\"type\":\"TCP\"", "Expecting 'tcp' to be set for TCP health check"},
    {HEALTH_CHECK, TCP ",\"grace_period_seconds\":-1", "Expecting 'grace_period_seconds' to be non-negative"},
    {HEALTH_CHECK, TCP ",\"interval_seconds\":-1", "Expecting 'interval_seconds' to be non-negative"},
    {HEALTH_CHECK, TCP ",\"timeout_seconds\":-1", "Expecting 'timeout_seconds' to be non-negative"},
    {HEALTH_CHECK, TCP ",\"timeout_seconds\":0", NULL},
    {HEALTH_CHECK, "\"type\":\"HTTP\",\"http\":{\"port\":1,\"scheme\":\"https\",\"path\":\"/\"}", NULL},
    {CHECK, "\"type\":\"UNKNOWN\"", "'UNKNOWN' is not a valid check type"},
    {CHECK, "\"type\":\"COMMAND\"", "Expecting 'command' to be set for COMMAND check"},
    {CHECK, "\"type\":\"COMMAND\",\"command\":{\"command\":{\"value\":\"x\"," VARIABLE("\"type\":\"VALUE\"") "}}",
     "Check's `CommandInfo` is invalid"},
    {CHECK, "\"type\":\"COMMAND\",\"command\":{\"command\":{}}", "Command check must contain 'shell command'"},
    {CHECK, "\"type\":\"COMMAND\",\"command\":{\"command\":{\"shell\":false}}", "must contain 'executable path'"},
    {CHECK, "\"type\":\"HTTP\"", "Expecting 'http' to be set for HTTP check"},
    {CHECK, TCP ",\"delay_seconds\":-1", "Expecting 'delay_seconds' to be non-negative"},
    {CHECK, TCP ",\"interval_seconds\":-1", "Expecting 'interval_seconds' to be non-negative"},
    {CHECK, TCP, NULL},
    {CHECK, "\"type\":\"HTTP\",\"http\":{\"port\":1,\"path\":\"x\"}", "The path 'x' of HTTP check must start"},

    {EXECUTOR, "\"executor_id\":{\"value\":\"e\"},\"type\":\"CUSTOM\"", "must be set for 'CUSTOM' executor"},
    {EXECUTOR, "\"executor_id\":{\"value\":\"e\"},\"command\":{" VARIABLE("\"type\":\"VALUE\"") "}",
     "Executor's `CommandInfo` is invalid"},
    {EXECUTOR, "\"executor_id\":{\"value\":\"e\"},\"command\":{},\"container\":{\"type\":\"DOCKER\"}",
     "Executor's `ContainerInfo` is invalid"},
    {EXECUTOR, "\"executor_id\":{\"value\":\"..\"},\"command\":{}", "'..' is disallowed"},

    {RESERVE, RESOURCES(SCALAR("cpus", "1", MINE)), NULL},
    {RESERVE, RESOURCES(SCALAR("cpus", "-1", MINE)), "Invalid resources"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", ALLOCATED("r"))), "'cpus' is not dynamically reserved"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", DYNAMIC("r", ""))), "frameworks can only perform"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", DYNAMIC("r", "") ALLOCATED("s"))), "allocated to role 's'"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", DYNAMIC("s", "") ALLOCATED("s"))), "which the framework does not have"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", DYNAMIC("a/b", "") ALLOCATED("a/b"))),
     "reserved on an agent without HIERARCHICAL_ROLE"},
    {RESERVE,
     RESOURCES(SCALAR("cpus", "1",
                      ",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"},{\"type\":\"DYNAMIC\",\"role\":"
                      "\"r\"}]" ALLOCATED("r"))),
     "is not a refinement"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", MINE ",\"revocable\":{}")), "cannot be created from revocable resources"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", MINE) "," SCALAR("mem", "1", MINE PROVIDER)),
     "Some resources have a resource provider"},
    {RESERVE,
     RESOURCES(SCALAR("cpus", "1", MINE PROVIDER) "," SCALAR("mem", "1", MINE ",\"provider_id\":{\"value\":\"q\"}")),
     "multiple resource providers: p, q"},
    {RESERVE, RESOURCES(""), "Invalid resources: The resources have multiple resource providers"},
    {RESERVE, RESOURCES(SCALAR("gpus", "0.5", MINE)), "must be an unsigned integer"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", MINE)) ",\"source\":[" SCALAR("cpus", "-1", ALLOCATED("r")) "]",
     "Invalid source"},
    {RESERVE, RESOURCES("") ",\"source\":[" SCALAR("cpus", "1", ALLOCATED("r")) "]", "Resource cannot be empty"},
    {RESERVE,
     RESOURCES(SCALAR("cpus", "1", MINE)) ",\"source\":[" SCALAR("cpus", "1", ALLOCATED("r")) "," SCALAR("cpus", "1",
                                                                                                         MINE) "]",
     "Mixed reservations are not supported"},
    {RESERVE, RESOURCES(SCALAR("cpus", "1", MINE)) ",\"source\":[" SCALAR("cpus", "2", ALLOCATED("r")) "]",
     "identical resource quantities"},
    {RESERVE_BY_OPERATOR, RESOURCES(SCALAR("cpus", "1", DYNAMIC("r", ",\"principal\":\"op\""))), NULL},
    {RESERVE_BY_OPERATOR, RESOURCES(SCALAR("cpus", "1", DYNAMIC("r", ",\"principal\":\"op\"") ALLOCATED("r"))),
     "operators can only reserve unallocated"},
    {RESERVE_BY_OPERATOR, RESOURCES(SCALAR("cpus", "1", DYNAMIC("r", ""))), "with no principal set"},
    {RESERVE_BY_OPERATOR, RESOURCES(SCALAR("cpus", "1", DYNAMIC("r", ",\"principal\":\"x\""))),
     "in the request with principal 'x'"},

    {UNRESERVE, RESOURCES(SCALAR("cpus", "1", MINE)), NULL},
    {UNRESERVE, RESOURCES(SCALAR("cpus", "1", ALLOCATED("r"))), "'cpus' is not dynamically reserved"},
    {UNRESERVE, RESOURCES(VOLUME("v", "")), "'v' cannot be unreserved directly"},
    {UNRESERVE, RESOURCES(SCALAR("cpus", "-1", MINE)), "Invalid resources"},
    {UNRESERVE, RESOURCES(""), "Invalid resources: The resources have multiple resource providers"},

    {CREATE, VOLUMES(VOLUME("v", "")), NULL},
    {CREATE, VOLUMES(""), "Invalid resources: The resources have multiple resource providers"},
    {DESTROY, VOLUMES(""), "Invalid resources: The resources have multiple resource providers"},
    {CREATE, VOLUMES(VOLUME("v", "") "," VOLUME("v", "")), "Persistence ID 'v' is not unique"},
    {CREATE, VOLUMES(VOLUME("a/b", "")), "Invalid persistence ID"},
    {CREATE, VOLUMES(SCALAR("disk", "1", MINE)), "'disk' does not have DiskInfo"},
    {CREATE, VOLUMES(SCALAR("disk", "1", MINE DISK_OF(""))), "DiskInfo is set but empty"},
    {CREATE, VOLUMES(SCALAR("disk", "1", MINE DISK_OF(PATH))), "Non-persistent volume not supported"},
    {CREATE, VOLUMES(SCALAR("disk", "1", MINE DISK_OF(PERSISTENCE("v")))), "Expecting 'volume' to be set"},
    {CREATE, VOLUMES(SCALAR("disk", "1", MINE SOURCE("PATH", ""))), "'persistence' is not set in DiskInfo"},
    {CREATE, VOLUMES(SCALAR("disk", "1", ALLOCATED("r") DISK_OF(PERSISTENCE("v") "," PATH))), "unreserved resources"},
    {CREATE, VOLUMES(VOLUME("v", ",\"revocable\":{}")), "revocable resources"},
    {CREATE, VOLUMES(VOLUME("v", ",\"shared\":{}")), "no SHARED_RESOURCES capability"},
    {CREATE, VOLUMES(SCALAR("disk", "1", DYNAMIC("r", "") DISK_OF(PERSISTENCE("v") "," PATH))),
     "The resources are not allocated to a role"},
    {CREATE,
     VOLUMES(
         VOLUME("v", "") "," SCALAR("disk", "1", DYNAMIC("s", "") ALLOCATED("s") DISK_OF(PERSISTENCE("w") "," PATH))),
     "multiple allocation roles ('s' and 'r')"},

    {DESTROY, VOLUMES(VOLUME("v", "")), "Persistent volumes not found"},
    {DESTROY, VOLUMES(SCALAR("disk", "1", MINE)), "Not a persistent volume"},

    {GROW, "\"volume\":" VOLUME("v", "") ",\"addition\":" SCALAR("disk", "1", MINE), NULL},
    {GROW, "\"volume\":" SCALAR("disk", "-1", MINE) ",\"addition\":" SCALAR("disk", "1", MINE),
     "in the 'GrowVolume.volume' field"},
    {GROW, "\"volume\":" VOLUME("v", "") ",\"addition\":" SCALAR("disk", "-1", MINE),
     "in the 'GrowVolume.addition' field"},
    {GROW, "\"volume\":" VOLUME("v", "") ",\"addition\":" SCALAR("disk", "0", MINE), "must be greater than zero"},
    {GROW, "\"volume\":" VOLUME("v", PROVIDER) ",\"addition\":" SCALAR("disk", "1", MINE), "resource provider"},
    {GROW, "\"volume\":" SCALAR("disk", "1", MINE) ",\"addition\":" SCALAR("disk", "1", MINE),
     "Invalid persistent volume"},
    {GROW, "\"volume\":" VOLUME("v", ",\"shared\":{}") ",\"addition\":" SCALAR("disk", "1", MINE),
     "Growing a shared persistent volume"},
    {GROW, "\"volume\":" VOLUME("v", "") ",\"addition\":" SCALAR("disk", "1", ALLOCATED("r")),
     "Incompatible resources"},

    {SHRINK, "\"volume\":" VOLUME("v", "") ",\"subtract\":{\"value\":9}", NULL},
    {SHRINK, "\"volume\":" SCALAR("disk", "-1", MINE) ",\"subtract\":{\"value\":1}", "'ShrinkVolume.volume' field"},
    {SHRINK, "\"volume\":" VOLUME("v", "") ",\"subtract\":{\"value\":0}", "must be greater than zero"},
    {SHRINK, "\"volume\":" VOLUME("v", "") ",\"subtract\":{\"value\":10}", "must be smaller than"},
    {SHRINK, "\"volume\":" VOLUME("v", PROVIDER) ",\"subtract\":{\"value\":1}", "resource provider"},
    {SHRINK,
     "\"volume\":" SCALAR("disk", "10",
                          MINE DISK_OF(PERSISTENCE("v") "," PATH ",\"source\":{\"type\":\"MOUNT\"}")) ",\"subtract\":{"
                                                                                                      "\"value\":1}",
     "Shrinking a volume on a MOUNT disk"},
    {SHRINK, "\"volume\":" SCALAR("disk", "10", MINE) ",\"subtract\":{\"value\":1}", "Invalid persistent volume"},
    {SHRINK, "\"volume\":" VOLUME("v", ",\"shared\":{}") ",\"subtract\":{\"value\":1}", "shared persistent volume"},

    {CREATE_DISK, "\"target_type\":\"MOUNT\",\"source\":" SCALAR("disk", "1", SOURCE("RAW", "")),
     "not managed by a resource provider"},
    {CREATE_DISK, "\"target_type\":\"MOUNT\",\"source\":" SCALAR("disk", "-1", ""), "Invalid resource"},
    {CREATE_DISK, "\"target_type\":\"MOUNT\",\"source\":" SCALAR("disk", "1", PROVIDER), "not a RAW disk resource"},
    {CREATE_DISK, "\"target_type\":\"PATH\",\"source\":" SCALAR("disk", "1", PROVIDER SOURCE("RAW", "")),
     "neither MOUNT or BLOCK"},
    {CREATE_DISK, "\"target_type\":\"MOUNT\",\"source\":" SCALAR("disk", "1", PROVIDER SOURCE("RAW", "")),
     "'target_profile' must be set"},
    {CREATE_DISK,
     "\"target_type\":\"MOUNT\",\"target_profile\":\"x\",\"source\":" SCALAR(
         "disk", "1", PROVIDER SOURCE("RAW", ",\"profile\":\"x\"")),
     "'target_profile' must not be set"},
    {CREATE_DISK,
     "\"target_type\":\"MOUNT\",\"target_profile\":\"x\",\"source\":" SCALAR("disk", "1", PROVIDER SOURCE("RAW", "")),
     NULL},
    {DESTROY_DISK, "\"source\":" SCALAR("disk", "-1", ""), "Invalid resource"},
    {DESTROY_DISK, "\"source\":" SCALAR("disk", "1", SOURCE("RAW", "")), "not managed by a resource provider"},
    {DESTROY_DISK, "\"source\":" SCALAR("disk", "1", PROVIDER SOURCE("PATH", "")), "neither a MOUNT, BLOCK or RAW"},
    {DESTROY_DISK, "\"source\":" SCALAR("disk", "1", PROVIDER SOURCE("MOUNT", "")), "not backed by a CSI volume"},
    {DESTROY_DISK,
     "\"source\":" SCALAR(
         "disk", "1", PROVIDER MINE DISK_OF(PERSISTENCE("v") "," PATH ",\"source\":{\"type\":\"MOUNT\",\"id\":\"i\"}")),
     "cannot be destroyed directly"},
    {DESTROY_DISK, "\"source\":" SCALAR("disk", "1", PROVIDER SOURCE("BLOCK", ",\"id\":\"i\"")), NULL},

    {REGISTER, "\"slave\":{\"hostname\":\"h\",\"id\":{\"value\":\"a/b\"}}", "contains invalid characters"},
    {REGISTER, "\"slave\":{\"hostname\":\"h\"," RESOURCES(SCALAR("cpus", "-1", "")) "}", "is invalid"},
    {REGISTER, "\"slave\":{\"hostname\":\"h\"},\"checkpointed_resources\":[" SCALAR("cpus", "-1", "") "]",
     "is invalid"},
    {REREGISTER, "\"slave\":{\"hostname\":\"h\"}", "it has no agent id"},
    {REREGISTER, AGENT ",\"frameworks\":[{" USER "}]", "a framework has no id"},
    {REREGISTER, AGENT ",\"frameworks\":[{" USER ",\"role\":\"a//b\",\"id\":{\"value\":\"F\"}}]", "not a valid role"},
    {REREGISTER, AGENT ",\"frameworks\":[{" USER ",\"id\":{\"value\":\"F\"}},{" USER ",\"id\":{\"value\":\"F\"}}]",
     "duplicate FrameworkID: 'F'"},
    {REREGISTER, AGENT ",\"executor_infos\":[{\"executor_id\":{\"value\":\"e\"},\"command\":{}}]",
     "Executor has an invalid FrameworkID ''"},
    {REREGISTER,
     AGENT "," FRAMEWORK ",\"executor_infos\":[{\"executor_id\":{\"value\":\"e\"},\"command\":{},\"framework_id\":{"
           "\"value\":\"F\"}},{\"executor_id\":{\"value\":\"e\"},\"command\":{},\"framework_id\":{\"value\":\"F\"}}]",
     "Framework 'F' has a duplicate ExecutorID 'e'"},
    {REREGISTER, OF_TASK(""), NULL},
    {REREGISTER, OF_TASK(",\"task_id\":{\"value\":\"a/b\"}"), "Task has an invalid TaskID"},
    {REREGISTER, OF_TASK(",\"slave_id\":{\"value\":\"T\"}"), "Task has an invalid AgentID 'T'"},
    {REREGISTER, OF_TASK(",\"framework_id\":{\"value\":\"G\"}"), "Task has an invalid FrameworkID 'G'"},
    {REREGISTER, OF_TASK(",\"executor_id\":{\"value\":\"e\"}"), "Task has an invalid ExecutorID 'e'"},
    {REREGISTER, OF_TASK("," RESOURCES(SCALAR("cpus", "-1", ""))), "Task uses invalid resources"},
};

static int validate(enum subject subject, void *message, struct error *err) {
    const char *roles[] = {"r"};
    const struct framework framework = {.id = (char *)"f", .roles = roles, .role_count = 1};
    const struct agent agent = {.capabilities = {.reservation_refinement = true, .resize_volume = true}};

    switch (subject) {
    case CALL:
        return validate_call(message, err);
    case INFO:
        return validate_framework(message, err);
    case COMMAND:
        return validate_command(message, err);
    case CONTAINER:
        return validate_container(message, err);
    case HEALTH_CHECK:
        return validate_health_check(message, err);
    case CHECK:
        return validate_check(message, err);
    case EXECUTOR:
        return validate_executor_info(message, err);
    case RESERVE:
        return validate_reserve(message, &agent.capabilities, &framework, NULL, err);
    case RESERVE_BY_OPERATOR:
        return validate_reserve(message, &agent.capabilities, NULL, "op", err);
    case UNRESERVE:
        return validate_unreserve(message, err);
    case CREATE:
        return validate_create(message, &agent, &framework, NULL, err);
    case DESTROY:
        return validate_destroy(message, &agent, err);
    case GROW:
        return validate_grow_volume(message, &agent.capabilities, err);
    case SHRINK:
        return validate_shrink_volume(message, &agent.capabilities, err);
    case CREATE_DISK:
        return validate_create_disk(message, err);
    case DESTROY_DISK:
        return validate_destroy_disk(message, err);
    case REGISTER:
        return validate_register_agent(message, err);
    case REREGISTER:
        return validate_reregister_agent(message, err);
    }
    return 0;
}

static ProtobufCMessage *parse(const ProtobufCMessageDescriptor *descriptor, const char *members, struct arena *arena) {
    cleanup_free char *text = xasprintf("{%s}", members);
    enum message_names names = strncmp(descriptor->name, "mesos.internal", 14) == 0 ? MESSAGE_V0 : MESSAGE_V1;
    struct error cleanup_error err = ERROR_INIT;
    ProtobufCMessage *message;

    if (message_parse_json(descriptor, text, strlen(text), names, arena, &message, &err) < 0)
        fail_msg("%s: %s", text, error_message(&err));
    return message;
}

static void each_rule_is_kept(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        struct error cleanup_error err = ERROR_INIT;
        cleanup_(arena_done) struct arena arena = ARENA_INIT;
        const struct rule *rule = &rules[i];
        ProtobufCMessage *message = parse(descriptors[rule->subject], rule->members, &arena);
        int result = validate(rule->subject, message, &err);

        if ((result < 0) != (rule->error != NULL) ||
            (rule->error != NULL && strstr(error_message(&err), rule->error) == NULL))
            fail_msg("{%s} gave %s", rule->members, result < 0 ? error_message(&err) : "no error");
    }
}

static void what_a_framework_can_not_change_is_told(void **state) {
    static const struct {
        const char *old, *new, *error;
    } cases[] = {
        {USER, USER, NULL},
        {USER ",\"principal\":\"p\"", USER, "Changing framework's principal"},
        {USER ",\"principal\":\"p\"", USER ",\"principal\":\"q\"", "Changing framework's principal"},
        {USER, "\"user\":\"v\",\"name\":\"n\"", "attempted to update from 'u' to 'v'"},
        {USER, USER ",\"checkpoint\":true", "attempted to update from 'false' to 'true'"},
        {USER, "\"user\":\"u\",\"name\":\"another\"", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error cleanup_error err = ERROR_INIT;
        cleanup_(arena_done) struct arena arena = ARENA_INIT;
        const void *old = parse(&mesos__v1__framework_info__descriptor, cases[i].old, &arena);
        const void *new = parse(&mesos__v1__framework_info__descriptor, cases[i].new, &arena);

        assert_int_equal(validate_framework_update(old, new, &err), cases[i].error == NULL ? 0 : -1);
        assert_true(cases[i].error == NULL || strstr(error_message(&err), cases[i].error) != NULL);
    }
}

static void options_are_about_the_frameworks_own_roles(void **state) {
    struct error cleanup_error err = ERROR_INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const void *info = parse(&mesos__v1__framework_info__descriptor, USER ",\"roles\":[\"r\"]" MULTI, &arena);
    const void *constraints = parse(&mesos__v1__scheduler__offer_constraints__descriptor,
                                    "\"role_constraints\":{\"s\":{\"groups\":[{}]}}", &arena);
    char *mine[] = {(char *)"r"}, *others[] = {(char *)"s"};

    assert_int_equal(validate_framework_options(info, mine, 1, NULL, &err), 0);
    assert_int_equal(validate_framework_options(info, others, 1, NULL, &err), -1);
    assert_string_equal(error_message(&err), "Suppressed roles { s } are not contained in the set of roles");
    assert_int_equal(validate_framework_options(info, mine, 1, constraints, &err), -1);
    assert_non_null(strstr(error_message(&err), "for a role 's' not contained"));
}

static void versions_of_agents_begin_with_1(void **state) {
    static const char *const good[] = {"1.0.0", "1.11.0", "1.12.0-rc1", "2.0"};
    static const char *const bad[] = {NULL, "", "1", "x.1.0", "0.28.2", "-1.0.0"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(validate_agent_version(good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(validate_agent_version(bad[i], NULL), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_is_kept),
        cmocka_unit_test(what_a_framework_can_not_change_is_told),
        cmocka_unit_test(options_are_about_the_frameworks_own_roles),
        cmocka_unit_test(versions_of_agents_begin_with_1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
