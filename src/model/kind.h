/* SPDX-License-Identifier: Apache-2.0 */
/* The table of resource kinds: equal ones are one object. Internal to src/model. */
#pragma once

#include "model/resources.h"

/* The kind of a valid message in either format; its amount and allocation role do not matter. The caller holds it. */
const struct resource_kind *kind_get(const Mesos__V1__Resource *message);
/* A kind with nothing but a name and a type. */
const struct resource_kind *kind_get_plain(const char *name, size_t name_size, enum resource_type type);

const struct resource_kind *kind_hold(const struct resource_kind *kind);
void kind_release(const struct resource_kind *kind);

/* The same kind with the first @count of its reservations. */
const struct resource_kind *kind_with_reservations(const struct resource_kind *kind, size_t count);
/* The same kind with the reservations of @other, of which one is added if @added is not NULL. */
const struct resource_kind *kind_with_reservations_of(const struct resource_kind *kind,
                                                      const struct resource_kind *other,
                                                      const Mesos__V1__Resource__ReservationInfo *added);
/* The kind of disk a persistent volume is made of: no volume, no persistence, not shared. */
const struct resource_kind *kind_without_volume(const struct resource_kind *kind);
/* As kind_with_reservations() with the static reservation, if there is one, and no dynamic ones. */
const struct resource_kind *kind_without_dynamic_reservations(const struct resource_kind *kind);
