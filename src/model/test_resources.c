/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "message/json.h"
#include "model/name.h"
#include "model/resources.h"

static struct resources parse(const char *text, const char *role) {
    struct resources resources;
    struct error err = ERROR_INIT;

    if (resources_parse(text, role, &resources, &err) < 0)
        fail_msg("%s: %s", text, error_message(&err));
    return resources;
}

static void assert_text(const struct resources *resources, const char *expected) {
    cleanup_free char *text = resources_text(resources);

    assert_string_equal(text, expected);
}

static void assert_prints(const char *from, const char *role, const char *expected) {
    cleanup_resources struct resources resources = parse(from, role);

    assert_text(&resources, expected);
}

static void assert_refused(const char *text, const char *reason) {
    struct resources resources;
    cleanup_error struct error err = ERROR_INIT;

    if (resources_parse(text, "*", &resources, &err) == 0)
        fail_msg("%s is taken", text);
    if (strstr(error_message(&err), reason) == NULL)
        fail_msg("%s: %s", text, error_message(&err));
}

/* One message from JSON, in @arena. */
static Mesos__V1__Resource *message(const char *json, struct arena *arena) {
    ProtobufCMessage *parsed;
    struct error err = ERROR_INIT;

    if (message_parse_json(&mesos__v1__resource__descriptor, json, strlen(json), MESSAGE_V1, arena, &parsed, &err) < 0)
        fail_msg("%s: %s", json, error_message(&err));
    return (Mesos__V1__Resource *)parsed;
}

static struct resources from_json(const char *json) {
    struct arena arena = ARENA_INIT;
    Mesos__V1__Resource *parsed = message(json, &arena);
    struct resources resources;
    struct error err = ERROR_INIT;

    if (resources_from_messages(&parsed, 1, &resources, &err) < 0)
        fail_msg("%s: %s", json, error_message(&err));
    arena_done(&arena);
    return resources;
}

static void assert_invalid(const char *json, const char *reason) {
    struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(resource_validate(message(json, &arena), &err), -1);
    if (strstr(error_message(&err), reason) == NULL)
        fail_msg("%s: %s", json, error_message(&err));
    arena_done(&arena);
}

static void text_is_parsed_and_printed_as_mesos_does(void **state) {
    (void)state;
    assert_prints("cpus:2;mem:1024;ports:[31000-32000]", "*", "cpus:2; mem:1024; ports:[31000-32000]");
    assert_prints("cpus(dev):2.5;mem:0.1", "prod",
                  "cpus(reservations: [(STATIC,dev)]):2.5; mem(reservations: [(STATIC,prod)]):0.1");
    assert_prints("ports:[3-4, 1-2,9-10]", "*", "ports:[1-4, 9-10]");
    assert_prints("disks:{a, b,c}", "*", "disks:{a, b, c}");
    assert_prints(" cpus : 1 ; mem(*) : 5 ;", "*", "cpus:1; mem:5");
    assert_prints("cpus:1;cpus:2", "*", "cpus:3");
    assert_prints("cpus:0;mem:0", "*", "{}");
    assert_prints("cpus:0.1;mem:1e3;x:1234567.891", "*", "cpus:0.1; mem:1000; x:1234567.891");
    assert_prints("cpus:1.00049", "*", "cpus:1");
    assert_prints("p:[0-18446744073709551615]", "*", "p:[0-18446744073709551615]");
    assert_prints("", "*", "{}");
}

static void json_is_parsed_like_text(void **state) {
    (void)state;
    assert_prints(
        "[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2}},"
        "{\"name\":\"ports\",\"type\":\"RANGES\",\"role\":\"dev\",\"ranges\":{\"range\":[{\"begin\":5,\"end\":9}]}}]",
        "prod", "cpus(reservations: [(STATIC,prod)]):2; ports(reservations: [(STATIC,dev)]):[5-9]");
    assert_refused("[{\"name\":\"cpus\"}]", "Some JSON resources were not formatted properly");
    assert_refused("[{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2},\"role\":\"a\","
                   "\"disk\":{\"persistence\":{\"id\":\"x\"}}}]",
                   "Persistent volumes cannot be specified");
    assert_refused("[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2},\"revocable\":{}}]",
                   "Revocable resources cannot be specified");
}

