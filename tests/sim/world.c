/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/test_machine.h"
#include "agent_view.h"
#include "containers.h"
#include "masters.h"
#include "operations.h"
#include "view.h"

/* After the last trouble: agents have come back or been found unreachable, executors have been waited for. */
#define SETTLE_TIME (20 * MINUTE)
/* After it: agents have registered again. */
#define CALM_TIME (3 * MINUTE)

enum {
    FLAG_WORDS = 16,
    USED_CHECK_STEPS = 512,
    FULL_CHECK_STEPS = 4096,
    MASTER_TROUBLE = 20,
    OPERATIONS_PER_FRAMEWORK = 40
};

/* A machine with its agent; a trouble is over when its time has come. */
struct place {
    struct world *world;
    struct machine machine;
    struct agent_flags flags;
    struct agent *agent;
    struct containerizer *containerizer;
    int64_t restart_ns, heal_ns; /* 0: none is due */
};

struct world {
    const struct world_plan *plan;
    struct sim *sim;
    struct masters masters;
    struct master *master; /* that leads; NULL: none does */
    struct place *places;
    struct framework *frameworks;
    int64_t *framework_restart_ns, *framework_heal_ns;
    char *problem;
    struct view view;
    unsigned first_api;
    uint64_t steps;
    struct world_result *result;
};

static double fraction(struct world *world) {
    return (double)(sim_random(world->sim) >> 11) * 0x1p-53;
}

static uint64_t choose(struct world *world, uint64_t count) {
    return sim_random(world->sim) % count;
}

static int64_t between(struct world *world, int64_t least, int64_t most) {
    return least + (int64_t)(fraction(world) * (double)(most - least));
}

/* Parts */

static int parse_flags(const struct flag_table *table, void *flags, const char *const *words, size_t count,
                       struct error *err) {
    char *arguments[FLAG_WORDS] = {(char *)(uintptr_t) "sim"};

    for (size_t i = 0; i < count; i++)
        arguments[i + 1] = (char *)(uintptr_t)words[i];
    return flags_parse(table, (int)count + 1, arguments, flags, NULL, err);
}

static const struct agent_machine sim_machine = FAKE_MACHINE(.cpus = 16, .memory_bytes = UINT64_C(16) << 30,
                                                             .disk_bytes = UINT64_C(100) << 30, .disk_usage = 0.5);

static void note(struct world *world, char *problem) {
    if (world->problem == NULL)
        world->problem = problem;
    else
        free(problem);
}

static void on_agent_ended(void *user, const struct error *err) {
    struct place *place = user;

    note(place->world, xasprintf("agent on %s ended: %s", place->machine.name, error_message(err)));
}

static const struct agent_events agent_events = {on_agent_ended};

static void start_agent(struct place *place) {
    struct agent_options options = {
        .flags = &place->flags, .machine = &sim_machine, .events = &agent_events, .user = place};
    cleanup_error struct error err = ERROR_INIT;

    place->restart_ns = 0;
    place->containerizer = machine_containerizer_new(&place->machine);
    options.containerizer = place->containerizer;
    options.hostname = place->machine.name;
    if (agent_new(sim_node_env(place->machine.node), &options, &place->agent, &err) < 0)
        note(place->world, xasprintf("agent on %s: %s", place->machine.name, error_message(&err)));
}

/* As kill -9: the machine and its containers stay. */
static void kill_agent(struct place *place) {
    if (place->agent == NULL)
        return;
    sim_node_kill(place->machine.node);
    agent_free(take_ptr(&place->agent));
    place->containerizer->ops->free(place->containerizer);
}

/* The machine loses its power. */
static void crash_machine(struct place *place) {
    if (place->agent == NULL)
        return;
    sim_node_crash(place->machine.node, true);
    agent_free(take_ptr(&place->agent));
    place->containerizer->ops->free(place->containerizer);
    machine_crash(&place->machine);
}

