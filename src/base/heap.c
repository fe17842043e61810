/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

void heap_init(struct heap *heap) {
    *heap = (struct heap){0};
}

void heap_done(struct heap *heap) {
    if (heap == NULL)
        return;
    free(heap->members);
    *heap = (struct heap){0};
}

static bool before(const struct heap_member *a, const struct heap_member *b) {
    return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void place(struct heap *heap, struct heap_member *member, size_t index) {
    heap->members[index] = member;
    member->position = index + 1;
}

static void move_up(struct heap *heap, struct heap_member *member, size_t index) {
    while (index > 0 && before(member, heap->members[(index - 1) / 2])) {
        place(heap, heap->members[(index - 1) / 2], index);
        index = (index - 1) / 2;
    }
    place(heap, member, index);
}

static void move_down(struct heap *heap, struct heap_member *member, size_t index) {
    for (;;) {
        size_t child = index * 2 + 1;

        if (child + 1 < heap->count && before(heap->members[child + 1], heap->members[child]))
            child++;
        if (child >= heap->count || !before(heap->members[child], member))
            break;
        place(heap, heap->members[child], index);
        index = child;
    }
    place(heap, member, index);
}

void heap_add(struct heap *heap, struct heap_member *member, int64_t key) {
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 16 : heap->capacity * 2;
        heap->members = xrealloc(heap->members, heap->capacity * sizeof(heap->members[0]));
    }
    member->key = key;
    member->order = heap->added++;
    move_up(heap, member, heap->count++);
}

void heap_remove(struct heap *heap, struct heap_member *member) {
    size_t index = member->position - 1;
    struct heap_member *last;

    if (member->position == 0)
        return;
    member->position = 0;
    last = heap->members[--heap->count];
    if (last == member)
        return;
    if (index > 0 && before(last, heap->members[(index - 1) / 2]))
        move_up(heap, last, index);
    else
        move_down(heap, last, index);
}
