/* SPDX-License-Identifier: Apache-2.0 */
/* MB/s of the codecs on messages as they occur: a launch of ten tasks, an event with twenty offers, and a state of a
 * thousand tasks. Decoding stands beside protobuf-c's own unpacking, and reading JSON beside json-c's building of a
 * tree. Each pair runs in turns; the best round counts, as the machine is noisy. */
#include <stdio.h>
#include <time.h>

/* One of its types is called as a function of base/json.h. */
#define json_bool json_c_bool
#include <json-c/json.h>
#undef json_bool

#include "mesos/v1/master/master.pb-c.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "message/json.h"

enum { ROUNDS = 7, ROUND_BYTES = 24 * 1000 * 1000 };

struct subject {
    const char *name;
    const ProtobufCMessageDescriptor *descriptor;
    ProtobufCMessage *message;
    struct buffer bytes, json, scratch;
    struct arena arena, keeper;
};

static double now(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void require(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "bench_codec: %s\n", what);
        exit(1);
    }
}

/* What is measured; each handles the whole message once. */

static void decode(struct subject *subject) {
    ProtobufCMessage *message;

    arena_reset(&subject->arena);
    require(message_decode(subject->descriptor, subject->bytes.data, subject->bytes.size, &subject->arena, &message,
                           NULL) == 0,
            "decode");
}

static void unpack(struct subject *subject) {
    ProtobufCMessage *message = protobuf_c_message_unpack(subject->descriptor, NULL, subject->bytes.size,
                                                          (const uint8_t *)subject->bytes.data);

    require(message != NULL, "unpack");
    protobuf_c_message_free_unpacked(message, NULL);
}

static void encode(struct subject *subject) {
    buffer_clear(&subject->scratch);
    message_encode(subject->message, &subject->scratch);
}

static void copy(struct subject *subject) {
    message_free(message_copy(subject->message, NULL));
}

static void write_json(struct subject *subject) {
    buffer_clear(&subject->scratch);
    message_append_json(subject->message, MESSAGE_V1, &subject->scratch);
}

static void read_json(struct subject *subject) {
    ProtobufCMessage *message;

    arena_reset(&subject->arena);
    require(message_parse_json(subject->descriptor, subject->json.data, subject->json.size, MESSAGE_V1, &subject->arena,
                               &message, NULL) == 0,
            "read JSON");
}

static void build_tree(struct subject *subject) {
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *tree = json_tokener_parse_ex(tokener, subject->json.data, (int)subject->json.size);

    require(tree != NULL, "json-c");
    json_object_put(tree);
    json_tokener_free(tokener);
}

struct measurement {
    const char *name;
    void (*run)(struct subject *subject);
    bool is_json; /* its bytes are those of the JSON form */
};

static const struct measurement measurements[] = {
    {"protobuf decode into an arena", decode, false},
    {"  protobuf_c_message_unpack", unpack, false},
    {"protobuf encode", encode, false},
    {"copy", copy, false},
    {"JSON encode", write_json, true},
    {"JSON decode into an arena", read_json, true},
    {"  json-c tree alone", build_tree, true},
};

static double measure_round(const struct measurement *measurement, struct subject *subject) {
    size_t size = measurement->is_json ? subject->json.size : subject->bytes.size;
    size_t times = ROUND_BYTES / size + 1;
    double begin = now();

    for (size_t i = 0; i < times; i++)
        measurement->run(subject);
    return (double)(times * size) / (now() - begin) / 1e6;
}

static void measure(struct subject *subject) {
    double best[ARRAY_SIZE(measurements)] = {0};

    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < ARRAY_SIZE(measurements); i++) {
            double rate = measure_round(&measurements[i], subject);

            best[i] = rate > best[i] ? rate : best[i];
        }
    printf("%s (%zu bytes, as JSON %zu)\n", subject->name, subject->bytes.size, subject->json.size);
    for (size_t i = 0; i < ARRAY_SIZE(measurements); i++)
        printf("  %-32s %6.0f MB/s\n", measurements[i].name, best[i]);
    printf("  decode against unpack: %.2f\n", best[0] / best[1]);
}

/* The subjects, written as JSON */

static void append_resources(struct buffer *text, bool with_ports) {
    static const char allocation[] = "\"allocation_info\":{\"role\":\"services/web\"},"
                                     "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"services/web\","
                                     "\"principal\":\"scheduler\"}]";

    buffer_printf(text,
                  "\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5},%s},"
                  "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":512.0},%s},"
                  "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1024.125},%s}",
                  allocation, allocation, allocation);
    if (with_ports)
        buffer_printf(text,
                      ",{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":31000,\"end\":31007},"
                      "{\"begin\":31009,\"end\":32000}]},%s}",
                      allocation);
    buffer_append_string(text, "]");
}