static void init_place(struct world *world, struct place *place, unsigned number) {
    char host[32], ip[48], master[64];
    const char *words[] = {ip,
                           master,
                           "--port=5051",
                           "--work_dir=/var/lib/mesos",
                           "--runtime_dir=/var/run/mesos",
                           "--launcher_dir=/usr/libexec/mesos",
                           "--resources=cpus:16;mem:16384;disk:10240;ports:[31000-32000]",
                           "--no-switch_user"};
    cleanup_error struct error err = ERROR_INIT;

    place->world = world;
    snprintf(host, sizeof(host), "10.0.1.%u", number + 1);
    snprintf(ip, sizeof(ip), "--ip=%s", host);
    snprintf(master, sizeof(master), "--master=%s", masters_address(&world->masters));
    machine_init(&place->machine, world->sim, host);
    if (world->plan->sabotage == SABOTAGE_GROUP)
        place->machine.misbehaviour = IGNORES_KILLS;
    else if (world->plan->sabotage == SABOTAGE_HEALTH)
        place->machine.misbehaviour = LIES_ABOUT_HEALTH;
    if (parse_flags(&agent_flag_table, &place->flags, words, ARRAY_SIZE(words), &err) < 0)
        note(world, xasprintf("agent flags: %s", error_message(&err)));
    else
        start_agent(place);
}

static void init_framework(struct world *world, unsigned number) {
    uint64_t chance = sim_random(world->sim);
    /* Which is how is chance, but each kind of framework is in each run. */
    struct framework_plan plan = {
        .number = number,
        .tasks = world->plan->tasks / world->plan->frameworks,
        .operations = OPERATIONS_PER_FRAMEWORK,
        /* Those that speak libprocess know one master only. */
        .api = (enum framework_api)((number + world->first_api) % (world->plan->masters > 1 ? API_CALLS : API_COUNT)),
        /* A new leader does not know what its forerunner has declared lost. */
        .checkpoint = number % 2 == 0 || world->plan->masters > 1,
        .custom_executor = (chance >> 8) % 3 == 1,
        .partition_aware = (chance >> 16) % 4 != 3 || world->plan->masters > 1,
        .reservation_refinement = (chance >> 24) % 2 == 0,
    };
    char host[32];

    snprintf(host, sizeof(host), "10.0.2.%u", number + 1);
    framework_init(&world->frameworks[number], world->sim, &plan, host, masters_address(&world->masters));
    framework_start(&world->frameworks[number]);
    world->result->apis[plan.api]++;
}

/* Whoever leads now; a new leader is looked at from its beginning. */
static void find_leader(struct world *world) {
    struct master *leader = masters_leader(&world->masters);

    if (leader == world->master)
        return;
    world->master = leader;
    world->view = (struct view){0};
    world->result->leaders += leader != NULL;
}

/* Invariants */

static void on_step(void *user) {
    struct world *world = user;

    find_leader(world);
    if (world->master == NULL || world->problem != NULL)
        return;
    world->problem = view_check_claims(&world->view, world->master);
    if (world->problem == NULL && ++world->steps % USED_CHECK_STEPS == 0)
        world->problem = view_check_used(&world->view, world->master);
    if (world->problem == NULL && world->steps % FULL_CHECK_STEPS == 0)
        world->problem = view_check_all(world->master);
}

static void check_frameworks(struct world *world) {
    for (unsigned i = 0; i < world->plan->frameworks && world->problem == NULL; i++)
        if (world->frameworks[i].violation != NULL)
            world->problem = xstrdup(world->frameworks[i].violation);
}

/* Trouble */

static void set_weather(struct world *world, bool is_bad) {
    struct sim_faults faults = {.delay_least_ns = 100 * MICROSECOND,
                                .delay_most_ns = 5 * MILLISECOND,
                                .disk_least_ns = 100 * MICROSECOND,
                                .disk_most_ns = 10 * MILLISECOND};

    if (is_bad) {
        faults.delay_most_ns = 300 * MILLISECOND;
        faults.drop = 0.002;
        faults.duplicate = 0.01;
        faults.cut = 0.0005;
        faults.split = 0.1;
        faults.disk_most_ns = 100 * MILLISECOND;
    }
    sim_set_faults(world->sim, &faults);
}

