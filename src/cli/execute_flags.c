/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/execute_flags.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "message/json.h"
#include "model/resources.h"

enum { LARGEST_FILE_BYTES = 16 * 1024 * 1024 };

#define FIELD(name) offsetof(struct execute_flags, name)

static const struct flag flags[] = {
    {"master", FLAG_STRING, FIELD(master), NULL,
     "Mesos master: host:port, zk://host1:port1,host2/path, or file:///path of a file that holds one of these.", NULL,
     FLAG_REQUIRED, NULL},
    {"task", FLAG_STRING, FIELD(task), NULL,
     "A TaskInfo as JSON, or a file that holds one (file:///path or /path). agent_id need not be set.", NULL, 0, NULL},
    {"task_group", FLAG_STRING, FIELD(task_group), NULL,
     "A TaskGroupInfo as JSON, or a file that holds one (file:///path or /path). agent_id need not be set.", NULL, 0,
     NULL},
    {"name", FLAG_STRING, FIELD(name), NULL, "Name of the command.", NULL, 0, NULL},
    {"shell", FLAG_BOOL, FIELD(shell), "true",
     "Whether the command is run by a shell. If not, it is the path of a program that is run without arguments.", NULL,
     0, NULL},
    {"command", FLAG_STRING, FIELD(command), NULL, "Command to run.", NULL, 0, NULL},
    {"env", FLAG_STRING, FIELD(env), NULL,
     "Environment variables of the command as a JSON object, or a file that holds one (file:///path).", NULL, 0, NULL},
    {"resources", FLAG_STRING, FIELD(resources), "cpus:1;mem:128", "Resources of the command.", NULL, 0, NULL},
    {"checkpoint", FLAG_BOOL, FIELD(checkpoint), "false", "Whether the task survives a restart of its agent.", NULL, 0,
     NULL},
    {"framework_capabilities", FLAG_STRING, FIELD(framework_capabilities), NULL,
     "Further capabilities of the framework, separated by commas. MULTI_ROLE, RESERVATION_REFINEMENT and "
     "TASK_KILLING_STATE are always on, PARTITION_AWARE unless --no-partition_aware is given.",
     NULL, 0, NULL},
    {"rlimits", FLAG_STRING, FIELD(rlimits), NULL, "Resource limits of the command: an RLimitInfo as JSON.", NULL, 0,
     NULL},
    {"role", FLAG_STRING, FIELD(role), "*", "Role of the framework.", NULL, 0, NULL},
    {"kill_after", FLAG_DURATION, FIELD(kill_after_ns), NULL, "Kill the task after so long (10secs, 2mins).", NULL, 0,
     NULL},
    {"principal", FLAG_STRING, FIELD(principal), NULL, "Who the framework is, for masters that authenticate.", NULL, 0,
     NULL},
    {"secret", FLAG_STRING, FIELD(secret), NULL, "The principal's secret.", NULL, FLAG_HIDDEN_VALUE | FLAG_FROM_FILE,
     NULL},
    {"content_type", FLAG_STRING, FIELD(content_type), "protobuf", "What is spoken with the master: protobuf or json.",
     NULL, 0, NULL},
    {"partition_aware", FLAG_BOOL, FIELD(partition_aware), "true", "Whether the framework has PARTITION_AWARE.", NULL,
     0, NULL},
};

#define NO_HDFS "packages in HDFS are not supported in this version; use the uris of a --task"
#define NO_IMAGE "container images and isolation are not supported in this version"

static const struct flag_refused refused[] = {
    {"hadoop", NO_HDFS},
    {"hdfs", NO_HDFS},
    {"package", NO_HDFS},
    {"overwrite", NO_HDFS},
    {"appc_image", NO_IMAGE},
    {"docker_image", NO_IMAGE},
    {"containerizer", NO_IMAGE},
    {"effective_capabilities", NO_IMAGE},
    {"bounding_capabilities", NO_IMAGE},
    {"networks", NO_IMAGE},
    {"volumes", NO_IMAGE},
    {"tty", "terminals are not supported in this version"},
    {NULL, NULL},
};

const struct flag_table execute_flag_table = {
    "mesos-execute", "Usage: mesos-execute [options]", "MESOS_", flags, ARRAY_SIZE(flags), refused,
};

