/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"

/* Offers are handed back, with a filter that keeps them away for a while. */
int call_decline(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                 struct error *err) {
    const Mesos__V1__Scheduler__Call__Decline *decline = call->decline;
    Mesos__V1__Filters defaults = MESOS__V1__FILTERS__INIT;

    metric_increment(&framework->master->metrics.messages_decline_offers);
    for (size_t i = 0; i < decline->n_offer_ids; i++) {
        struct offer *offer = offer_find(framework->master, decline->offer_ids[i]->value);

        if (offer == NULL || offer->framework != framework) {
            log_warning("Ignoring that framework %s declines offer %s, which is no longer valid", framework->id,
                        decline->offer_ids[i]->value);
            continue;
        }
        offer_discard(offer, decline->filters == NULL ? &defaults : decline->filters);
        framework->metrics.offers_declined++;
    }
    return 0;
}
