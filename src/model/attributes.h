/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of an agent: "rack:abc;zone:west;os:centos5;level:10;keys:[1000-1500]". They stay protobuf messages;
 * this is how they are read, compared and printed (src/common/attributes.cpp). */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "mesos/v1/mesos.pb-c.h"

/* Parse "name:value;name:value" (also separated by newlines); the messages are allocated in @arena. A value is a
 * scalar, a list of ranges or, failing both, text; spaces inside are dropped as Mesos does. A set is refused. */
int attributes_parse(const char *text, struct arena *arena, Mesos__V1__Attribute ***ret_attributes, size_t *ret_count,
                     struct error *err);

/* Attributes::isValid() */
int attribute_validate(const Mesos__V1__Attribute *attribute, struct error *err);

/* Whether both hold the same attributes, in any order (Attributes::operator==). */
bool attributes_equal(Mesos__V1__Attribute *const *a, size_t a_count, Mesos__V1__Attribute *const *b, size_t b_count);

/* "rack=abc; level=10", as operator<< prints. */
void attributes_format(Mesos__V1__Attribute *const *attributes, size_t count, struct buffer *buffer);