int execute_flags_check(const struct execute_flags *f, struct error *err) {
    if (strcmp(f->content_type, "protobuf") != 0 && strcmp(f->content_type, "json") != 0)
        return error_set(err, EINVAL, "flag --content_type: expected protobuf or json, not '%s'", f->content_type);
    if (f->task != NULL && f->task_group != NULL)
        return error_set(err, EINVAL, "flags --task and --task_group exclude each other");
    if (f->task != NULL || f->task_group != NULL) {
        if (f->name != NULL || f->command != NULL || f->env != NULL || f->rlimits != NULL)
            return error_set(err, EINVAL,
                             "flags --name, --command, --env and --rlimits do not go with --task and --task_group");
        return 0;
    }
    if (f->name == NULL)
        return error_set(err, EINVAL, "flag --name is required");
    if (f->command == NULL)
        return error_set(err, EINVAL, "flag --command is required");
    return 0;
}

/* The value itself, or what is in the file that it names. */
static int read_value(const char *value, struct buffer *ret, struct error *err) {
    const char *path = text_starts_with(value, "file://") ? value + strlen("file://") : *value == '/' ? value : NULL;
    FILE *file;
    size_t size;

    if (path == NULL) {
        buffer_append_string(ret, value);
        return 0;
    }
    file = fopen(path, "re");
    if (file == NULL)
        return error_errno(err, "%s", path);
    do {
        size = fread(buffer_reserve(ret, 4096), 1, 4096, file);
        buffer_added(ret, size);
    } while (size > 0 && ret->size <= LARGEST_FILE_BYTES);
    fclose(file);
    return ret->size <= LARGEST_FILE_BYTES
               ? 0
               : error_set(err, EFBIG, "%s: larger than %d bytes", path, LARGEST_FILE_BYTES);
}

static int parse_message(const char *flag, const char *value, const ProtobufCMessageDescriptor *descriptor,
                         struct arena *arena, void *ret, struct error *err) {
    cleanup_buffer struct buffer text = BUFFER_INIT;
    ProtobufCMessage *message;

    if (read_value(value, &text, err) < 0 ||
        message_parse_json(descriptor, text.data, text.size, MESSAGE_V1, arena, &message, err) < 0)
        return error_wrap(err, "flag --%s", flag);
    *(void **)ret = message;
    return 0;
}

struct environment {
    struct arena *arena;
    Mesos__V1__Environment message;
};

static void add_variable(void *user, const char *name, const char *value) {
    struct environment *environment = user;
    Mesos__V1__Environment *message = &environment->message;
    Mesos__V1__Environment__Variable *variable = arena_alloc(environment->arena, sizeof(*variable)), **grown;

    mesos__v1__environment__variable__init(variable);
    variable->name = arena_strdup(environment->arena, name);
    variable->value = arena_strdup(environment->arena, value);
    grown = arena_alloc(environment->arena, (message->n_variables + 1) * sizeof(*grown));
    if (message->n_variables > 0)
        memcpy(grown, message->variables, message->n_variables * sizeof(*grown));
    grown[message->n_variables++] = variable;
    message->variables = grown;
}

static int parse_environment(const char *value, struct environment *environment, struct error *err) {
    cleanup_buffer struct buffer text = BUFFER_INIT;

    mesos__v1__environment__init(&environment->message);
    if (read_value(value, &text, err) < 0 ||
        json_parse_strings(text.data, text.size, add_variable, environment, err) < 0)
        return error_wrap(err, "flag --env");
    return 0;
}

/* The task that --name, --command and the like describe. */
static int command_task(const struct execute_flags *f, struct arena *arena, Mesos__V1__TaskInfo *task,
                        struct error *err) {
    Mesos__V1__CommandInfo *command = arena_alloc(arena, sizeof(*command));
    cleanup_resources struct resources resources = RESOURCES_INIT;
    struct environment environment = {.arena = arena};
    Mesos__V1__Resource **messages;

    mesos__v1__command_info__init(command);
    command->value = f->command;
    command->has_shell = true;
    command->shell = f->shell;
    if (f->env != NULL) {
        if (parse_environment(f->env, &environment, err) < 0)
            return -1;
        command->environment = MESSAGE_COPY_TO(&environment.message, arena);
    }
    if (f->rlimits != NULL) {
        Mesos__V1__ContainerInfo *container = arena_alloc(arena, sizeof(*container));

        mesos__v1__container_info__init(container);
        container->type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
        if (parse_message("rlimits", f->rlimits, &mesos__v1__rlimit_info__descriptor, arena, &container->rlimit_info,
                          err) < 0)
            return -1;
        task->container = container;
    }
    if (resources_parse(f->resources, "*", &resources, err) < 0)
        return error_wrap(err, "flag --resources");
    resources_to_messages(&resources, RESOURCE_FORMAT_NEW, arena, &messages, &task->n_resources);
    task->resources = arena_alloc(arena, task->n_resources * sizeof(*messages));
    for (size_t i = 0; i < task->n_resources; i++)
        task->resources[i] = MESSAGE_COPY_TO(messages[i], arena);
    task->name = f->name;
    task->task_id = arena_alloc(arena, sizeof(*task->task_id));
    mesos__v1__task_id__init(task->task_id);
    task->task_id->value = f->name;
    task->agent_id = arena_alloc(arena, sizeof(*task->agent_id));
    mesos__v1__agent_id__init(task->agent_id);
    task->agent_id->value = (char *)(uintptr_t) "";
    task->command = command;
    return 0;
}

