/* SPDX-License-Identifier: Apache-2.0 */
/* A doubly linked list through its members. An unlinked member points to itself, so that removal needs no list. */
#pragma once

#include "base/memory.h"

struct list {
    struct list *previous, *next;
};

#define LIST_INIT(head) ((struct list){&(head), &(head)})

static inline void list_init(struct list *list) {
    list->previous = list->next = list;
}

static inline bool list_is_empty(const struct list *list) {
    return list->next == list;
}

/* Whether a member is in some list. A zeroed member is not. */
static inline bool list_is_linked(const struct list *member) {
    return member->next != NULL && member->next != member;
}

static inline void list_insert_between(struct list *member, struct list *previous, struct list *next) {
    member->previous = previous;
    member->next = next;
    previous->next = member;
    next->previous = member;
}

static inline void list_append(struct list *list, struct list *member) {
    list_insert_between(member, list->previous, list);
}

static inline void list_prepend(struct list *list, struct list *member) {
    list_insert_between(member, list, list->next);
}

/* Accepts a member that is in no list, or zeroed. */
static inline void list_remove(struct list *member) {
    if (member->next != NULL) {
        member->previous->next = member->next;
        member->next->previous = member->previous;
    }
    list_init(member);
}

/* The first member as @type, whose link is @member; NULL if the list is empty. */
#define list_first(list, type, member) (list_is_empty(list) ? NULL : container_of((list)->next, type, member))

#define list_last(list, type, member) (list_is_empty(list) ? NULL : container_of((list)->previous, type, member))

/* Visit each entry; the current one may be removed and released, others may not. */
#define list_for_each(list, entry, member) \
    for (__typeof__(entry) entry##_next_ = (entry = container_of((list)->next, __typeof__(*(entry)), member), \
                                           container_of(entry->member.next, __typeof__(*(entry)), member)); \
         &entry->member != (list); \
         entry = entry##_next_, entry##_next_ = container_of(entry->member.next, __typeof__(*(entry)), member))
