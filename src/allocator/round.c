/* SPDX-License-Identifier: Apache-2.0 */
/* A round: visit the agents that have something to offer and may find a taker, in two stages; then send what was
 * offered (generateOffers(), __generateOffers() in hierarchical.cpp).
 *
 * A round works in slices. Between two slices any call may come; a slice leaves everything consistent, and the next one
 * works out anew what guarantees require if something has changed. Agents are visited in an order that depends only on
 * the seed and their ids, so that leaving out those with nothing to give does not change the order of the others. */
#include <assert.h>

#include "allocator/internal.h"
#include "base/log.h"
#include "model/name.h"

/* Steps are what slices are measured in, of some 100 ns each. */
enum { STEPS_OF_A_VISIT = 2, STEPS_OF_A_TRY = 4 };

/* After so many visits of an agent that has less than its basis, what it has becomes the basis. */
enum { VISITS_UNTIL_SMALLER_BASIS = 3 };

enum { MOST_GATHERED = 64 };

/* Requests */

static bool has_request(const struct allocator *allocator) {
    return allocator->are_all_candidates || allocator->candidate_count > 0;
}

static void add_candidate(struct allocator *allocator, uint32_t index) {
    if (bitset_has(&allocator->is_candidate, index))
        return;
    bitset_set(&allocator->is_candidate, index);
    if (allocator->candidate_count == allocator->candidate_capacity) {
        allocator->candidate_capacity = allocator->candidate_capacity == 0 ? 16 : allocator->candidate_capacity * 2;
        allocator->candidates = xrealloc(allocator->candidates,
                                         allocator->candidate_capacity * sizeof(allocator->candidates[0]));
    }
    allocator->candidates[allocator->candidate_count++] = index;
}

void allocator_round_request(struct allocator *allocator, struct agent *agent) {
    if (allocator->is_paused)
        return;
    if (agent == NULL)
        allocator->are_all_candidates = true;
    else
        add_candidate(allocator, agent->index);
    if (allocator->round.is_running || env_timer_is_running(&allocator->round_timer))
        return;
    allocator_metrics_round_requested(allocator);
    env_timer_start(&allocator->round_timer, 0);
}

void allocator_round_resume(struct allocator *allocator) {
    if (has_request(allocator) && !allocator->round.is_running && !env_timer_is_running(&allocator->round_timer))
        env_timer_start(&allocator->round_timer, 0);
}

/* Which agents */

/* Whether quota, which kept something of @agent back in its last visit, may leave more now. */
static bool may_get_back(const struct allocator *allocator, const struct agent *agent) {
    return agent->quota_version != allocator->quota_version ||
           (agent->was_lumpy && agent->offer_version != allocator->offer_version);
}

static void add_visit(struct allocator *allocator, uint32_t index) {
    struct round *round = &allocator->round;

    if (round->visit_count == round->visit_capacity) {
        round->visit_capacity = round->visit_capacity == 0 ? 64 : round->visit_capacity * 2;
        round->visits = xrealloc(round->visits, round->visit_capacity * sizeof(round->visits[0]));
    }
    round->visits[round->visit_count++] = index;
    bitset_clear(&allocator->held_back, index);
    /* What changes from here on is for the next round: this agent's visit in the first stage may be over by then. */
    bitset_clear(&allocator->dirty, index);
}

/* The agents of @word of the sets that a round over all may have to do with. */
static uint64_t candidates_of_word(const struct allocator *allocator, uint32_t word, uint64_t set) {
    uint64_t bits = allocator->offerable.words[word] & set;

    return allocator->round.is_for_all ? bits : bits & allocator->is_candidate.words[word];
}

/* Those that have changed since their last visit, and those that may get back what quota held back. The agents
 * themselves are not looked at if need not be: there may be many. */
static void collect_changed(struct allocator *allocator) {
    for (uint32_t word = 0; word < allocator->offerable.count; word++) {
        uint64_t dirty = allocator->dirty.words[word], held_back = allocator->held_back.words[word] & ~dirty, bits;

        for (bits = candidates_of_word(allocator, word, dirty | held_back); bits != 0; bits &= bits - 1) {
            uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);

            if ((bits & -bits & dirty) != 0 || may_get_back(allocator, allocator->agents_by_index[index]))
                add_visit(allocator, index);
        }
    }
}

