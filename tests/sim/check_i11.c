/* SPDX-License-Identifier: PostgreSQL */
/* Promise: without the log a lease is extended only by unexpired promises of all nodes that could
 * be granted anything; a restart shortens none. */
#include "sim.h"

/* Two clocks measure the same span: 1,000 ppm each. */
#define DRIFT(span_ms) ((span_ms) / 400 + 2)

/* By the true log it could be granted the next term while that lease runs. */
static bool could_follow(const struct sim *s, int32_t i)
{
    const struct cluster *c = &s->truth;
    bool named = !c->lease.failsafe || (c->lease.electable >> (uint32_t)i & 1U) != 0;
    return named && !c->nodes[i].removed;
}

/* How long it certainly neither renews nor promotes, by its own clock. */
static uint64_t still_ms(const struct sim *s, int node)
{
    const struct sim_node *n = &s->nodes[node];
    const struct agent_promise *p = &n->agent.promise;
    uint64_t told_ms = n->vote.promised_ttl_ms;
    bool lost = n->vote.incarnation == 0 || p->voteless; /* it will keep still all the same */
    uint64_t started_ms = lost ? UINT32_MAX : told_ms + LEASE_ALLOWANCE_MS(told_ms);
    if (!n->agent_runs || !n->host_up || p->earlier_ms != 0 || lost) {
        return told_ms == 0 && !lost ? 0 : started_ms;
    }
    uint64_t now_ms = sim_node_clock_ms(s, node);
    return p->still_ms > now_ms ? p->still_ms - now_ms : 0;
}

/* What it lives by is in the true log: what that has lost is for the others to tell (I12). */
static bool rests_on_the_log(const struct sim *s, const struct agent *a)
{
    const struct mark *mark = &s->truth.lease.renewal_mark;
    return s->losses == 0 ||
           (mark->incarnation == a->incarnation && mark->counter >= a->promise.counter);
}

void check_i11_lease(struct sim *s, int node, uint64_t deadline_ms)
{
    struct sim_node *n = &s->nodes[node];
    uint64_t now_ms = sim_node_clock_ms(s, node);
    uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    bool judged = rests_on_the_log(s, &n->agent) && !sim_node_is_excused(s, node);
    for (uint32_t k = 0; k < s->options.nodes && judged; k++) {
        int32_t i = cluster_find_node(&s->truth, s->nodes[k].name);
        bool bound = (int)k == node || i < 0 || !could_follow(s, i) ||
                     still_ms(s, (int)k) + DRIFT(left_ms) >= left_ms;
        if (!bound) {
            sim_break(s, "I11: promise", "%s goes on for %llu ms, and %s keeps still for %llu ms",
                      n->name, (unsigned long long)left_ms, s->nodes[k].name,
                      (unsigned long long)still_ms(s, (int)k));
        }
    }
    sim_cover_moment(SIM_MOMENT_PROMISED);
    n->promise_limit_ms = deadline_ms;
}