static void bad_values_are_refused(void **state) {
    enum { MANY = 1000000 };
    cleanup_free char *many = xmalloc(32 * MANY + 16), *long_name = xmalloc(100001);
    cleanup_resources struct resources merged = parse("ports:[1-5,3-9,10-12];cpus:1;cpus:2", "*");
    size_t size = 0;

    (void)state;
    assert_refused("cpus:0.00001", "Invalid scalar resource: value <= 0");
    assert_refused("cpus:nan", "Bad type for resource cpus value nan type TEXT");
    assert_refused("cpus:inf", "Bad type");
    assert_refused("cpus:-1", "Bad type");
    assert_refused("cpus:1e300", "Invalid scalar");
    assert_refused("cpus:1e-310", "Subnormal");
    assert_refused("cpus:abc", "Bad type");
    assert_refused("ports:[20-10]", "begin > end");
    assert_refused("ports:[1-x]", "Expecting non-negative integers");
    assert_refused("ports:[1]", "Expecting one or more");
    assert_refused("ports:[1-2", "Mismatched brackets");
    assert_refused("ports:[0-18446744073709551616]", "Expecting non-negative integers");
    assert_refused("set:{a,b,a}", "duplicated elements");
    assert_refused("cpus", "missing or extra ':'");
    assert_refused("cpus:", "missing or extra ':'");
    assert_refused("cpus:1:2", "missing or extra ':'");
    assert_refused("cpus(a:1", "mismatched parentheses");
    assert_refused("cpus(a/../b):1", "cannot include '..'");
    assert_refused("cpus(-a):1", "starts with a dash");
    assert_refused("cpus:1;cpus:[1-2]", "same name ('cpus') but different types");
    assert_refused(":1", "missing or extra ':'");
    /* Overlapping ranges are joined, and duplicate names added up. */
    assert_text(&merged, "ports:[1-12]; cpus:3");
    memset(long_name, 'n', 100000);
    memcpy(long_name + 99998, ":1", 3);
    resources_done(&merged);
    merged = parse(long_name, "*");
    assert_int_equal(strlen(merged.items[0].kind->name), 99998);
    size += (size_t)snprintf(many, 16, "ports:[");
    for (unsigned i = 0; i < MANY; i++)
        size += (size_t)snprintf(many + size, 32, "%s%u-%u", i == 0 ? "" : ",", 2 * i, 2 * i);
    snprintf(many + size, 16, "]");
    {
        cleanup_resources struct resources resources = parse(many, "*");

        assert_int_equal(resources.items[0].ranges->count, MANY);
        assert_true(resources_contain(&resources, &resources));
    }
}

static void messages_are_validated_with_the_words_of_mesos(void **state) {
    (void)state;
    assert_invalid("{\"name\":\"\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}", "Empty resource name");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\"}", "Invalid scalar resource");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":-1}}", "value <= 0");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.00001}}", "value <= 0");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1e300}}", "Invalid scalar");
    assert_invalid("{\"name\":\"p\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":5,\"end\":4}]}}",
                   "begin > end");
    assert_invalid("{\"name\":\"p\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":5,\"end\":9},"
                   "{\"begin\":1,\"end\":5}]}}",
                   "overlapping ranges");
    assert_invalid("{\"name\":\"s\",\"type\":\"SET\",\"set\":{\"item\":[\"a\",\"a\"]}}", "duplicated elements");
    assert_invalid("{\"name\":\"t\",\"type\":\"TEXT\"}", "Unsupported resource type");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"disk\":{}}",
                   "DiskInfo should not be set for cpus resource");
    assert_invalid("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},"
                   "\"disk\":{\"source\":{\"type\":\"RAW\",\"path\":{}}}}",
                   "Path should not be set for RAW disk source");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"role\":\"a//b\"}",
                   "two adjacent slashes");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservation\":{}}",
                   "role \"*\" cannot be dynamically reserved");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},"
                   "\"reservations\":[{\"role\":\"a\"}]}",
                   "'Resource.ReservationInfo.type' field must be set");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":"
                   "[{\"type\":\"STATIC\",\"role\":\"a\"},{\"type\":\"DYNAMIC\",\"role\":\"b\"}]}",
                   "role 'b' is not a refinement of 'a'");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"role\":\"b\",\"reservations\":"
                   "[{\"type\":\"STATIC\",\"role\":\"a\"}]}",
                   "does not match the role");
    assert_invalid("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"shared\":{}}",
                   "Resource cpus cannot be shared");
    assert_invalid("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"shared\":{}}",
                   "Only persistent volumes can be shared");
}