/* What the round gives to some may satisfy the last guarantee, after which nothing is held back from others: if there
 * is anything to visit, those from whom something was held back are visited, too. */
static void collect_held_back(struct allocator *allocator) {
    if (allocator->guaranteed_roles == 0 || allocator->round.visit_count == 0)
        return;
    for (uint32_t word = 0; word < allocator->offerable.count; word++)
        for (uint64_t bits = candidates_of_word(allocator, word, allocator->held_back.words[word]); bits != 0;
             bits &= bits - 1)
            add_visit(allocator, word * 64 + (uint32_t)__builtin_ctzll(bits));
}

static void collect(struct allocator *allocator) {
    struct round *round = &allocator->round;

    collect_changed(allocator);
    collect_held_back(allocator);
    for (uint32_t i = 0; i < round->candidate_count; i++) {
        struct maintenance *maintenance = allocator->agents_by_index[round->candidates[i]]->maintenance;

        bitset_clear(&allocator->is_candidate, round->candidates[i]);
        if (maintenance != NULL)
            maintenance->is_in_round = true;
    }
}

/* Sort by the upper bits of each key, eleven at a time; equal keys keep their order. */
static void sort_keys(uint64_t *keys, uint64_t *spare, size_t count) {
    enum { BITS = 11, SIZE = 1 << BITS, FIRST = 24, PASSES = 4 };

    for (int pass = 0; pass < PASSES; pass++) {
        uint32_t counts[SIZE] = {0}, sum = 0;
        int shift = FIRST + pass * BITS;
        uint64_t *swap = keys;

        for (size_t i = 0; i < count; i++)
            counts[keys[i] >> shift & (SIZE - 1)]++;
        for (size_t i = 0; i < SIZE; i++) {
            uint32_t here = counts[i];

            counts[i] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++)
            spare[counts[keys[i] >> shift & (SIZE - 1)]++] = keys[i];
        keys = spare;
        spare = swap;
    }
}

static int compare_keys(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* Put the visits in the order of the stage: by a hash of the agent's id, 40 bits beside the agent's number. */
static void order_visits(struct allocator *allocator, uint64_t stage_seed) {
    struct round *round = &allocator->round;
    uint64_t seed = sorter_mix(round->seed, stage_seed);
    uint64_t *keys;
    uint32_t count = 0;

    /* Kept from round to round: a large piece of new memory makes malloc() tidy up all small ones that were freed. */
    if (2 * (size_t)round->visit_count > round->key_capacity) {
        round->key_capacity = 3 * (size_t)round->visit_count;
        round->keys = xrealloc(round->keys, round->key_capacity * sizeof(round->keys[0]));
    }
    keys = round->keys;

    for (uint32_t i = 0; i < round->visit_count; i++)
        if (round->visits[i] != NO_AGENT)
            keys[count++] = (sorter_mix(allocator->agent_hashes[round->visits[i]], seed) & ~UINT64_C(0xffffff)) |
                            round->visits[i];
    if (count > 1 && count < 256)
        qsort(keys, count, sizeof(keys[0]), compare_keys);
    else if (count >= 256)
        sort_keys(keys, keys + count, count);
    for (uint32_t i = 0; i < count; i++)
        round->visits[i] = (uint32_t)(keys[i] & 0xffffff);
    round->visit_count = count;
    round->next = 0;
}

/* Quota */

static int64_t at_least_zero(int64_t amount) {
    return amount < 0 ? 0 : amount;
}

/* What guarantees still need and what there is for all. */
static void work_out_headroom(struct allocator *allocator) {
    struct round *round = &allocator->round;
    const struct role *root = allocator->root;
    struct role *role;

    round->state_version = allocator->state_version;
    round->has_required = false;
    if (allocator->guaranteed_roles == 0)
        return;
    for (size_t i = 0; i < allocator->dimension_count; i++) {
        int64_t headroom = at_least_zero(amounts_get(&allocator->totals.total, i) -
                                         amounts_get(&root->node.allocated, i));
        int64_t required = 0;

        headroom = at_least_zero(
            headroom - at_least_zero(amounts_get(&root->reserved, i) - amounts_get(&root->offered_reserved, i)));
        headroom = at_least_zero(headroom - amounts_get(&allocator->revocable_available, i));
        list_for_each (&root->children, role, child)
            if (role->has_guarantees)
                required += at_least_zero(amounts_get(&role->guarantees, i) - amounts_get(&role->consumed, i) -
                                          amounts_get(&role->reserved, i));
        amounts_set(&round->headroom, i, headroom);
        amounts_set(&round->required, i, required);
        round->has_required |= required > 0;
    }
}

static bool is_any_guarantee_unsatisfied(const struct allocator *allocator) {
    const struct role *role;

    if (allocator->guaranteed_roles == 0)
        return false;
    list_for_each (&allocator->root->children, role, child)
        if (role->has_guarantees && allocator_role_has_unsatisfied_guarantees(role))
            return true;
    return false;
}

/* Visits */

/* Whether both are the same at first sight: a quick test that may miss it. */
static bool look_equal(const struct resources *a, const struct resources *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].kind != b->items[i].kind || a->items[i].scalar != b->items[i].scalar)
            return false;
    return true;
}

