/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a history that are about offers and what is in use. */
#include "history.h"

void history_add_piece(struct history *h, int framework, int agent, const struct resources *resources,
                       bool is_allocated) {
    struct piece *piece = &h->pieces[h->piece_count++];

    assert(h->piece_count < PIECES);
    *piece = (struct piece){framework, agent, RESOURCES_INIT, is_allocated};
    resources_assign(&piece->resources, resources);
}

void history_drop_pieces(struct history *h, int framework, int agent) {
    for (size_t i = 0; i < h->piece_count; i++)
        if (h->pieces[i].framework == framework || h->pieces[i].agent == agent) {
            resources_done(&h->pieces[i].resources);
            h->pieces[i--] = h->pieces[--h->piece_count];
        }
}

void history_remove_piece(struct history *h, size_t index) {
    resources_done(&h->pieces[index].resources);
    h->pieces[index] = h->pieces[--h->piece_count];
}

static void recover(struct history *h, struct piece *piece, const struct resources *resources, double refuse_seconds) {
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = refuse_seconds;
    if (h->is_traced)
        history_detail(h, "%s %s for %g: %s", framework_ids[piece->framework], agent_ids[piece->agent], refuse_seconds,
                       resources_text(resources));
    allocator_recover_resources(h->allocator, framework_ids[piece->framework], agent_ids[piece->agent], resources,
                                refuse_seconds < 0 ? NULL : &filters, piece->is_allocated);
    ALSO(h, reference_recover(h->reference, framework_ids[piece->framework], agent_ids[piece->agent], resources,
                              refuse_seconds < 0 ? 0 : duration_from_seconds(refuse_seconds), piece->is_allocated));
}

/* Use a part of an offer and hand back the rest. */
static void launch(struct history *h, size_t index) {
    struct piece *piece = &h->pieces[index];
    cleanup_resources struct resources used = RESOURCES_INIT, rest = RESOURCES_INIT;

    h->step = "launch";
    for (size_t i = 0; i < piece->resources.count; i++) {
        struct resource part = piece->resources.items[i];

        if (history_chance(h, 30))
            continue;
        if (part.kind->type == RESOURCE_SCALAR && !part.kind->is_exclusive && !part.kind->is_persistent &&
            part.scalar > 1000)
            part.scalar = part.scalar / 2000 * 1000;
        if (part.scalar != 0 || part.kind->type != RESOURCE_SCALAR)
            resources_add_one(&used, &part);
    }
    resources_assign(&rest, &piece->resources);
    resources_subtract(&rest, &used);
    if (!resources_is_empty(&rest))
        recover(h, piece, &rest, history_chance(h, 60) ? (double)history_draw(h, 8) : -1);
    if (resources_is_empty(&used)) {
        history_remove_piece(h, index);
        return;
    }
    resources_assign(&piece->resources, &used);
    piece->is_allocated = true;
    allocator_transition_offered_to_allocated(h->allocator, agent_ids[piece->agent], &used);
}

static Mesos__V1__Resource__ReservationInfo *make_reservation(const char *role) {
    static Mesos__V1__Resource__ReservationInfo reservation;

    mesos__v1__resource__reservation_info__init(&reservation);
    reservation.has_type = true;
    reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    reservation.role = (char *)role;
    return &reservation;
}