static void old_and_new_reservations_are_the_same(void **state) {
    struct resources old = from_json("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"role\":\"a\","
                                     "\"reservation\":{\"principal\":\"p\"}}");
    struct resources new = from_json("{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":"
                                     "[{\"type\":\"DYNAMIC\",\"role\":\"a\",\"principal\":\"p\"}]}");
    struct arena arena = ARENA_INIT;
    Mesos__V1__Resource **messages;
    size_t count;

    (void)state;
    assert_true(resources_equal(&old, &new));
    assert_text(&old, "cpus(reservations: [(DYNAMIC,a,p)]):1");
    resources_to_messages(&new, RESOURCE_FORMAT_OLD, &arena, &messages, &count);
    assert_int_equal(count, 1);
    assert_string_equal(messages[0]->role, "a");
    assert_string_equal(messages[0]->reservation->principal, "p");
    assert_int_equal(messages[0]->n_reservations, 0);
    resources_to_messages(&new, RESOURCE_FORMAT_ENDPOINT, &arena, &messages, &count);
    assert_string_equal(messages[0]->role, "a");
    assert_int_equal(messages[0]->n_reservations, 1);
    arena_done(&arena);
    resources_done(&old);
    resources_done(&new);
}

static void labels_compare_in_any_order(void **state) {
    static const char format[] =
        "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":[{\"type\":\"DYNAMIC\","
        "\"role\":\"a\",\"labels\":{\"labels\":[{\"key\":\"%s\",\"value\":\"1\"},{\"key\":\"%s\",\"value\":\"1\"}]}}]}";
    cleanup_free char *one = xasprintf(format, "k", "l"), *other = xasprintf(format, "l", "k");
    cleanup_resources struct resources a = from_json(one), b = from_json(other);

    (void)state;
    resources_add(&a, &b);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.items[0].scalar, 2000);
}

static const char volume_format[] =
    "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":64},\"reservations\":[{\"type\":\"DYNAMIC\","
    "\"role\":\"a\"}],\"disk\":{\"persistence\":{\"id\":\"%s\"},\"volume\":{\"container_path\":\"%s\",\"mode\":\"RW\"}}"
    "%s}";

static void volumes_are_kept_apart_whatever_their_mounts(void **state) {
    cleanup_free char *one = xasprintf(volume_format, "id", "here", ""),
                      *same = xasprintf(volume_format, "id", "there", "");
    cleanup_free char *other = xasprintf(volume_format, "id2", "here", "");
    cleanup_resources struct resources a = from_json(one), b = from_json(same), c = from_json(other);

    (void)state;
    assert_true(resources_equal(&a, &b));
    assert_false(resources_equal(&a, &c));
    resources_add(&a, &c);
    assert_int_equal(a.count, 2);
    resources_subtract(&a, &b);
    assert_true(resources_equal(&a, &c));
    assert_text(&a, "disk(reservations: [(DYNAMIC,a)])[id2:here]:64");
}