int execute_tasks(const struct execute_flags *f, Mesos__V1__TaskInfo ***ret, size_t *ret_count, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__V1__TaskInfo single = MESOS__V1__TASK_INFO__INIT, *one = &single, **tasks = &one;
    Mesos__V1__TaskGroupInfo *group;
    size_t count = 1;

    if (f->task_group != NULL) {
        if (parse_message("task_group", f->task_group, &mesos__v1__task_group_info__descriptor, &arena, &group, err) <
            0)
            return -1;
        tasks = group->tasks;
        count = group->n_tasks;
        if (count == 0)
            return error_set(err, EINVAL, "flag --task_group: a group needs a task");
    } else if (f->task != NULL) {
        if (parse_message("task", f->task, &mesos__v1__task_info__descriptor, &arena, &one, err) < 0)
            return -1;
    } else if (command_task(f, &arena, &single, err) < 0) {
        return -1;
    }
    *ret = xcalloc(count, sizeof(**ret));
    *ret_count = count;
    for (size_t i = 0; i < count; i++)
        (*ret)[i] = MESSAGE_COPY(tasks[i]);
    return 0;
}

/* A list of capabilities, all in @arena. */
static int add_capability(Mesos__V1__FrameworkInfo *framework, const char *name, struct arena *arena,
                          struct error *err) {
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value_by_name(
        &mesos__v1__framework_info__capability__type__descriptor, name);
    Mesos__V1__FrameworkInfo__Capability *capability, **grown;

    if (value == NULL || value->value == 0)
        return error_set(err, EINVAL, "flag --framework_capabilities: '%s' is no capability of frameworks", name);
    capability = arena_alloc(arena, sizeof(*capability));
    mesos__v1__framework_info__capability__init(capability);
    capability->has_type = true;
    capability->type = (Mesos__V1__FrameworkInfo__Capability__Type)value->value;
    grown = arena_alloc(arena, (framework->n_capabilities + 1) * sizeof(*grown));
    if (framework->n_capabilities > 0)
        memcpy(grown, framework->capabilities, framework->n_capabilities * sizeof(*grown));
    grown[framework->n_capabilities++] = capability;
    framework->capabilities = grown;
    return 0;
}

static int add_capabilities(const struct execute_flags *f, Mesos__V1__FrameworkInfo *framework, struct arena *arena,
                            struct error *err) {
    char **names = text_split(f->framework_capabilities == NULL ? "" : f->framework_capabilities, ", ");
    int result = 0;

    add_capability(framework, "MULTI_ROLE", arena, NULL);
    add_capability(framework, "RESERVATION_REFINEMENT", arena, NULL);
    add_capability(framework, "TASK_KILLING_STATE", arena, NULL);
    if (f->partition_aware)
        add_capability(framework, "PARTITION_AWARE", arena, NULL);
    for (char **name = names; *name != NULL && result == 0; name++)
        result = add_capability(framework, *name, arena, err);
    text_list_free(names);
    return result;
}

int execute_framework(const struct execute_flags *f, Mesos__V1__FrameworkInfo **ret, struct error *err) {
    Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    char *roles[] = {f->role};
    struct passwd *user = getpwuid(getuid());

    if (user == NULL)
        return error_set(err, ENOENT, "no user has the id %u", (unsigned)getuid());
    framework.user = user->pw_name;
    framework.name = (char *)(uintptr_t) "mesos-execute instance";
    framework.roles = roles;
    framework.n_roles = 1;
    framework.has_checkpoint = true;
    framework.checkpoint = f->checkpoint;
    framework.principal = f->principal;
    if (add_capabilities(f, &framework, &arena, err) < 0)
        return -1;
    *ret = MESSAGE_COPY(&framework);
    return 0;
}
