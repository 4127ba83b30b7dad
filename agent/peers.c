/* SPDX-License-Identifier: PostgreSQL */
#include "peers.h"

#include "../proto/standby.h"

#include <string.h>

/* A primary does not look while everybody streams; what it had removed stays removed. */
static void note_oldest(struct agent *a, int32_t i, const struct probe *p)
{
    bool leads = p->state == NODE_PRIMARY || (standby_is_on(&a->cluster) && a->cluster.opener == i);
    if (!leads) {
        a->live_oldest[i] = 0;
    } else if (p->oldest_lsn != 0) {
        a->live_oldest[i] = p->oldest_lsn;
    }
}

void peers_learn(struct agent *a, const struct fact *fact, struct codec_arena *arena)
{
    struct event e;
    if (codec_decode(fact->data, fact->size, arena, &e) != CODEC_OK || e.kind != EVENT_PROBE ||
        strcmp(e.cluster, a->self.cluster) != 0) {
        return;
    }
    int32_t i = cluster_find_node(&a->cluster, e.writer);
    if (i >= 0) {
        a->live[i] = e.body.probe.position;
        note_oldest(a, i, &e.body.probe);
        a->live_ms[i] = a->now_ms;
    }
}