static void shared_volumes_are_counted(void **state) {
    cleanup_free char *json = xasprintf(volume_format, "id", "here", ",\"shared\":{}");
    cleanup_resources struct resources a = from_json(json), sum = RESOURCES_INIT;

    (void)state;
    for (int i = 0; i < 3; i++)
        resources_add(&sum, &a);
    assert_int_equal(sum.count, 1);
    assert_int_equal(sum.items[0].shared_count, 3);
    assert_text(&sum, "disk(reservations: [(DYNAMIC,a)])[id:here]<SHARED>:64<3>");
    assert_true(resources_contain(&sum, &a));
    assert_false(resources_contain(&a, &sum));
    for (int i = 0; i < 3; i++)
        resources_subtract(&sum, &a);
    assert_true(resources_is_empty(&sum));
}

static void mount_disks_are_never_divided(void **state) {
    static const char json[] = "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":100},"
                               "\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/m\"}}}}";
    static const char less[] = "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":60},"
                               "\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/m\"}}}}";
    cleanup_resources struct resources whole = from_json(json), part = from_json(less);
    struct resource resource = whole.items[0];

    (void)state;
    assert_text(&whole, "disk[MOUNT:/m]:100");
    assert_false(resources_contain(&whole, &part));
    assert_false(resource_shrink(&resource, 60000));
    assert_true(resource_shrink(&resource, 100000));
    assert_int_equal(resource.scalar, 100000);
}

static void operations_convert_and_refuse(void **state) {
    cleanup_resources struct resources total = parse("cpus:4;mem:100", "*"), reserved = parse("cpus:2", "*");
    Mesos__V1__Resource__ReservationInfo info = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT;
    Mesos__V1__Offer__Operation__Reserve reserve = MESOS__V1__OFFER__OPERATION__RESERVE__INIT;
    Mesos__V1__Offer__Operation__Unreserve unreserve = MESOS__V1__OFFER__OPERATION__UNRESERVE__INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;

    (void)state;
    info.has_type = true;
    info.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    info.role = (char *)"a";
    assert_int_equal(resources_push_reservation(&reserved, &info, &err), 0);
    resources_to_messages(&reserved, RESOURCE_FORMAT_NEW, &arena, &reserve.resources, &reserve.n_resources);
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
    operation.reserve = &reserve;
    assert_int_equal(resources_apply_operation(&total, &operation, &err), 0);
    assert_text(&total, "cpus:2; mem:100; cpus(reservations: [(DYNAMIC,a)]):2");
    assert_int_equal(resources_apply_operation(&total, &operation, &err), 0);
    assert_int_equal(resources_apply_operation(&total, &operation, &err), -1);
    assert_text(&total, "cpus(reservations: [(DYNAMIC,a)]):4; mem:100");
    unreserve.resources = reserve.resources;
    unreserve.n_resources = reserve.n_resources;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE;
    operation.unreserve = &unreserve;
    assert_int_equal(resources_apply_operation(&total, &operation, &err), 0);
    assert_text(&total, "cpus(reservations: [(DYNAMIC,a)]):2; mem:100; cpus:2");
    info.role = (char *)"b";
    assert_int_equal(resources_push_reservation(&reserved, &info, &err), -1);
    arena_done(&arena);
}