/* Make the agent's memory of who can not be served fit what it has now. */
static void prepare_memory(struct agent *agent) {
    bool is_part;

    if (look_equal(&agent->basis, &agent->available)) {
        agent->has_grown = false;
        agent->may_record = true;
        return;
    }
    is_part = !agent->has_grown || resources_contain(&agent->basis, &agent->available);

    agent->has_grown = false;
    agent->may_record = is_part && resources_contain(&agent->available, &agent->basis);
    if (agent->may_record)
        return;
    if (!is_part) {
        allocator_agent_unblock_all(agent);
        agent->smaller_visits = 0;
    } else if (++agent->smaller_visits < VISITS_UNTIL_SMALLER_BASIS) {
        return;
    }
    /* What could not be offered of the whole can not be offered of a part: the bits stay right for a smaller basis. */
    agent->smaller_visits = 0;
    resources_assign(&agent->basis, &agent->available);
    agent->may_record = true;
}

static struct client *client_at(const struct allocator *allocator, uint32_t number) {
    return container_of(allocator->client_nodes.nodes[number], struct client, node);
}

/* Returns false when nothing is left on the agent; @ret_more: whether other frameworks of the role may get something.
 */
static bool try_client(struct allocator *allocator, struct agent *agent, struct client *client, bool *ret_more) {
    enum visit_result result = allocator_offer_try(allocator, agent, client);

    *ret_more = result != NOTHING_FOR_ROLE;
    return !resources_is_empty(&agent->available);
}

static bool visit_frameworks(struct allocator *allocator, struct agent *agent, struct role *role) {
    struct siblings *siblings = &role->frameworks;
    bool more = true;

    allocator->steps++;
    if (siblings->active_count == 0 ||
        (allocator->round.stage == 1 && !allocator_role_has_unsatisfied_guarantees(role->top)) ||
        allocator_quota_leaves_nothing(allocator, agent, role))
        return true;
    allocator_siblings_refresh(siblings, &allocator->totals);
    for (uint32_t i = 0; i < siblings->active_count && more; i++) {
        uint32_t number = siblings->order[i];

        if (agent_is_blocked(agent, number))
            continue;
        allocator->steps += STEPS_OF_A_TRY;
        allocator->client_nodes.nodes[number]->hint = i;
        if (!try_client(allocator, agent, client_at(allocator, number), &more))
            return false;
        if (allocator->round.stage == 1 && !allocator_role_has_unsatisfied_guarantees(role->top))
            break;
    }
    allocator->steps += siblings->active_count / 16;
    return true;
}

static bool visit_role(struct allocator *allocator, struct agent *agent, struct role *role) {
    if (role->subs.count == 0)
        return visit_frameworks(allocator, agent, role);
    allocator_siblings_refresh(&role->subs, &allocator->totals);
    for (uint32_t i = 0; i < role->subs.active_count; i++) {
        struct sorter_node *node = allocator->role_nodes.nodes[role->subs.order[i]];

        if (node == &role->own ? !visit_frameworks(allocator, agent, role)
                               : !visit_role(allocator, agent, container_of(node, struct role, node)))
            return false;
    }
    return true;
}

/* The random sorters */

struct keyed {
    double key;
    struct sorter_node *node;
};

static int compare_keyed(const void *a, const void *b) {
    const struct keyed *left = a, *right = b;

    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return strcmp(left->node->name, right->node->name);
}

