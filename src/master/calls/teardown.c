/* SPDX-License-Identifier: Apache-2.0 */
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"

/* The framework is done: whatever it runs is killed. */
int call_teardown(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                  struct error *err) {
    metric_increment(&framework->master->metrics.messages_unregister_framework);
    framework_remove(framework);
    return 0;
}