static void volumes_are_created_grown_shrunk_and_destroyed(void **state) {
    cleanup_free char *json = xasprintf(volume_format, "id", "here", "");
    cleanup_resources struct resources total = from_json(
        "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":100},"
        "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"a\"}]}");
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT;
    Mesos__V1__Offer__Operation__Create create = MESOS__V1__OFFER__OPERATION__CREATE__INIT;
    Mesos__V1__Offer__Operation__Destroy destroy = MESOS__V1__OFFER__OPERATION__DESTROY__INIT;
    Mesos__V1__Offer__Operation__GrowVolume grow = MESOS__V1__OFFER__OPERATION__GROW_VOLUME__INIT;
    Mesos__V1__Offer__Operation__ShrinkVolume shrink = MESOS__V1__OFFER__OPERATION__SHRINK_VOLUME__INIT;
    Mesos__V1__Value__Scalar subtract = MESOS__V1__VALUE__SCALAR__INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;
    Mesos__V1__Resource *volume = message(json, &arena), *addition;

    (void)state;
    create.volumes = destroy.volumes = &volume;
    create.n_volumes = destroy.n_volumes = 1;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__CREATE;
    operation.create = &create;
    assert_int_equal(resources_apply_operation(&total, &operation, &err), 0);
    assert_text(&total, "disk(reservations: [(DYNAMIC,a)]):36; disk(reservations: [(DYNAMIC,a)])[id:here]:64");
    addition = message("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":6},"
                       "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"a\"}]}",
                       &arena);
    grow.volume = volume;
    grow.addition = addition;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__GROW_VOLUME;
    operation.grow_volume = &grow;
    assert_int_equal(resources_apply_operation(&total, &operation, &err), 0);
    assert_int_equal(resources_scalar(&total, "disk"), 100000);
    volume->scalar->value = 70;
    subtract.value = 20;
    shrink.volume = volume;
    shrink.subtract = &subtract;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__SHRINK_VOLUME;
    operation.shrink_volume = &shrink;
    assert_int_equal(resources_apply_operation(&total, &operation, &err), 0);
    assert_text(&total, "disk(reservations: [(DYNAMIC,a)]):50; disk(reservations: [(DYNAMIC,a)])[id:here]:50");
    volume->scalar->value = 50;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__DESTROY;
    operation.destroy = &destroy;
    assert_int_equal(resources_apply_operation(&total, &operation, &err), 0);
    assert_text(&total, "disk(reservations: [(DYNAMIC,a)]):100");
    assert_int_equal(resources_apply_operation(&total, &operation, &err), -1);
    arena_done(&arena);
}

static void checkpointed_resources_are_put_into_the_total(void **state) {
    cleanup_free char *json = xasprintf(volume_format, "id", "here", "");
    cleanup_resources struct resources total = parse("cpus:4;disk:100", "*"), checkpointed = from_json(json);
    cleanup_error struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(resources_apply_checkpointed(&total, &checkpointed, &err), 0);
    assert_text(&total, "cpus:4; disk:36; disk(reservations: [(DYNAMIC,a)])[id:here]:64");
    assert_int_equal(resources_apply_checkpointed(&total, &checkpointed, &err), -1);
}

/* The array that copies share may be larger than what each needs of its own. */
static void copies_grow_each_for_itself(void **state) {
    cleanup_resources struct resources all = parse("a:1;b:2;c:3;d:4;e:5", "*"), last = parse("e:5", "*"),
                                       other = parse("f:6;a:1", "*");
    cleanup_resources struct resources copy, sum;

    resources_subtract(&all, &last);
    resources_copy(&copy, &all);
    resources_copy(&sum, &all);
    resources_add_one(&copy, &other.items[0]);
    resources_add(&sum, &other);
    assert_true(copy.count <= copy.capacity && sum.count <= sum.capacity);
    assert_text(&all, "a:1; b:2; c:3; d:4");
    assert_text(&copy, "a:1; b:2; c:3; d:4; f:6");
    assert_text(&sum, "a:2; b:2; c:3; d:4; f:6");
}

/* Also of one array to itself, of which some cannot be added together. */
static void resources_are_added_to_themselves(void **state) {
    cleanup_resources struct resources all = parse("cpus:1;mem:2", "*"), disk, twice;

    disk = from_json("{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":5},\"disk\":{\"source\":{"
                     "\"type\":\"MOUNT\",\"mount\":{\"root\":\"/m\"}}}}");
    for (int i = 0; i < 3; i++)
        resources_add(&all, &disk);
    resources_copy(&twice, &all);
    resources_add(&twice, &twice);
    resources_add(&all, &all);
    assert_int_equal(twice.count, 8);
    assert_true(resources_equal(&twice, &all));
}

static void finding_prefers_the_own_reservation(void **state) {
    cleanup_resources struct resources total = parse("cpus:2;cpus(a):1;cpus(b):4", "*"),
                                       wanted = parse("cpus(a):2", "*");
    cleanup_resources struct resources found = RESOURCES_INIT, much = parse("cpus:8", "*");

    (void)state;
    assert_true(resources_find(&total, &wanted, &found));
    assert_text(&found, "cpus(reservations: [(STATIC,a)]):1; cpus:1");
    resources_done(&found);
    assert_false(resources_find(&total, &much, &found));
}

