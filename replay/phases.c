/* SPDX-License-Identifier: PostgreSQL */
#include "phases.h"

#include "format.h"

#include <stdio.h>
#include <string.h>

uint64_t phases_start_us(const struct change *change)
{
    return change->from[0] != '\0' ? change->detected_wall_us : change->granted_wall_us;
}

void phases_list(const struct change *change, struct phase_time ret_list[PHASE_TIME_COUNT])
{
    bool first = change->from[0] == '\0';
    const char *ended = change->reason == REASON_LEASE_EXPIRED ? "revoked" : "released";
    const struct phase_time list[PHASE_TIME_COUNT] = {
            {"fenced", "old leader fenced", change->fenced_wall_us},
            {"released", ended, first ? 0 : change->ended_wall_us},
            {"granted", "granted", change->granted_wall_us},
            {"leased", "lease held", change->leased_wall_us},
            {"promoted", "promoted", change->promoted_wall_us},
            {"writable", "first write", change->writable_wall_us},
            {"acknowledged", "commits answered", change->acknowledged_wall_us},
    };
    memcpy(ret_list, list, sizeof list);
}

uint64_t phases_ms_since(uint64_t start_us, uint64_t wall_us)
{
    return wall_us > start_us ? (wall_us - start_us) / 1000 : 0;
}

void phases_risk(const struct episode *episode, const char *leader_time, char *buffer, size_t size)
{
    const struct change *change = &episode->change;
    char bytes[FORMAT_TIME_SIZE];
    buffer[0] = '\0';
    if (change->from[0] == '\0') {
        return;
    }
    if (change->proven) {
        (void)snprintf(buffer, size, "nothing that was acknowledged");
    } else if (episode->loss_bytes != 0) {
        format_bytes(episode->loss_bytes, bytes);
        (void)snprintf(buffer, size, "%s of the old leader's WAL were not on the new leader",
                       bytes);
    } else if (change->loss_known) {
        (void)snprintf(buffer, size, "nothing; the new leader had all of the old leader's WAL");
    } else {
        (void)snprintf(buffer, size,
                       "what the old leader wrote after %s; what it had until then is there",
                       leader_time);
    }
}
