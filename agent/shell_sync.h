/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_sync.h - lets a primary's commits wait for whom the log says, and tells when they do.
 *
 *   APPLY     the setting is written, and read by every WAL sender and by the checkpointer
 *   RENEW     WAL senders that may have a smaller count are ended; then APPLY again
 *   CONFIRM   so many of the set have everything up to a mark that was taken after that
 */
#ifndef PGBATON_AGENT_SHELL_SYNC_H
#define PGBATON_AGENT_SHELL_SYNC_H

#include "facts.h"
#include "shell_session.h"

enum sync_stage { SYNC_STAGE_APPLY = 0, SYNC_STAGE_RENEW, SYNC_STAGE_CONFIRM };

struct shell_sync {
    struct session session;
    ev_timer poll;
    uint64_t seq; /* of the order under way; 0: none */
    struct upstream upstream;
    enum sync_stage stage;
    uint32_t matches; /* answers in a row that said so */
    uint64_t mark;
    uint64_t since_ms;    /* when the file was written last */
    bool slow;            /* it takes long */
    uint32_t least_count; /* that a WAL sender may still wait for; 0: not known */
};

MUST_USE enum result shell_sync_open(struct shell *shell, struct failure *reterr_failure);
void shell_sync_close(struct shell *shell);
/* FACT_SYNCED follows when it is so; a newer order replaces an older one. */
void shell_sync_begin(struct shell *shell, uint64_t seq, const struct upstream *upstream);
/* PostgreSQL has ended, or was started anew. */
void shell_sync_reset(struct shell *shell);

#endif