/* The active siblings in the order of this visit; the caller frees. */
static struct keyed *shuffle(struct allocator *allocator, const struct agent *agent, const struct siblings *siblings) {
    struct keyed *order = xmalloc((siblings->active_count + 1) * sizeof(*order));
    uint64_t seed = sorter_mix(sorter_mix(allocator->round.seed, (uint64_t)allocator->round.stage), agent->hash);

    for (uint32_t i = 0; i < siblings->active_count; i++) {
        struct sorter_node *node = siblings->table->nodes[siblings->order[i]];

        order[i] = (struct keyed){allocator_sorter_random_key(node->hash, node->weight, seed), node};
    }
    qsort(order, siblings->active_count, sizeof(*order), compare_keyed);
    return order;
}

static bool visit_frameworks_shuffled(struct allocator *allocator, struct agent *agent, struct role *role) {
    cleanup_free struct keyed *order = NULL;
    uint32_t count = role->frameworks.active_count;
    bool more = true;

    if (count == 0 || (allocator->round.stage == 1 && !allocator_role_has_unsatisfied_guarantees(role->top)))
        return true;
    order = shuffle(allocator, agent, &role->frameworks);
    allocator->steps += count / 4 + 1;
    for (uint32_t i = 0; i < count && more; i++) {
        uint32_t number = order[i].node->number;

        if (agent_is_blocked(agent, number))
            continue;
        allocator->steps += STEPS_OF_A_TRY;
        if (!try_client(allocator, agent, client_at(allocator, number), &more))
            return false;
        if (allocator->round.stage == 1 && !allocator_role_has_unsatisfied_guarantees(role->top))
            break;
    }
    return true;
}

static bool visit_role_in_any_order(struct allocator *allocator, struct agent *agent, struct role *role);

static bool visit_own_in_any_order(struct allocator *allocator, struct agent *agent, struct role *role) {
    if (allocator->options.framework_sorter == ALLOCATOR_SORTER_RANDOM)
        return visit_frameworks_shuffled(allocator, agent, role);
    return visit_frameworks(allocator, agent, role);
}

static bool visit_subs(struct allocator *allocator, struct agent *agent, struct role *role, struct sorter_node *node) {
    return node == &role->own ? visit_own_in_any_order(allocator, agent, role)
                              : visit_role_in_any_order(allocator, agent, container_of(node, struct role, node));
}

/* At least one of the two sorters is the random one. */
static bool visit_role_in_any_order(struct allocator *allocator, struct agent *agent, struct role *role) {
    cleanup_free struct keyed *order = NULL;

    if (role->subs.count == 0)
        return visit_own_in_any_order(allocator, agent, role);
    if (allocator->options.role_sorter == ALLOCATOR_SORTER_DRF)
        allocator_siblings_refresh(&role->subs, &allocator->totals);
    else
        order = shuffle(allocator, agent, &role->subs);
    allocator->steps += role->subs.active_count / 4 + 1;
    for (uint32_t i = 0; i < role->subs.active_count; i++)
        if (!visit_subs(allocator, agent, role,
                        order == NULL ? allocator->role_nodes.nodes[role->subs.order[i]] : order[i].node))
            return false;
    return true;
}

/* Few takers */

static uint64_t unblocked_of_word(const struct allocator *allocator, const struct agent *agent, uint32_t word) {
    uint64_t bits = allocator->active_clients.words[word];

    return word < agent->bit_words ? bits & ~agent->bits[2 * word] : bits;
}

/* The clients that are not known to be of no use here, if there are so few that looking for the first among them is
 * quicker than going through all in order. Returns false if there are too many. */
static bool gather(struct allocator *allocator, const struct agent *agent, struct client **ret_clients,
                   uint32_t *ret_count) {
    uint32_t count = 0;

    for (uint32_t word = 0; word < allocator->active_clients.count; word++)
        count += (uint32_t)__builtin_popcountll(unblocked_of_word(allocator, agent, word));
    if (count > MOST_GATHERED || (count * count * 2 >= allocator->client_count && count > 1))
        return false;
    count = 0;
    for (uint32_t word = 0; word < allocator->active_clients.count; word++)
        for (uint64_t bits = unblocked_of_word(allocator, agent, word); bits != 0; bits &= bits - 1)
            ret_clients[count++] = client_at(allocator, word * 64 + (uint32_t)__builtin_ctzll(bits));
    *ret_count = count;
    return true;
}

