/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings: equal text is one object, so that names, roles and principals are compared by pointer.
 *
 * The table of names belongs to the thread, as do the values that hold names; a name lives as long as someone holds it.
 */
#pragma once

#include "base/memory.h"

/* The one object with @text; the caller holds it until name_release(). The result is a plain NUL-terminated string. */
const char *name_get(const char *text) __attribute__((returns_nonnull));
const char *name_get_sized(const char *text, size_t size) __attribute__((returns_nonnull));

/* Hold a name once more. NULL is NULL. */
const char *name_hold(const char *name);
void name_release(const char *name); /* accepts NULL */

size_t name_size(const char *name);

/* The object with @text if somebody holds it, else NULL; nothing is held by the call. */
const char *name_find(const char *text);
