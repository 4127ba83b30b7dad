/* SPDX-License-Identifier: PostgreSQL */
/* shell_vote.h - what the agent promises is written by a child, one after the other: a disk that
 * hangs must not hang the loop. */
#ifndef PGBATON_AGENT_SHELL_VOTE_H
#define PGBATON_AGENT_SHELL_VOTE_H

#include "facts.h"
#include "shell_helper.h"

struct shell_vote {
    struct helper helper;
    struct vote wanted;         /* the one that is being written */
    uint64_t unwritten_said_ms; /* when it was said last that none can be; 0: it can */
};

/* Reads the vote of the earlier incarnation. */
MUST_USE enum result shell_vote_open(struct shell *shell, struct vote *ret_vote,
                                     struct failure *reterr_failure);
/* FACT_PERSISTED when it is durable, or when that cannot be told in time. */
void shell_vote_write(struct shell *shell, const struct vote *vote);
void shell_vote_close(struct shell *shell);

#endif