static void trouble_agent(struct world *world, struct place *place) {
    uint64_t kind = choose(world, 8);
    int64_t now = sim_now(world->sim);

    if (place->agent == NULL || place->heal_ns != 0)
        return;
    if (kind < 4) {
        sim_trace(world->sim, "trouble: kill the agent on %s", place->machine.name);
        kill_agent(place);
        place->restart_ns = now + between(world, SECOND, 20 * SECOND);
        world->result->agent_kills++;
    } else if (kind < 5) {
        sim_trace(world->sim, "trouble: crash %s", place->machine.name);
        crash_machine(place);
        place->restart_ns = now + between(world, SECOND, 150 * SECOND);
        world->result->machine_crashes++;
    } else {
        sim_trace(world->sim, "trouble: cut %s off", place->machine.name);
        masters_partition(&world->masters, place->machine.node);
        place->heal_ns = now + between(world, SECOND, 120 * SECOND);
        world->result->partitions++;
    }
}

static void trouble_framework(struct world *world, unsigned number) {
    struct framework *framework = &world->frameworks[number];
    int64_t now = sim_now(world->sim);

    if (!framework_runs(framework) || world->framework_heal_ns[number] != 0)
        return;
    if (choose(world, 2) == 0) {
        sim_trace(world->sim, "trouble: kill %s", framework->name);
        framework_kill(framework);
        world->framework_restart_ns[number] = now + between(world, SECOND, 30 * SECOND);
        world->result->framework_kills++;
    } else {
        sim_trace(world->sim, "trouble: cut %s off", framework->name);
        masters_partition(&world->masters, framework->node);
        world->framework_heal_ns[number] = now + between(world, SECOND, 90 * SECOND);
        world->result->partitions++;
    }
}

static void make_trouble(struct world *world) {
    uint64_t kind = choose(world, 10);

    if (world->plan->masters > 1 && choose(world, MASTER_TROUBLE) == 0)
        masters_trouble(&world->masters, choose(world, 2) == 0, between(world, SECOND, 30 * SECOND));
    if (kind < 4)
        trouble_agent(world, &world->places[choose(world, world->plan->agents)]);
    else if (kind < 6)
        trouble_framework(world, (unsigned)choose(world, world->plan->frameworks));
    else if (kind < 9)
        world->result->executor_kills += machine_kill_executor(
            &world->places[choose(world, world->plan->agents)].machine, sim_random(world->sim));
    else
        set_weather(world, choose(world, 2) == 0);
}

/* What is due: parts come back, cuts heal; all of it at once when @all. */
static void end_troubles(struct world *world, bool all) {
    int64_t now = sim_now(world->sim);
    char *problem = masters_end_troubles(&world->masters, all);

    if (problem != NULL)
        note(world, problem);
    find_leader(world);
    for (unsigned i = 0; i < world->plan->agents; i++) {
        struct place *place = &world->places[i];

        if (place->restart_ns != 0 && (all || place->restart_ns <= now))
            start_agent(place);
        if (place->heal_ns != 0 && (all || place->heal_ns <= now)) {
            masters_heal(&world->masters, place->machine.node);
            place->heal_ns = 0;
        }
    }
    for (unsigned i = 0; i < world->plan->frameworks; i++) {
        if (world->framework_restart_ns[i] != 0 && (all || world->framework_restart_ns[i] <= now)) {
            world->framework_restart_ns[i] = 0;
            framework_start(&world->frameworks[i]);
        }
        if (world->framework_heal_ns[i] != 0 && (all || world->framework_heal_ns[i] <= now)) {
            masters_heal(&world->masters, world->frameworks[i].node);
            world->framework_heal_ns[i] = 0;
        }
    }
}

static bool all_ended(const struct world *world) {
    for (unsigned i = 0; i < world->plan->frameworks; i++)
        if (!framework_has_ended(&world->frameworks[i]))
            return false;
    return true;
}

static bool has_problem(void *user) {
    return ((struct world *)user)->problem != NULL;
}

static void run_for(struct world *world, int64_t duration_ns) {
    sim_run_until(world->sim, sim_now(world->sim) + duration_ns, has_problem, world);
    check_frameworks(world);
}

