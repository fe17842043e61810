/* SPDX-License-Identifier: Apache-2.0 */
/* What a task keeps of a message, and gives back. */
#include "master/test_world.h"

#include "message/json.h"

#define STATUS(state, time, more) \
    "{\"task_id\":{\"value\":\"t\"},\"state\":\"" state "\",\"timestamp\":" time \
    ",\"agent_id\":{\"value\":\"a\"}" more "}"
#define CONTAINER(id) ",\"container_status\":{\"container_id\":{\"value\":\"" id "\"}}"
#define RUNNING(more) \
    "{\"name\":\"n\",\"task_id\":{\"value\":\"t\"},\"framework_id\":{\"value\":\"f\"},\"agent_id\":{\"value\":\"a\"}," \
    "\"state\":\"TASK_RUNNING\",\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}," \
    "\"allocation_info\":{\"role\":\"r\"}}]" more "}"

static struct framework *add_framework(struct world *world) {
    Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    info.user = "u";
    info.name = "n";
    info.id = &id;
    id.value = "f";
    return framework_recover(world->master, &info);
}

static Mesos__V1__Task *parse(const char *text, struct arena *arena) {
    struct error err = ERROR_INIT;
    Mesos__V1__Task *message;

    if (MESSAGE_PARSE_JSON(&mesos__v1__task__descriptor, text, strlen(text), MESSAGE_V1, arena, &message, &err) < 0)
        fail_msg("%s", error_message(&err));
    return message;
}

static void a_task_gives_back_what_it_was_made_of(void **state) {
    static const char *const texts[] = {
        RUNNING(),
        RUNNING(",\"executor_id\":{\"value\":\"e\"}"),
        RUNNING(",\"labels\":{\"labels\":[{\"key\":\"k\",\"value\":\"v\"}]}"),
        RUNNING(",\"user\":\"root\",\"container\":{\"type\":\"MESOS\"},\"limits\":{\"cpus\":{\"value\":2}}"),
        RUNNING(",\"status_update_state\":\"TASK_STARTING\",\"status_update_uuid\":\"nPXmOWfrS3qdsgubkNqE9w==\""),
        RUNNING(",\"statuses\":[" STATUS("TASK_STARTING", "1.5", "") "]"),
        RUNNING(",\"statuses\":[" STATUS("TASK_STARTING", "1", CONTAINER("c") ",\"message\":\"m\"") "," STATUS(
            "TASK_RUNNING", "2",
            CONTAINER("c")) "," STATUS("TASK_KILLING", "3",
                                       CONTAINER("c") ",\"healthy\":true") "," STATUS("TASK_FINISHED", "4",
                                                                                      CONTAINER("d")) "]"),
    };
    struct world *world = *state;
    struct framework *framework = add_framework(world);

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct arena arena = ARENA_INIT;
        const Mesos__V1__Task *message = parse(texts[i], &arena);
        struct task *task = task_new_from_message(message, framework);
        const Mesos__V1__Task *again = task_to_message(task, RESOURCE_FORMAT_NEW, &arena);
        const Mesos__V1__TaskStatus *last = task_last_status(task, &arena);

        if (!MESSAGE_EQUAL(message, again))
            fail_msg("%s", texts[i]);
        assert_true(MESSAGE_EQUAL(last, message->n_statuses == 0 ? NULL : message->statuses[message->n_statuses - 1]));
        task_free(task);
        arena_done(&arena);
    }
}

/* An update of the state that the last one told takes its place, whatever the one before was like. */
static void a_repeated_state_takes_the_place_of_the_last(void **state) {
    struct world *world = *state;
    struct framework *framework = add_framework(world);
    struct arena arena = ARENA_INIT;
    const Mesos__V1__Task *before = parse(
        RUNNING(",\"statuses\":[" STATUS("TASK_STARTING", "1", CONTAINER("c")) "," STATUS("TASK_RUNNING", "2",
                                                                                          CONTAINER("d")) "]"),
        &arena);
    const Mesos__V1__Task *after = parse(
        RUNNING(",\"statuses\":[" STATUS("TASK_STARTING", "1", CONTAINER("c")) "," STATUS(
            "TASK_RUNNING", "3", CONTAINER("c")) "," STATUS("TASK_KILLING", "4", CONTAINER("c")) "]"),
        &arena);
    struct task *task = task_new_from_message(before, framework);
    const Mesos__V1__Task *message;

    task_update(world->master, task, after->statuses[1], TASK_RUNNING);
    task_update(world->master, task, after->statuses[2], TASK_RUNNING);
    message = task_to_message(task, RESOURCE_FORMAT_NEW, &arena);
    assert_true(MESSAGE_EQUAL(message, after));
    task_free(task);
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_task_gives_back_what_it_was_made_of, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_repeated_state_takes_the_place_of_the_last, world_setup, world_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