static void visit_gathered(struct allocator *allocator, struct agent *agent, struct client **clients, uint32_t count) {
    bool more;

    for (uint32_t i = 0; i < count; i++)
        allocator_role_refresh(allocator, clients[i]->role);
    while (count > 0) {
        uint32_t first = 0;
        struct client *client;

        for (uint32_t i = 1; i < count; i++)
            if (allocator_client_is_before(clients[i], clients[first]))
                first = i;
        client = clients[first];
        clients[first] = clients[--count];
        allocator->steps += STEPS_OF_A_TRY + count;
        if (!try_client(allocator, agent, client, &more))
            return;
    }
}

static void serve(struct allocator *allocator, struct agent *agent) {
    struct client *clients[MOST_GATHERED];
    uint32_t count;

    if (allocator->options.role_sorter == ALLOCATOR_SORTER_RANDOM ||
        allocator->options.framework_sorter == ALLOCATOR_SORTER_RANDOM)
        visit_role_in_any_order(allocator, agent, allocator->root);
    else if (allocator->round.stage == 2 && gather(allocator, agent, clients, &count))
        visit_gathered(allocator, agent, clients, count);
    else
        visit_role(allocator, agent, allocator->root);
}

/* The agent of a later visit, or NULL. */
static const struct agent *later_agent(const struct allocator *allocator, uint32_t place) {
    const struct round *round = &allocator->round;

    return place < round->visit_count && round->visits[place] != NO_AGENT
               ? allocator->agents_by_index[round->visits[place]]
               : NULL;
}

/* Visits jump about in memory: fetch what the next ones will need, each step ahead of what it is reached through. */
static void prefetch(const struct allocator *allocator, uint32_t place) {
    enum { PLACE_AHEAD = 24, AGENT_AHEAD = 16, ITEMS_AHEAD = 10, KINDS_AHEAD = 6, RANGES_AHEAD = 3 };
    const struct agent *agent = later_agent(allocator, place + AGENT_AHEAD);
    const struct round *round = &allocator->round;

    if (place + PLACE_AHEAD < round->visit_count && round->visits[place + PLACE_AHEAD] != NO_AGENT)
        __builtin_prefetch(&allocator->agents_by_index[round->visits[place + PLACE_AHEAD]]);
    for (size_t offset = 0; agent != NULL && offset < offsetof(struct agent, offered_shared); offset += 64)
        __builtin_prefetch((const char *)agent + offset, 1);
    agent = later_agent(allocator, place + ITEMS_AHEAD);
    if (agent != NULL) {
        __builtin_prefetch(agent->available.items, 1);
        __builtin_prefetch(agent->available.items + 2, 1);
        __builtin_prefetch(agent->basis.items);
        __builtin_prefetch(agent->basis.items + 2);
        __builtin_prefetch(agent->bits);
        __builtin_prefetch(agent->usages.next, 1);
        __builtin_prefetch((const char *)agent->usages.next + 64, 1);
    }
    agent = later_agent(allocator, place + KINDS_AHEAD);
    for (size_t i = 0; agent != NULL && i < agent->available.count; i++)
        __builtin_prefetch(agent->available.items[i].kind, 1);
    agent = later_agent(allocator, place + RANGES_AHEAD);
    for (size_t i = 0; agent != NULL && i < agent->available.count; i++)
        if (agent->available.items[i].kind->type != RESOURCE_SCALAR)
            __builtin_prefetch(agent->available.items[i].ranges, 1);
}

static void visit(struct allocator *allocator, struct agent *agent) {
    bool is_last_stage = allocator->round.stage == 2;

    if (!bitset_has(&allocator->offerable, agent->index))
        return;
    if (agent->visited_round != allocator->round.number) {
        agent->visited_round = allocator->round.number;
        agent->is_held_back = false;
        agent->was_lumpy = agent->is_described && agent->is_lumpy;
    }
    allocator->figures.agents_visited++;
    allocator->steps += STEPS_OF_A_VISIT;
    prepare_memory(agent);
    allocator->is_deferring = true;
    serve(allocator, agent);
    allocator->is_deferring = false;
    allocator_sorter_apply_pending(allocator);
    if (!is_last_stage)
        return;
    /* What has changed since the round began may mean that its first stage would have served this agent. */
    agent->quota_version = allocator->round.quota_version;
    agent->offer_version = allocator->round.offer_version;
    bitset_put(&allocator->held_back, agent->index, agent->is_held_back);
    /* What is shared can be offered to others in the next round. */
    if (agent->has_shared && !list_is_empty(&agent->round_offers))
        bitset_set(&allocator->dirty, agent->index);
}