/* Break what the plan says, once; what is broken in containers is so from the beginning, see init_place(). */
static void sabotage(struct world *world) {
    switch (world->plan->sabotage) {
    case SABOTAGE_CLAIMS:
        view_sabotage_claims(world->master);
        break;
    case SABOTAGE_TOTAL:
        view_sabotage_total(world->master);
        break;
    case SABOTAGE_TASK:
        framework_sabotage_task(&world->frameworks[0]);
        break;
    case SABOTAGE_OPERATION:
        for (unsigned i = 0; i < world->plan->frameworks; i++)
            operations_sabotage(&world->frameworks[i]);
        break;
    default:
        break;
    }
}

/* A message that was lost on a whole connection is noticed by nobody until the agent registers again. */
static void restart_agents(struct world *world) {
    for (unsigned i = 0; i < world->plan->agents; i++) {
        kill_agent(&world->places[i]);
        start_agent(&world->places[i]);
    }
}

static void report_waiting(struct world *world, const struct framework *framework) {
    for (unsigned i = 0; i < framework->next && world->problem == NULL; i++) {
        const struct planned_task *task = &framework->tasks[i];

        if (task->state != ENDED)
            world->problem = xasprintf("task %s has not ended in time (last state %d, agent %s)", task->id, task->last,
                                       task->agent_id);
    }
    for (unsigned i = 0; i < framework->next_operation && world->problem == NULL; i++) {
        const struct planned_operation *operation = &framework->operations[i];

        if (operation->state != ENDED)
            world->problem = xasprintf("operation %s has not ended in time (type %d, agent %s)", operation->id,
                                       operation->type, operation->agent_id);
    }
    if (framework->next < framework->plan.tasks && world->problem == NULL)
        world->problem = xasprintf("%s has launched %u tasks only", framework->name, framework->next);
}

static void live(struct world *world) {
    int64_t settles_ns, calms_ns;

    run_for(world, 5 * SECOND);
    while (world->problem == NULL && sim_now(world->sim) < world->plan->trouble_ns && !all_ended(world)) {
        run_for(world, between(world, 100 * MILLISECOND, 2 * SECOND));
        end_troubles(world, false);
        make_trouble(world);
        if (sim_now(world->sim) > world->plan->trouble_ns / 2)
            sabotage(world);
    }
    set_weather(world, false);
    end_troubles(world, true);
    restart_agents(world);
    settles_ns = sim_now(world->sim) + SETTLE_TIME;
    calms_ns = sim_now(world->sim) + CALM_TIME;
    while (world->problem == NULL && !all_ended(world)) {
        if (sim_now(world->sim) >= world->plan->deadline_ns) {
            for (unsigned i = 0; i < world->plan->frameworks && world->problem == NULL; i++)
                report_waiting(world, &world->frameworks[i]);
            break;
        }
        run_for(world, SECOND);
        /* A master that was cut off learns of it, and ends, some time later. */
        end_troubles(world, false);
        for (unsigned i = 0; i < world->plan->frameworks; i++) {
            world->frameworks[i].is_settled = sim_now(world->sim) > settles_ns;
            world->frameworks[i].is_calm = sim_now(world->sim) > calms_ns;
        }
    }
}

/* When every framework has gone, nothing is used any more. */
static bool is_empty(void *user) {
    struct world *world = user;

    return world->problem != NULL || view_task_count(world->master) == 0;
}

/* What frameworks were told of their reservations is so, at the master as at the agents. */
static void check_holdings(struct world *world) {
    if (world->plan->sabotage == SABOTAGE_HOLDINGS)
        view_sabotage_holdings(world->master);
    for (unsigned i = 0; i < world->plan->frameworks; i++) {
        const struct framework *framework = &world->frameworks[i];
        const char *id;

        for (unsigned j = 0; world->problem == NULL && (id = view_agent_id(world->master, j)) != NULL; j++) {
            struct holdings holdings;

            if (!framework_has_feedback(framework))
                break;
            operations_holdings(framework, id, &holdings);
            world->result->holdings += holdings.reserved > 0;
            world->problem = view_check_holdings(world->master, id, framework->role, holdings.reserved,
                                                 holdings.volumes);
        }
    }
    for (unsigned i = 0; i < world->plan->agents && world->problem == NULL; i++) {
        const struct agent *agent = world->places[i].agent;

        if (agent_view_id(agent) != NULL)
            world->problem = view_check_checkpointed(world->master, agent_view_id(agent),
                                                     agent_view_checkpointed(agent));
    }
}

