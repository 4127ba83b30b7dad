/* SPDX-License-Identifier: PostgreSQL */
#include "upstream.h"

#include "../proto/standby.h"
#include "../proto/sync.h"

#include <string.h>

/* Who does not lead waits, should it be promoted, for nobody that there is: no commit is
 * acknowledged before it waits for whom the log says. */
static uint32_t waits_of(const struct agent *a, uint32_t *ret_count)
{
    const struct cluster *c = &a->cluster;
    if (a->me < 0 || cluster_holder(c) != a->me || c->phase != PHASE_HELD) {
        *ret_count = sync_binds(c) ? 1 : 0;
        return 0;
    }
    if (standby_is_on(c)) { /* once it is promoted nothing is acknowledged before the log says so */
        *ret_count = c->config.synchronous != SYNCHRONOUS_OFF ? 1 : 0;
        return 0;
    }
    *ret_count = c->sync.count;
    return c->sync.waits;
}

bool upstream_is_sealed(const struct agent *a)
{
    return a->self.fence && a->vote.sealed_term != 0 && a->vote.sealed_term >= a->cluster.term;
}

bool upstream_must_seal(const struct agent *a)
{
    const struct cluster *c = &a->cluster;
    return a->self.fence && cluster_has_ended(c) && sync_binds(c);
}

struct upstream upstream_nowhere(const struct agent *a)
{
    struct upstream upstream;
    memset(&upstream, 0, sizeof upstream);
    sync_list_of(&a->cluster, waits_of(a, &upstream.wait_count), &upstream.waits);
    upstream.seal_term = upstream_is_sealed(a) ? a->vote.sealed_term : 0;
    return upstream;
}

/* The next leader has not opened its timeline yet: whoever opened the last one is deposed, and may
 * not know it. Nobody lets it acknowledge anything more. */
static bool is_between(const struct cluster *c)
{
    return sync_binds(c) && cluster_holder(c) != LEADER_NONE && !c->promoted;
}

bool upstream_is_remote(const struct agent *a)
{
    return standby_is_on(&a->cluster) && a->cluster.phase == PHASE_HELD && agent_holds(a);
}

static struct upstream upstream_remote(const struct agent *a)
{
    const struct standby_cluster *standby = &a->cluster.config.standby;
    struct upstream upstream = upstream_nowhere(a);
    memcpy(upstream.node, REMOTE_NODE, sizeof REMOTE_NODE);
    memcpy(upstream.host, standby->host, sizeof upstream.host);
    memcpy(upstream.slot, standby->primary_slot, sizeof upstream.slot);
    upstream.port = standby->port;
    return upstream;
}

/* It began on a later timeline than the log knows of, which has lost a promotion: whoever opened
 * the one before would feed it WAL beside its own. */
static bool is_ahead(const struct agent *a)
{
    return cluster_holder(&a->cluster) == LEADER_NONE && a->data.known &&
           a->data.found.position.timeline > a->cluster.floor.timeline;
}

struct upstream upstream_of(const struct agent *a)
{
    if (upstream_is_remote(a)) {
        return upstream_remote(a);
    }
    struct upstream upstream = upstream_nowhere(a);
    int32_t opener = a->cluster.opener;
    if (opener == LEADER_NONE || opener == a->me || upstream.seal_term != 0 ||
        is_between(&a->cluster) || is_ahead(a)) {
        return upstream;
    }
    const struct node *n = &a->cluster.nodes[opener];
    memcpy(upstream.node, n->name, sizeof upstream.node);
    memcpy(upstream.host, n->host, sizeof upstream.host);
    upstream.port = n->port;
    upstream.timeline = a->cluster.floor.timeline;
    return upstream;
}

static bool same_waits(const struct upstream *a, const struct upstream *b)
{
    bool same = a->wait_count == b->wait_count && a->waits.count == b->waits.count;
    for (uint32_t i = 0; same && i < a->waits.count; i++) {
        same = strcmp(a->waits.names[i], b->waits.names[i]) == 0;
    }
    return same;
}

bool upstream_equals(const struct upstream *a, const struct upstream *b)
{
    return strcmp(a->node, b->node) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port &&
           strcmp(a->slot, b->slot) == 0 && a->seal_term == b->seal_term && same_waits(a, b);
}
