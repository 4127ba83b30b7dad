/* SPDX-License-Identifier: PostgreSQL */
#include "sim.h"

/* How late a guard may be that is the only ring left. The fence is never late. */
#define LATE_MS 25

/* From the deadline on that its own read-backs justify, or promises, a node cannot commit, whatever
 * runs. */
void check_i5_fence(struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    uint64_t late_ms = s->options.rings == SIM_RINGS_GUARD ? LATE_MS : 0;
    bool promised = n->promise_limit_ms > n->lease_limit_ms;
    uint64_t limit_ms = promised ? n->promise_limit_ms : n->lease_limit_ms;
    uint64_t now_ms = sim_node_clock_ms(s, node);
    if (now_ms >= limit_ms + late_ms) {
        sim_break(s, "I5: fence", "%s can commit %llu ms after the end of its lease", n->name,
                  (unsigned long long)(now_ms - limit_ms));
    }
}