/* Reserve or unreserve what has been offered. */
static void convert(struct history *h, size_t index) {
    struct piece *piece = &h->pieces[index];
    const char *role = resources_allocation_role(&piece->resources);
    struct resource_conversion conversion = {.removes_volume = false};
    cleanup_resources struct resources old = RESOURCES_INIT, plain_consumed = RESOURCES_INIT,
                                       plain_converted = RESOURCES_INIT;
    int agent = piece->agent;

    if (role_is_default(role) || piece->is_allocated)
        return;
    h->step = "convert";
    for (size_t i = 0; i < piece->resources.count && resources_is_empty(&conversion.consumed); i++) {
        const struct resource *resource = &piece->resources.items[i];

        if (resource->kind->is_shared || resource->kind->is_revocable || resource->kind->is_persistent)
            continue;
        resources_add_one(&conversion.consumed, resource);
        resources_add_one(&conversion.converted, resource);
        if (resource_is_dynamically_reserved(resource))
            resources_pop_reservation(&conversion.converted);
        else if (resource_is_reserved(resource) ||
                 resources_push_reservation(&conversion.converted, make_reservation(role), NULL) < 0)
            resources_clear(&conversion.consumed);
        if (resources_is_empty(&conversion.consumed))
            resources_clear(&conversion.converted);
    }
    resources_assign(&old, &piece->resources);
    if (!resources_is_empty(&conversion.consumed) && resources_convert(&piece->resources, &conversion, NULL) == 0) {
        resources_assign(&plain_consumed, &conversion.consumed);
        resources_assign(&plain_converted, &conversion.converted);
        resources_unallocate(&plain_consumed);
        resources_unallocate(&plain_converted);
        if (resources_contain(&h->totals[agent], &plain_consumed)) {
            resources_subtract(&h->totals[agent], &plain_consumed);
            resources_add(&h->totals[agent], &plain_converted);
            allocator_update_allocation(h->allocator, framework_ids[piece->framework], agent_ids[agent], &old,
                                        &conversion, 1);
            ALSO(h, reference_update_allocation(h->reference, framework_ids[piece->framework], agent_ids[agent], &old,
                                                &conversion, 1));
        } else {
            resources_assign(&piece->resources, &old);
        }
    }
    resources_done(&conversion.consumed);
    resources_done(&conversion.converted);
}

void history_change_piece(struct history *h) {
    size_t index;
    struct piece *piece;

    if (h->piece_count == 0)
        return;
    index = history_draw(h, h->piece_count);
    piece = &h->pieces[index];
    if (!h->has_framework[piece->framework])
        return;
    if (piece->is_allocated) {
        h->step = "finish";
        recover(h, piece, &piece->resources, -1);
        history_remove_piece(h, index);
        return;
    }
    switch (history_draw(h, 5)) {
    case 0:
    case 1:
        launch(h, index);
        break;
    case 2:
        convert(h, index);
        break;
    default:
        h->step = "decline";
        recover(h, piece, &piece->resources, history_chance(h, 85) ? (double)history_draw(h, 12) : -1);
        history_remove_piece(h, index);
        break;
    }
}

static void fill_reserve(const char *text, const char *role, Mesos__V1__Offer__Operation *operation,
                         Mesos__V1__Offer__Operation__Reserve *reserve, struct resources *what, struct arena *arena) {
    mesos__v1__offer__operation__init(operation);
    mesos__v1__offer__operation__reserve__init(reserve);
    *what = test_resources(text);
    resources_push_reservation(what, make_reservation(role), NULL);
    resources_to_messages(what, RESOURCE_FORMAT_NEW, arena, &reserve->resources, &reserve->n_resources);

    operation->type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
    operation->reserve = reserve;
}

/* An operator reserves something, and sometimes too much with it: then nothing is. */
void history_reserve(struct history *h) {
    int index = (int)history_draw(h, AGENTS);
    const char *role = all_roles[1 + history_draw(h, ROLES - 1)];
    Mesos__V1__Offer__Operation operations[2];
    const Mesos__V1__Offer__Operation *pointers[] = {&operations[0], &operations[1]};
    Mesos__V1__Offer__Operation__Reserve messages[2];
    cleanup_resources struct resources first = RESOURCES_INIT, second = RESOURCES_INIT;
    size_t count = history_chance(h, 30) ? 2 : 1;
    struct arena arena = ARENA_INIT;
    int status;

    if (!h->has_agent[index])
        return;
    h->step = "operator's reserve";
    fill_reserve("cpus:1;mem:32", role, &operations[0], &messages[0], &first, &arena);
    fill_reserve(history_chance(h, 50) ? "cpus:1" : "cpus:1000", role, &operations[1], &messages[1], &second, &arena);
    status = allocator_update_available(h->allocator, agent_ids[index], pointers, count, NULL);
    if (status < 0 && count == 2 && h->sabotage == HALF_RESERVE)
        allocator_update_available(h->allocator, agent_ids[index], pointers, 1, NULL);
    if (h->reference != NULL && status != reference_update_available(h->reference, agent_ids[index], pointers, count))
        history_fail(h, "the reference disagrees");
    for (size_t i = 0; i < count && status == 0; i++)
        resources_apply_operation(&h->totals[index], pointers[i], NULL);
    arena_done(&arena);
}