/* Ends */

static int compare_offers(const void *a, const void *b) {
    const struct offer *left = *(struct offer *const *)a, *right = *(struct offer *const *)b;
    int order = strcmp(left->client->role->name, right->client->role->name);

    return order != 0 ? order : left->number < right->number ? -1 : left->number > right->number;
}

static bool has_more_offers(const struct framework *framework, size_t than) {
    const struct offer *offer;
    size_t count = 0;

    list_for_each (&framework->offers, offer, in_framework)
        if (++count > than)
            return true;
    return false;
}

/* Put the framework's offers in the order of their roles. */
static void sort_offers(struct framework *framework) {
    cleanup_free struct offer **offers = NULL;
    struct offer *offer;
    size_t count = 0;

    if (framework->clients.next == framework->clients.previous)
        return; /* it has one role only */
    list_for_each (&framework->offers, offer, in_framework)
        count++;
    offers = xmalloc((count + 1) * sizeof(*offers));
    count = 0;
    list_for_each (&framework->offers, offer, in_framework)
        offers[count++] = offer;
    qsort(offers, count, sizeof(*offers), compare_offers);
    list_init(&framework->offers);
    for (size_t i = 0; i < count; i++)
        list_append(&framework->offers, &offers[i]->in_framework);
}

static void reserve_sent(struct allocator *allocator, size_t most) {
    if (most <= allocator->sent_capacity)
        return;
    allocator->sent_capacity = most;
    allocator->sent = xrealloc(allocator->sent, most * sizeof(allocator->sent[0]));
    allocator->sent_resources = xrealloc(allocator->sent_resources, most * sizeof(allocator->sent_resources[0]));
}

static const struct offer *offer_after(const struct framework *framework, const struct offer *offer) {
    const struct list *next = offer->in_framework.next;

    return next == &framework->offers ? NULL : container_of(next, struct offer, in_framework);
}

/* What the next offers point to; their agents are anywhere in memory. */
static void prefetch_offers(const struct framework *framework, const struct offer *offer) {
    if ((offer = offer_after(framework, offer)) == NULL)
        return;
    __builtin_prefetch(offer->resources.items, 1);
    if ((offer = offer_after(framework, offer)) == NULL)
        return;
    __builtin_prefetch(offer->agent->id);
    if ((offer = offer_after(framework, offer)) != NULL)
        __builtin_prefetch(&offer->agent->id, 1);
}

/* Send the first @most offers of @framework. They are taken away first, as the receiver may call back. Returns how many
 * these were. */
static size_t deliver(struct allocator *allocator, struct framework *framework, size_t most) {
    const char *framework_id = name_hold(framework->id);
    struct allocator_offer *sent = allocator->sent;
    struct resources *resources = allocator->sent_resources;
    struct offer *offer;
    size_t count = 0;

    while (count < most && (offer = list_first(&framework->offers, struct offer, in_framework)) != NULL) {
        prefetch_offers(framework, offer);
        resources_move(&resources[count], &offer->resources);
        sent[count] = (struct allocator_offer){name_hold(offer->client->role->name), offer->agent->id,
                                               &resources[count]};
        count++;
        allocator_offer_free(allocator, offer);
    }
    if (count > 0)
        allocator->callbacks->on_offers(allocator->user, framework_id, sent, count);
    for (size_t i = 0; i < count; i++) {
        name_release(sent[i].role);
        resources_done(&resources[i]);
    }
    name_release(framework_id);
    return count;
}

