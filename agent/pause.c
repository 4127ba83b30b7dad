/* SPDX-License-Identifier: PostgreSQL */
#include "pause.h"

#include "../proto/pause.h"
#include "restart.h"
#include "step.h"

bool agent_is_paused(const struct agent *a)
{
    bool begins = a->me >= 0 && cluster_holder(&a->cluster) == a->me && !a->cluster.promoted;
    return a->me >= 0 && pause_is_on(&a->cluster) && !begins;
}

bool pause_bears(const struct agent *a, enum reason reason)
{
    static const bool borne[REASON_COUNT] = {
            [REASON_DATA_DIRECTORY_EMPTY] = true,
            [REASON_DATA_DIRECTORY_DAMAGED] = true,
            [REASON_DATA_DIRECTORY_UNREADABLE] = true,
            [REASON_POSTMASTER_DIED] = true,
            [REASON_PROBE_TIMEOUT] = true,
            [REASON_PROBE_FAILED] = true,
            [REASON_DISK_FULL] = true,
            [REASON_DISK_READ_ONLY] = true,
            [REASON_DISK_SILENT] = true,
    };
    return agent_is_paused(a) && borne[reason];
}

bool pause_must_wait(const struct agent *a)
{
    return agent_is_paused(a) && agent_is_gone(a) && !a->rebuild.unstarted && !restart_goes_on(a) &&
           !restart_asked_is_down(a) && cluster_directive(&a->cluster, a->me) != DIRECTIVE_REBUILD;
}
