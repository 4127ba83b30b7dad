/* SPDX-License-Identifier: PostgreSQL */
/*
 * config.h - what the configuration of a cluster may be, and what follows from it.
 *
 * Pure questions. The fold asks them of what the log says,
 * monitor.yaml of what a person writes.
 */
#ifndef PGBATON_CONFIG_H
#define PGBATON_CONFIG_H

#include "limits.h"
#include "vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

/* Physical replication slots that every node keeps for somebody who is no node. */
struct permanent_slots {
    uint32_t count;
    char names[PERMANENT_SLOT_MAX][SLOT_IDENTIFIER_SIZE]; /* [a-z0-9_], not pgbaton's own */
};

/* A logical replication slot that outlives a failover. */
struct logical_slot {
    char name[SLOT_IDENTIFIER_SIZE]; /* [a-z0-9_], of no other permanent slot, not pgbaton's own */
    char database[SLOT_IDENTIFIER_SIZE];
    char plugin[SLOT_IDENTIFIER_SIZE]; /* [a-zA-Z0-9_] */
};

struct logical_slots {
    uint32_t count;
    struct logical_slot items[PERMANENT_SLOT_MAX];
};

/* What a standby cluster replicates from. Its nodes accept no writes until an operator promotes it
 * (standby.h), which clears this. */
struct standby_cluster {
    char host[REMOTE_HOST_SIZE]; /* of the remote nodes, with commas: whichever is writable is
                                    followed; empty: this is no standby cluster */
    uint16_t port;               /* of all of them */
    char primary_slot[SLOT_IDENTIFIER_SIZE]; /* a physical slot that exists there; empty: none */
};

/* When another node may be granted the term of a leader that fell silent. */
enum failover_mode {
    FAILOVER_LEASE = 0, /* when its last lease has run out: two never serve at once */
    FAILOVER_SEALED,    /* sooner, when the quorum has turned away from it */
    FAILOVER_MODE_COUNT
};

const char *failover_mode_name(enum failover_mode mode); /* "sealed" */

/* What becomes of a leader while the log is away (promise.h). */
enum failsafe {
    FAILSAFE_ON = 0, /* it goes on while every node that could follow it promises not to */
    FAILSAFE_OFF,    /* its lease runs out */
    FAILSAFE_COUNT
};

const char *failsafe_name(enum failsafe failsafe); /* "on" */

struct config {
    uint32_t probe_period_ms;
    uint32_t probe_timeout_ms;
    uint32_t probe_failure_threshold;
    uint32_t lease_ttl_ms;
    enum switch_policy switch_policy;
    enum synchronous synchronous;
    uint32_t synchronous_count; /* standbys that a commit waits for; 1 to NODE_COUNT_MAX */
    enum failover_mode failover_mode;
    uint64_t maximum_lag_on_failover; /* bytes; UINT64_MAX: no bound */
    uint32_t failover_limit;          /* failovers in a burst (I18); 0 in old logs: the default */
    uint32_t failover_window_ms;      /* in which as many are allowed again */
    uint32_t rebuild_limit;           /* the same for the rebuilds of each node */
    uint32_t rebuild_window_ms;
    enum crash_policy crash_policy;
    uint32_t primary_start_timeout_ms; /* of a restart in place; 0 in old logs: the default */
    uint32_t restart_limit;            /* restarts in place in a burst (I18); 0: likewise */
    uint32_t restart_window_ms;
    struct permanent_slots permanent_slots;
    struct logical_slots logical_slots;
    struct standby_cluster standby;
    enum failsafe failsafe;
};

/* lease_ttl = probe_period × probe_failure_threshold + probe_timeout (DESIGN section 4). */
uint32_t config_lease_ttl_ms(uint32_t period_ms, uint32_t timeout_ms, uint32_t threshold);
/* The defaults: 1 s, 1 s, 2, 3 s, MaximumAvailability, no lag bound, 5 failovers in 10 min, 10
 * rebuilds of a node in 1 h, crash_policy failover, restarts in 30 s each and 5 in 10 min. */
struct config config_default(void);
/* Limits that were not written (by a version without them) are the defaults'. */
void config_fill(struct config *config);
/* How long before its deadline a leader that cannot renew begins to demote: fast shutdown,
 * immediate shutdown, SIGKILL (limits.h). */
uint32_t config_demote_ms(uint32_t lease_ttl_ms);
/* The first of the three: what a fast shutdown is given. */
uint32_t config_fast_ms(uint32_t lease_ttl_ms);
/* True when the values are in range and fit each other, else ret_text says what is wrong with them,
 * with the arithmetic. */
#define CONFIG_TEXT_SIZE 256
bool config_same_slots(const struct permanent_slots *a, const struct permanent_slots *b);
bool config_same_logical(const struct logical_slots *a, const struct logical_slots *b);
bool config_same_remote(const struct standby_cluster *a, const struct standby_cluster *b);
bool config_check(const struct config *config, char ret_text[CONFIG_TEXT_SIZE]);

#endif