static void wind_down(struct world *world) {
    int64_t deadline_ns;

    /* Operations without feedback may still be on their way. */
    if (world->problem == NULL)
        run_for(world, MINUTE);
    if (world->problem == NULL)
        world->problem = view_check_all(world->master);
    if (world->problem == NULL)
        check_holdings(world);
    if (world->problem != NULL)
        return;
    deadline_ns = sim_now(world->sim) + 10 * MINUTE;
    while (!is_empty(world) && sim_now(world->sim) < deadline_ns) {
        /* Again and again: one that is subscribing just now has nobody to tell. */
        for (unsigned i = 0; i < world->plan->frameworks; i++)
            framework_stop(&world->frameworks[i]);
        sim_run_until(world->sim, sim_now(world->sim) + 10 * SECOND, is_empty, world);
    }
    if (view_task_count(world->master) > 0 && world->problem == NULL)
        world->problem = xasprintf("%u tasks are left after all frameworks have gone", view_task_count(world->master));
}

static void report(struct world *world) {
    struct world_result *result = world->result;

    result->problem = world->problem;
    result->ok = world->problem == NULL;
    result->digest = sim_trace_digest(world->sim);
    result->counts = *sim_counts(world->sim);
    result->steps = result->counts.steps;
    result->ended_ns = sim_now(world->sim);
    result->master_kills = world->masters.kills;
    result->master_cuts = world->masters.cuts;
    result->master_ends = world->masters.ends;
    for (unsigned i = 0; i < world->plan->frameworks; i++) {
        result->updates += world->frameworks[i].updates;
        result->duplicates += world->frameworks[i].duplicates;
        result->reconciliations += world->frameworks[i].reconciliations;
        result->groups += world->frameworks[i].groups;
        result->health_updates += world->frameworks[i].health_updates;
        result->operation_updates += world->frameworks[i].operation_updates;
        result->operations += world->frameworks[i].next_operation;
        result->launched += world->frameworks[i].launched;
        result->ended += world->frameworks[i].ended;
    }
}

static void release(struct world *world) {
    for (unsigned i = 0; i < world->plan->frameworks; i++)
        framework_done(&world->frameworks[i]);
    for (unsigned i = 0; i < world->plan->agents; i++) {
        kill_agent(&world->places[i]);
        machine_done(&world->places[i].machine);
        flags_done(&agent_flag_table, &world->places[i].flags);
    }
    masters_done(&world->masters);
    sim_free(world->sim);
    free(world->places);
    free(world->frameworks);
    free(world->framework_restart_ns);
    free(world->framework_heal_ns);
}

void world_run(const struct world_plan *plan, void (*trace)(const char *line, void *user), struct world_result *ret) {
    struct world world = {.plan = plan, .result = ret};

    *ret = (struct world_result){0};
    world.sim = sim_new(plan->seed);
    world.places = xcalloc(plan->agents, sizeof(*world.places));
    world.frameworks = xcalloc(plan->frameworks, sizeof(*world.frameworks));
    world.framework_restart_ns = xcalloc(plan->frameworks, sizeof(int64_t));
    world.framework_heal_ns = xcalloc(plan->frameworks, sizeof(int64_t));
    if (trace != NULL)
        sim_trace_to(world.sim, trace, NULL);
    world.first_api = (unsigned)choose(&world, API_COUNT);
    set_weather(&world, false);
    world.problem = masters_init(&world.masters, world.sim, plan->masters > 1 ? plan->masters : 1);
    find_leader(&world);
    for (unsigned i = 0; i < plan->agents && world.problem == NULL; i++)
        init_place(&world, &world.places[i], i);
    for (unsigned i = 0; i < plan->frameworks && world.problem == NULL; i++)
        init_framework(&world, i);
    sim_on_step(world.sim, on_step, &world);
    if (world.problem == NULL)
        live(&world);
    wind_down(&world);
    report(&world);
    release(&world);
}