/* Send a slice of the offers. Returns false if there are more. */
static bool deliver_some(struct allocator *allocator) {
    size_t left = allocator->options.slice_offers;
    struct framework *framework;

    if (left > allocator->round.offer_count)
        left = allocator->round.offer_count;
    reserve_sent(allocator, left);
    allocator->is_delivering = true;
    while (left > 0 && (framework = list_first(&allocator->round.frameworks, struct framework, with_offers)) != NULL) {
        size_t count;

        /* The receiver may remove it, so it must not be touched after the delivery if it has got all. */
        list_remove(&framework->with_offers);
        if (!framework->has_sorted_offers)
            sort_offers(framework);
        framework->has_sorted_offers = true;
        if (has_more_offers(framework, left))
            list_prepend(&allocator->round.frameworks, &framework->with_offers);
        else
            framework->has_sorted_offers = false;
        count = deliver(allocator, framework, left);
        left -= count;
    }
    allocator->is_delivering = false;
    for (size_t i = 0; i < allocator->old_id_count; i++)
        free(allocator->old_ids[i]);
    free(allocator->old_ids);
    allocator->old_ids = NULL;
    allocator->old_id_count = 0;
    return list_is_empty(&allocator->round.frameworks);
}

/* After a round quota may leave more than it did at the end of it, since guarantees that the second stage has served in
 * passing are only now taken notice of. */
static bool does_quota_leave_more(struct allocator *allocator) {
    struct round *round = &allocator->round;
    cleanup_free int64_t *surplus = xcalloc(allocator->dimension_count + 1, sizeof(*surplus));
    bool had_required = round->has_required, is_more = false;

    for (size_t i = 0; i < allocator->dimension_count; i++)
        surplus[i] = at_least_zero(amounts_get(&round->headroom, i) - amounts_get(&round->required, i));
    work_out_headroom(allocator);
    for (size_t i = 0; i < allocator->dimension_count; i++)
        is_more |= at_least_zero(amounts_get(&round->headroom, i) - amounts_get(&round->required, i)) > surplus[i];
    return had_required && (is_more || !round->has_required);
}

/* All agents have been visited: what remains is to tell the frameworks. */
static void begin_delivery(struct allocator *allocator) {
    struct round *round = &allocator->round;

    if (round->offer_count > 0) {
        allocator->offer_version++;
        if (allocator->guaranteed_roles > 0 && does_quota_leave_more(allocator))
            allocator->quota_version++;
    }
    round->stage = 3;
}

static void finish(struct allocator *allocator) {
    struct round *round = &allocator->round;

    round->is_running = false;
    allocator_filters_expire(allocator);
    allocator_metrics_round_ended(allocator);
    if (round->is_of_interval) {
        round->is_of_interval = false;
        allocator->next_interval_ns = env_now(allocator->env) + allocator->options.allocation_interval_ns;
        env_timer_start(&allocator->interval_timer, allocator->options.allocation_interval_ns);
    }
    if (has_request(allocator))
        env_timer_start(&allocator->round_timer, 0);
}

/* The course of a round */

static void begin_stage(struct allocator *allocator, int stage) {
    allocator->round.stage = stage;
    order_visits(allocator, (uint64_t)stage);
}

/* The requests so far become the candidates of the round. */
static void take_requests(struct allocator *allocator) {
    struct round *round = &allocator->round;
    uint32_t *candidates = round->candidates, capacity = round->candidate_capacity;

    round->is_for_all = allocator->are_all_candidates;
    round->candidates = allocator->candidates;
    round->candidate_count = allocator->candidate_count;
    round->candidate_capacity = allocator->candidate_capacity;
    allocator->candidates = candidates;
    allocator->candidate_count = 0;
    allocator->candidate_capacity = capacity;
    allocator->are_all_candidates = false;
}

static void begin(struct allocator *allocator) {
    struct round *round = &allocator->round;

    allocator_metrics_round_begun(allocator);
    allocator->figures.rounds++;
    round->is_running = true;
    round->number = ++allocator->rounds_begun;
    round->seed = sorter_mix(allocator->random_seed, round->number);
    round->quota_version = allocator->quota_version;
    round->offer_version = allocator->offer_version;
    round->offer_count = 0;
    round->visit_count = 0;
    take_requests(allocator);
    collect(allocator);
    work_out_headroom(allocator);
    begin_stage(allocator, is_any_guarantee_unsatisfied(allocator) ? 1 : 2);
}

/* Visit agents for one slice. Returns false if there are more. */
static bool visit_some(struct allocator *allocator) {
    struct round *round = &allocator->round;

    allocator->steps = 0;
    if (round->state_version != allocator->state_version)
        work_out_headroom(allocator);
    for (;;) {
        if (round->next == round->visit_count) {
            if (round->stage == 2)
                return true;
            begin_stage(allocator, 2);
            continue;
        }
        if (allocator->steps >= allocator->options.slice_steps)
            return false;
        prefetch(allocator, round->next);
        if (round->visits[round->next] != NO_AGENT)
            visit(allocator, allocator->agents_by_index[round->visits[round->next]]);
        round->next++;
    }
}

