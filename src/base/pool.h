/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of one size that come and go all the time, thousands of them. They are cut from chunks that grow with their
 * number, up to the size of a huge page. The memory of objects that are given back is used for the next ones and
 * returns to the system when the pool ends. */
#pragma once

#include "base/memory.h"

struct pool {
    struct pool_object *free;
    struct pool_chunk *chunks; /* the newest first */
    char *next;                /* the rest of the newest chunk */
    size_t left;
    /* Ask the kernel for huge pages once there are many objects: to give a process new memory page by page takes as
     * long as what is then done with it. Set by the owner, and kept by pool_done(). A huge page has to be cleared as a
     * whole, for which a virtual machine whose host must find the memory first needs some milliseconds: not for pools
     * that grow together where nothing may take long. */
    bool is_huge;
};

/* An object of @size bytes, the same in each call for one pool and at most 4 KiB; not zeroed. */
void *pool_take(struct pool *pool, size_t size);
void pool_give(struct pool *pool, void *object);
/* Frees all objects, too. Accepts a zeroed pool and leaves one. */
void pool_done(struct pool *pool);
