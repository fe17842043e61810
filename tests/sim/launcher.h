/* SPDX-License-Identifier: Apache-2.0 */
/* What a framework of the campaign does with an offer. */
#pragma once

#include "framework.h"

/* Accept @offer with tasks, perhaps a group of tasks and an operation, or decline it. */
void launcher_answer(struct framework *framework, const Mesos__V1__Offer *offer);