/* Algebra: properties that must hold whatever the resources are. */

static uint64_t random_state;

static uint64_t draw(uint64_t below) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % below;
}

static const char *const kinds[] = {
    "\"name\":\"cpus\"",
    "\"name\":\"mem\"",
    "\"name\":\"cpus\",\"revocable\":{}",
    "\"name\":\"cpus\",\"reservations\":[{\"type\":\"STATIC\",\"role\":\"a\"}]",
    "\"name\":\"cpus\",\"reservations\":[{\"type\":\"STATIC\",\"role\":\"a\"},{\"type\":\"DYNAMIC\",\"role\":\"a/b\"}]",
    "\"name\":\"mem\",\"provider_id\":{\"value\":\"p\"}",
    "\"name\":\"disk\",\"disk\":{\"source\":{\"type\":\"PATH\",\"path\":{\"root\":\"/p\"}}}",
    "\"name\":\"disk\",\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/m\"}}}",
    "\"name\":\"disk\",\"disk\":{\"source\":{\"type\":\"RAW\",\"id\":\"r\"}}",
    "\"name\":\"disk\",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"a\"}],\"disk\":{\"persistence\":{\"id\":"
    "\"v\"}}",
    "\"name\":\"disk\",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"a\"}],\"disk\":{\"persistence\":{\"id\":"
    "\"w\"}},"
    "\"shared\":{}",
};

static struct resources samples[ARRAY_SIZE(kinds) + 3];

static void make_samples(void) {
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        cleanup_free char *json = xasprintf("{%s,\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}", kinds[i]);

        samples[i] = from_json(json);
    }
    samples[ARRAY_SIZE(kinds)] = parse("ports:[1-2]", "*");
    samples[ARRAY_SIZE(kinds) + 1] = parse("ports(a):[1-2]", "*");
    samples[ARRAY_SIZE(kinds) + 2] = parse("zones:{x}", "*");
}

static void make_ranges(char *text, size_t size, const char *name, unsigned lane) {
    unsigned first = (unsigned)draw(4) * 300 + lane * 100, second = (unsigned)draw(4) * 300 + lane * 100;

    snprintf(text, size, "%s:[%u-%u,%u-%u]", name, first, first + (unsigned)draw(100), second,
             second + (unsigned)draw(100));
}

/* Random resources. Ranges and sets of different @lane have nothing in common. */
static struct resources make(unsigned lane) {
    struct resources all = RESOURCES_INIT;
    size_t count = draw(5);

    for (size_t i = 0; i < count; i++) {
        const struct resources *sample = &samples[draw(ARRAY_SIZE(samples))];
        cleanup_resources struct resources part = RESOURCES_INIT;
        struct resource one = sample->items[0];
        char text[128];

        switch (sample->items[0].kind->type) {
        case RESOURCE_SCALAR:
            one.scalar = (int64_t)(1 + draw(5)) * 500;
            resources_add_one(&part, &one);
            break;
        case RESOURCE_RANGES:
            make_ranges(text, sizeof(text), sample == &samples[ARRAY_SIZE(kinds)] ? "ports" : "ports(a)", lane);
            part = parse(text, "*");
            break;
        default:
            snprintf(text, sizeof(text), "zones:{l%ui%u}", lane, (unsigned)draw(4));
            part = parse(text, "*");
            break;
        }
        if (draw(4) == 0)
            resources_allocate(&part, draw(2) == 0 ? "a" : "b");
        resources_add(&all, &part);
    }
    return all;
}

static void check_equal(const struct resources *a, const struct resources *b, const char *property) {
    if (!resources_equal(a, b))
        fail_msg("%s: %s is not %s", property, resources_text(a), resources_text(b));
}