/* Go on for one slice. */
static void go_on(struct allocator *allocator) {
    allocator->figures.slices++;
    if (allocator->round.stage < 3 && visit_some(allocator))
        begin_delivery(allocator);
    if (allocator->round.stage == 3 && deliver_some(allocator)) {
        allocator->round.stage = 4;
        allocator_inverse_offers_begin(allocator);
    }
    if (allocator->round.stage == 4 && allocator_inverse_offers_collect(allocator))
        allocator->round.stage = 5;
    if (allocator->round.stage == 5 && allocator_inverse_offers_deliver(allocator))
        finish(allocator);
    else
        env_timer_start(&allocator->round_timer, 0);
}

static void begin_or_go_on(struct allocator *allocator) {
    if (!allocator->round.is_running) {
        if (allocator->is_paused || !has_request(allocator))
            return;
        if (allocator->is_expiring) {
            allocator_filters_go_on_expiring(allocator);
            env_timer_start(&allocator->round_timer, 0);
            return;
        }
        begin(allocator);
    }
    go_on(allocator);
}

void allocator_round_on_timer(struct env_timer *timer) {
    begin_or_go_on(container_of(timer, struct allocator, round_timer));
}

void allocator_round_on_interval(struct env_timer *timer) {
    struct allocator *allocator = container_of(timer, struct allocator, interval_timer);

    if (allocator->is_paused) {
        allocator->next_interval_ns = env_now(allocator->env) + allocator->options.allocation_interval_ns;
        env_timer_start(timer, allocator->options.allocation_interval_ns);
        allocator_filters_expire(allocator);
        return;
    }
    allocator->are_all_candidates = true;
    allocator->round.is_of_interval = true;
    if (allocator->round.is_running)
        return;
    env_timer_stop(&allocator->round_timer);
    begin_or_go_on(allocator);
}

void allocator_round_on_expiry(struct env_timer *timer) {
    struct allocator *allocator = container_of(timer, struct allocator, expiry_timer);

    if (allocator->is_expiring) {
        allocator_filters_go_on_expiring(allocator);
        return;
    }
    /* A round that is due at the same time still finds the filters (MESOS-4302); it expires them at its end. */
    if (allocator->round.is_running || (has_request(allocator) && !allocator->is_paused) ||
        allocator->next_interval_ns <= env_now(allocator->env))
        return;
    allocator_filters_expire(allocator);
}

void allocator_round_forget_agent(struct allocator *allocator, struct agent *agent) {
    struct round *round = &allocator->round;
    struct offer *offer;

    list_for_each (&agent->round_offers, offer, in_agent)
        allocator_offer_free(allocator, offer);
    if (bitset_has(&allocator->is_candidate, agent->index)) {
        bitset_clear(&allocator->is_candidate, agent->index);
        for (uint32_t i = 0; i < allocator->candidate_count; i++)
            if (allocator->candidates[i] == agent->index)
                allocator->candidates[i--] = allocator->candidates[--allocator->candidate_count];
    }
    for (uint32_t i = 0; round->is_running && i < round->candidate_count; i++)
        if (round->candidates[i] == agent->index)
            round->candidates[i--] = round->candidates[--round->candidate_count];
    /* Also those behind: the list of the first stage becomes that of the second. */
    for (uint32_t i = 0; round->is_running && i < round->visit_count; i++)
        if (round->visits[i] == agent->index)
            round->visits[i] = NO_AGENT;
    for (uint32_t i = 0; round->is_running && round->stage >= 4 && i < round->inverse_count; i++)
        if (round->inverse_agents[i] == agent->index)
            round->inverse_agents[i] = NO_AGENT;
}

void allocator_round_done(struct allocator *allocator) {
    free(allocator->round.visits);
    free(allocator->round.keys);
    free(allocator->sent);
    free(allocator->sent_resources);
    free(allocator->round.candidates);
    free(allocator->round.inverse_agents);
    amounts_done(&allocator->round.required);
    amounts_done(&allocator->round.headroom);
}
