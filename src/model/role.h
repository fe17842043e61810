/* SPDX-License-Identifier: Apache-2.0 */
/* Role names: "*", "dev", "eng/backend/search". */
#pragma once

#include "base/error.h"

/* Whether @role is a valid role name, with the reason if it is not (src/common/roles.cpp, validate()). */
int role_validate(const char *role, struct error *err);

/* Whether @role is strictly below @ancestor: "a/b" is below "a", neither "a" nor "ab" is. */
bool role_is_below(const char *role, const char *ancestor);

/* Whether @role is @ancestor or below it. */
bool role_is_in(const char *role, const char *ancestor);

static inline bool role_is_default(const char *role) {
    return role[0] == '*' && role[1] == '\0';
}

bool role_is_hierarchical(const char *role); /* has a '/' */

/* The size in bytes of the parent's name, which is a prefix of @role; 0 if it has none. */
size_t role_parent_size(const char *role);