static void check_round_trips(const struct resources *a) {
    struct arena arena = ARENA_INIT;

    for (int format = RESOURCE_FORMAT_NEW; format <= RESOURCE_FORMAT_ENDPOINT; format++) {
        Mesos__V1__Resource **messages;
        struct resources copies = RESOURCES_INIT, again;
        struct error err = ERROR_INIT;
        size_t count;

        if (format == RESOURCE_FORMAT_OLD && resources_has_refined_reservations(a))
            continue;
        resources_to_messages(a, (enum resource_format)format, &arena, &messages, &count);
        if (resources_from_messages(messages, count, &again, &err) < 0)
            fail_msg("%s", error_message(&err));
        /* A message has no count of copies. */
        for (size_t i = 0; i < a->count; i++) {
            struct resource one = a->items[i];

            one.shared_count = 1;
            resources_add_one(&copies, &one);
        }
        check_equal(&again, &copies, "messages");
        resources_done(&copies);
        resources_done(&again);
    }
    arena_done(&arena);
}

static void check_algebra(void) {
    cleanup_resources struct resources a = make(0), b = make(1), c = make(2), sum = RESOURCES_INIT,
                                       other = RESOURCES_INIT, part = RESOURCES_INIT;
    cleanup_free char *a_before = resources_text(&a), *b_before = resources_text(&b), *a_after = NULL, *b_after = NULL;

    resources_assign(&sum, &a);
    resources_add(&sum, &b);
    assert_true(resources_contain(&sum, &a));
    assert_true(resources_contain(&sum, &b));
    resources_assign(&other, &b);
    resources_add(&other, &a);
    check_equal(&sum, &other, "a + b = b + a");
    resources_subtract(&other, &b);
    check_equal(&other, &a, "a + b - b = a");
    resources_assign(&other, &b);
    resources_add(&other, &c);
    resources_add(&other, &a);
    resources_add(&sum, &c);
    check_equal(&sum, &other, "(a + b) + c = a + (b + c)");
    if (resources_contain(&a, &b)) {
        resources_assign(&other, &a);
        resources_subtract(&other, &b);
        resources_add(&other, &b);
        check_equal(&other, &a, "a - b + b = a");
    }
    resources_done(&other);
    resources_unreserved(&sum, &other);
    resources_reserved(&sum, NULL, &part);
    resources_add(&other, &part);
    check_equal(&other, &sum, "reserved + unreserved = all");
    resources_subtract(&other, &sum);
    assert_true(resources_is_empty(&other));
    check_round_trips(&sum);
    /* Copies share memory, but not what is done to them. */
    resources_assign(&other, &b);
    resources_allocate(&other, "r");
    a_after = resources_text(&a);
    b_after = resources_text(&b);
    assert_string_equal(a_before, a_after);
    assert_string_equal(b_before, b_after);
}

static void algebra_holds_for_random_resources(void **state) {
    const char *cases = getenv("RESOURCE_CASES"); /* by hand: some millions */
    size_t count = cases == NULL ? 20000 : strtoul(cases, NULL, 10);

    (void)state;
    make_samples();
    random_state = 1;
    for (size_t i = 0; i < count; i++)
        check_algebra();
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        resources_done(&samples[i]);
}

static void nothing_is_left_of_released_values(void **state) {
    (void)state;
    assert_null(name_find("cpus"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_parsed_and_printed_as_mesos_does),
        cmocka_unit_test(json_is_parsed_like_text),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(messages_are_validated_with_the_words_of_mesos),
        cmocka_unit_test(old_and_new_reservations_are_the_same),
        cmocka_unit_test(labels_compare_in_any_order),
        cmocka_unit_test(volumes_are_kept_apart_whatever_their_mounts),
        cmocka_unit_test(shared_volumes_are_counted),
        cmocka_unit_test(mount_disks_are_never_divided),
        cmocka_unit_test(operations_convert_and_refuse),
        cmocka_unit_test(volumes_are_created_grown_shrunk_and_destroyed),
        cmocka_unit_test(checkpointed_resources_are_put_into_the_total),
        cmocka_unit_test(copies_grow_each_for_itself),
        cmocka_unit_test(resources_are_added_to_themselves),
        cmocka_unit_test(finding_prefers_the_own_reservation),
        cmocka_unit_test(algebra_holds_for_random_resources),
        cmocka_unit_test(nothing_is_left_of_released_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