static void append_task(struct buffer *text, int i) {
    buffer_printf(
        text,
        "{\"name\":\"web.instance-%06d\",\"task_id\":{\"value\":\"web.instance-%06d.8f1c2a7e-55d1-4f0b-9f0e\"},"
        "\"agent_id\":{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-%012d-S%d\"},",
        i, i, i, i % 100);
    append_resources(text, false);
    buffer_append_string(
        text,
        ",\"command\":{\"shell\":true,\"value\":\"exec ./bin/serve --port $PORT0 --config \\\"etc/web.json\\\"\","
        "\"user\":\"nobody\",\"uris\":[{\"value\":\"https://artifacts.example.org/web/web-1.42.0.tar.gz\","
        "\"extract\":true,\"cache\":true}],\"environment\":{\"variables\":[{\"name\":\"LOG_LEVEL\",\"value\":\"info\"},"
        "{\"name\":\"REGION\",\"value\":\"eu-central-1\"},{\"name\":\"JAVA_OPTS\",\"value\":\"-Xmx384m -Xms384m\"}]}},"
        "\"health_check\":{\"type\":\"HTTP\",\"http\":{\"port\":8080,\"path\":\"/health\"},\"delay_seconds\":15.0,"
        "\"interval_seconds\":10.0,\"timeout_seconds\":20.0,\"consecutive_failures\":3},"
        "\"labels\":{\"labels\":[{\"key\":\"team\",\"value\":\"web\"},{\"key\":\"version\",\"value\":\"1.42.0\"}]},"
        "\"data\":\"eyJzZXJ2aWNlIjoid2ViIn0=\"}");
}

static void write_launch(struct buffer *text) {
    buffer_append_string(text, "{\"framework_id\":{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-0000\"},\"type\":\"ACCEPT\","
                               "\"accept\":{\"offer_ids\":[{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-O17\"}],"
                               "\"operations\":[{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[");
    for (int i = 0; i < 10; i++) {
        buffer_append_string(text, i > 0 ? "," : "");
        append_task(text, i);
    }
    buffer_append_string(text, "]}}],\"filters\":{\"refuse_seconds\":5.0}}}");
}

static void write_offers(struct buffer *text) {
    buffer_append_string(text, "{\"type\":\"OFFERS\",\"offers\":{\"offers\":[");
    for (int i = 0; i < 20; i++) {
        buffer_printf(
            text,
            "%s{\"id\":{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-O%d\"},"
            "\"framework_id\":{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-0000\"},"
            "\"agent_id\":{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-S%d\"},"
            "\"hostname\":\"node-%03d.example.org\",\"url\":{\"scheme\":\"http\",\"address\":{\"hostname\":"
            "\"node-%03d.example.org\",\"ip\":\"10.0.0.%d\",\"port\":5051},\"path\":\"/slave(1)\"},"
            "\"allocation_info\":{\"role\":\"services/web\"},\"attributes\":[{\"name\":\"rack\",\"type\":\"TEXT\","
            "\"text\":{\"value\":\"r%d\"}},{\"name\":\"zone\",\"type\":\"TEXT\",\"text\":{\"value\":\"a\"}}],",
            i > 0 ? "," : "", i, i, i, i, i, i % 4);
        append_resources(text, true);
        buffer_append_string(text, "}");
    }
    buffer_append_string(text, "]}}");
}

static void write_state(struct buffer *text) {
    buffer_append_string(text, "{\"type\":\"GET_TASKS\",\"get_tasks\":{\"tasks\":[");
    for (int i = 0; i < 1000; i++) {
        buffer_printf(text,
                      "%s{\"name\":\"web.instance-%06d\",\"task_id\":{\"value\":\"web.instance-%06d\"},"
                      "\"framework_id\":{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-0000\"},"
                      "\"executor_id\":{\"value\":\"\"},\"agent_id\":{\"value\":\"2f6a0b7c-7d57-4d0b-a0d1-S%d\"},"
                      "\"state\":\"TASK_RUNNING\",",
                      i > 0 ? "," : "", i, i, i % 100);
        append_resources(text, false);
        buffer_printf(
            text,
            ",\"statuses\":[{\"task_id\":{\"value\":\"web.instance-%06d\"},\"state\":\"TASK_RUNNING\","
            "\"source\":\"SOURCE_EXECUTOR\",\"timestamp\":1606232317.%05d,\"uuid\":\"ZmFrZSB1dWlkIDEyMzQ1Ng==\","
            "\"container_status\":{\"container_id\":{\"value\":\"8f1c2a7e-55d1-4f0b-9f0e-%012d\"},"
            "\"network_infos\":[{\"ip_addresses\":[{\"protocol\":\"IPv4\",\"ip_address\":\"10.0.0.%d\"}]}]}}],"
            "\"labels\":{\"labels\":[{\"key\":\"team\",\"value\":\"web\"}]},\"user\":\"nobody\"}",
            i, i * 7 + 1, i, i % 250);
    }
    buffer_append_string(text, "]}}");
}

static void run(const char *name, const ProtobufCMessageDescriptor *descriptor, void (*write)(struct buffer *text)) {
    struct subject subject = {.name = name, .descriptor = descriptor};
    cleanup_error struct error err = ERROR_INIT;

    write(&subject.json);
    if (message_parse_json(descriptor, subject.json.data, subject.json.size, MESSAGE_V1, &subject.keeper,
                           &subject.message, &err) < 0)
        require(false, error_message(&err));
    buffer_clear(&subject.json);
    message_append_json(subject.message, MESSAGE_V1, &subject.json);
    message_encode(subject.message, &subject.bytes);
    measure(&subject);
    buffer_done(&subject.bytes);
    buffer_done(&subject.json);
    buffer_done(&subject.scratch);
    arena_done(&subject.arena);
    arena_done(&subject.keeper);
}

int main(void) {
    run("ACCEPT with a launch of 10 tasks", &mesos__v1__scheduler__call__descriptor, write_launch);
    run("OFFERS event with 20 offers", &mesos__v1__scheduler__event__descriptor, write_offers);
    run("GET_TASKS response with 1000 tasks", &mesos__v1__master__response__descriptor, write_state);
    return 0;
}
