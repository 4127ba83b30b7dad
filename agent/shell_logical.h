/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell_logical.h - the permanent logical replication slots of the configuration, on this node.
 *
 * PostgreSQL 15 creates none on a standby. So a standby writes the leader's slots into its own
 * files, is started again, which loads them, and moves them to where the leader's are. One is safe
 * to be used after a promotion only when the leader keeps the catalog rows that it needs (the
 * leader's physical slot of this node has a catalog_xmin: hot_standby_feedback) and it has passed
 * what the leader may have removed before that; one that is not proven safe is dropped after a
 * promotion.
 *
 *            copied, started again            proven                 promoted
 *   missing ──────────────────────▶ unproven ────────▶ safe ───────────────────▶ used
 *      ▲                               │  promoted, another leader │
 *      └──────── dropped ◀─────────────┘◀──────────────────────────┘
 */
#ifndef PGBATON_AGENT_SHELL_LOGICAL_H
#define PGBATON_AGENT_SHELL_LOGICAL_H

#include "facts.h"
#include "shell_helper.h"
#include "shell_session.h"

/* A slot's state file has some 200 bytes. */
#define LOGICAL_STATE_SIZE 512

enum logical_todo {
    LOGICAL_NOTHING = 0,
    LOGICAL_CREATE,
    LOGICAL_DROP,
    LOGICAL_ADVANCE,
    LOGICAL_COPY
};

struct logical_look {
    bool there;
    uint64_t lsn;  /* confirmed_flush_lsn */
    uint32_t xmin; /* catalog_xmin */
};

/* One of order.logical, by its index. */
struct logical_state {
    struct logical_look own;
    struct logical_look leaders;
    uint64_t leaders_restart_lsn;
    size_t size; /* of the leader's state file */
    uint8_t bytes[LOGICAL_STATE_SIZE];
    uint32_t passed_xmin; /* catalog rows of earlier transactions the leader may lack; 0: unknown */
    bool safe;
    enum logical_todo todo;
};

struct shell_logical {
    struct session own;
    struct session leader;
    struct session place; /* in a slot's database */
    struct pg_target leader_target;
    struct pg_target place_target;
    struct helper writer;
    struct permanent_order order;
    bool was_standby;    /* as of the last look */
    uint64_t oldest_lsn; /* of the WAL that this node has */
    bool able;           /* PostgreSQL would start with another slot: wal_level, and room */
    uint32_t next;       /* the slot that is worked on */
    struct logical_state slots[PERMANENT_SLOT_MAX];
};

MUST_USE enum result shell_logical_open(struct shell *shell, struct failure *reterr_failure);
void shell_logical_close(struct shell *shell);
/* The postmaster was started, or every process is gone. */
void shell_logical_reset(struct shell *shell);
/* ACTION_PERMANENT. One that comes while another is under way is left out: it comes again. */
void shell_logical_keep(struct shell *shell, const struct permanent_order *order);

#endif
