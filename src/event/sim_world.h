/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the simulated world, shared by sim*.c. */
#pragma once

#include "base/list.h"
#include "base/table.h"
#include "event/provider.h"
#include "event/sim.h"

struct sim_connection;
struct sim_file;

/* Something that happens at a time, embedded in what it happens to. */
struct sim_event {
    struct heap_member member;
    enum sim_event_kind {
        SIM_EVENT_TIMER,    /* of struct sim_node: its earliest timer is due */
        SIM_EVENT_DELIVER,  /* of struct sim_direction: its first piece arrives */
        SIM_EVENT_PATIENCE, /* of struct sim_connection: the hosts give it up */
        SIM_EVENT_DRAIN,    /* of struct sim_stream: on_drain is due */
        SIM_EVENT_ACCEPT,   /* of struct sim_listener: it accepts again and somebody waits */
        SIM_EVENT_DISK,     /* of struct sim_operation: it is done */
    } kind;
};

/* xoshiro256** */
struct sim_generator {
    uint64_t state[4];
};

struct sim_node {
    struct env env; /* first */
    struct sim *sim;
    struct sim_node *machine; /* that it is a part of; usually itself */
    char *host;
    size_t index;
    struct sim_generator generator; /* what its actors draw from: the network's draws do not move theirs */
    struct sim_event timer;
    bool is_down; /* it has crashed and no actor has done anything on it since */
    uint16_t next_listening_port, next_connecting_port;
    struct list streams;    /* of struct sim_stream, alive ones */
    struct list listeners;  /* of struct sim_listener, alive ones */
    struct list operations; /* of struct sim_operation, in the order they were begun */
    struct sim_file *root;
    /* The directory that the last path led to without links, as the next path often leads there or near it. */
    struct sim_file *near; /* NULL: unknown */
    char near_path[512];   /* its path */
    size_t near_size;
};

struct sim {
    int64_t now;
    struct heap events;
    struct sim_generator generator, test_generator;
    struct sim_faults faults;
    struct sim_counts counts;
    struct sim_node **nodes;
    size_t node_count;
    struct table nodes_by_host;
    bool *is_cut; /* cut_nodes x cut_nodes; nodes beyond are not cut off from any */
    size_t cut_nodes;
    bool is_stepping;
    void *service;

    struct list connections;
    uint64_t connection_count;    /* so far: the numbers of connections in the trace */
    struct list unflushed;        /* of struct sim_direction: something was written in this step */
    struct list closed_streams;   /* to be released when the step is over, as they may be on the stack */
    struct list closed_listeners; /* likewise */
    struct list spare_pieces;     /* of struct sim_piece */
    size_t spare_piece_count;

    uint64_t digest;
    void (*sink)(const char *line, void *user);
    void *sink_user;
    void (*on_step)(void *user);
    void *on_step_user;
};

static inline struct sim_node *env_node(struct env *env) {
    return container_of(env, struct sim_node, env);
}

/* Chance */
uint64_t sim_draw(struct sim *sim);
bool sim_chance(struct sim *sim, double probability);
/* Uniform in [@least, @most]; @least if @most is not above it. */
int64_t sim_draw_between(struct sim *sim, int64_t least, int64_t most);

/* Put @event into the queue, or move it. */
void sim_schedule(struct sim *sim, struct sim_event *event, int64_t due);
void sim_unschedule(struct sim *sim, struct sim_event *event);

/* Add an event to the trace; what @a and @b are depends on @what, which must be a literal. */
void sim_note(struct sim *sim, const char *what, const struct sim_node *node, uint64_t a, uint64_t b);
uint64_t sim_hash(const void *data, size_t size);

/* An actor does something on @node: if it was down it is up now. */
void sim_node_touch(struct sim_node *node);

/* sim_network.c */
void sim_network_init(struct sim_node *node);
void sim_network_done(struct sim *sim);
void sim_network_flush(struct sim *sim); /* what was written goes out; at the end of each step */
void sim_network_bury(struct sim *sim);
void sim_network_deliver(struct sim_event *event);
void sim_network_patience(struct sim_event *event);
void sim_network_drain(struct sim_event *event);
void sim_network_accept(struct sim_event *event);
enum sim_death { SIM_DEATH_KILLED, SIM_DEATH_CRASHED, SIM_DEATH_SILENT };
void sim_network_node_dies(struct sim_node *node, enum sim_death death);
void sim_network_node_rises(struct sim_node *node);
void sim_network_cut(struct sim *sim, const struct sim_node *a, const struct sim_node *b);
void sim_network_heal(struct sim *sim, const struct sim_node *a, const struct sim_node *b);
struct sim_node *sim_network_find_node(struct sim_node *from, const struct address *address);
int sim_listen(struct env *env, const struct address *address, listener_accept *on_accept, void *user,
               struct listener **ret_listener, struct error *err);
struct stream *sim_connect(struct env *env, const struct address *address, const struct stream_events *events,
                           void *user);
enum env_fate sim_message_fate(struct env *env, const struct address *to);

/* sim_disk.c */
void sim_disk_init(struct sim_node *node);
void sim_disk_done(struct sim_node *node);
void sim_disk_complete(struct sim_event *event);
/* What is under way is kept, or left to chance. */
void sim_disk_node_dies(struct sim_node *node, bool keeps_writes);
int sim_file_read(struct env *env, const char *path, size_t limit_bytes, struct buffer *ret, struct error *err);
bool sim_file_exists(struct env *env, const char *path);
int sim_make_directories(struct env *env, const char *path, struct error *err);
int sim_symlink(struct env *env, const char *target, const char *path, struct error *err);
int sim_read_link(struct env *env, const char *path, char **ret_target, struct error *err);
int sim_list_directory(struct env *env, const char *path, char ***ret_names, struct error *err);
int sim_file_write_now(struct env *env, const char *path, const void *data, size_t size, struct error *err);
int sim_file_remove(struct env *env, const char *path, struct error *err);
int64_t sim_file_modified(struct env *env, const char *path);
int sim_file_open(struct env *env, const char *root, const char *path, struct env_open_file **ret,
                  struct env_file_status *ret_status, struct error *err);
int sim_open_file_read(struct env_open_file *file, int64_t offset, size_t size, struct buffer *ret, struct error *err);
void sim_open_file_close(struct env_open_file *file);
void sim_file_write(struct env_file_operation *operation, const char *path, const void *data, size_t size,
                    enum env_file_writing how);
void sim_remove_tree(struct env_file_operation *operation, const char *path);
void sim_file_cancel(struct env_file_operation *operation);
