/* SPDX-License-Identifier: PostgreSQL */
/*
 * cluster.h - the authoritative state of one cluster: what the fold of its events says.
 *
 * A plain struct without pointers, copied by assignment; the monitor, every agent, replay and the
 * command hold the same one after the same events, bit for bit in meaning (digest.h). It changes
 * only in fold.c. This header also answers the questions about a state that more than one part
 * asks.
 *
 *              grant                   first effective renew           done(promote)
 *   NONE ─────────────────▶ GRANTED ─────────────────────────▶ HELD ───────────────▶ HELD, writable
 *                            ▲  │ │                             │ │
 *      grant (term + 1)      │  │ └── refuse, release ──────────┼─┴── release ──▶ RELEASED
 *   RELEASED, REVOKED ───────┘  └──── revoke ───────────────────┴──── revoke ───▶ REVOKED
 */
#ifndef PGBATON_CLUSTER_H
#define PGBATON_CLUSTER_H

#include "bucket.h"
#include "change.h"
#include "config.h"
#include "event.h"
#include "node.h"
#include "pending.h"
#include "restart.h"
#include "void_reason.h"

/* Where the leadership stands. */
enum phase {
    PHASE_NONE = 0, /* no term was ever granted */
    PHASE_GRANTED,  /* granted, not renewed yet: the grantee holds nothing */
    PHASE_HELD,     /* renewed at least once: the leader's lease may run */
    PHASE_RELEASED, /* given up, proven: nobody holds it, the next grant needs no wait */
    PHASE_REVOKED,  /* not to be renewed any more; the last lease may still run */
    PHASE_COUNT
};

/* What the state asks of a node. */
enum directive_kind {
    DIRECTIVE_NONE = 0, /* wait; keep what runs in recovery */
    DIRECTIVE_LEAD,     /* be the primary of the current term */
    DIRECTIVE_FOLLOW,   /* be a standby of the leader */
    DIRECTIVE_REBUILD,  /* base backup or rewind from the leader */
    DIRECTIVE_STOP,     /* stop PostgreSQL in order and release, for a switchover */
    DIRECTIVE_COUNT
};

/* The lease of the current term. */
struct lease {
    bool renewed;              /* an effective renewal of this term exists */
    uint64_t renewal_seq;      /* the last one; kept over a grant that is never renewed */
    uint64_t renewal_wall_us;  /* for people */
    struct mark renewal_mark;  /* its (incarnation, counter) */
    uint32_t ttl_ms;           /* of the last renewal */
    uint32_t ttl_ms_max;       /* the longest that any renewal of the term names: the wait */
    uint64_t seen_seq;         /* the holder had folded up to here */
    struct position position;  /* the last known one of the last holder; it never goes back */
    uint64_t position_wall_us; /* when it stood there at the latest, by its own clock; 0: unknown */
    bool lifted;   /* by the last renewal it runs without an end, or may (pause.h); else false */
    bool failsafe; /* by the last renewal, of whatever term, it may go on by promises (promise.h);
                      false once it is given up */
    uint32_t electable; /* of these: bit i: node i. 0 unless failsafe */
};

#define LEADER_NONE (-1)

/* A loss of a part of the log (lost.h). */
struct lost {
    uint64_t seq;          /* the hello that made it known; 0: every member has reported since */
    uint64_t shown_seq;    /* the last hello that showed one; 0: none ever has */
    uint64_t term;         /* the highest that a member remembers and the log did not have */
    uint64_t held_term;    /* the highest of which the log has lost every renewal; 0: none */
    uint32_t ttl_ms;       /* the longest lease that may run unknown to the log, until the next is
                              held; 0: none */
    uint32_t member_count; /* the most that a member remembers; 0 when no loss is known */
};

/* A promotion that the log has not been told of: of the last term that was held, as long as nobody
 * has shown its timeline. */
struct opening {
    uint32_t timeline; /* that its grant named; 0: none is untold */
    int32_t node;
};

struct cluster {
    char name[NAME_SIZE];
    uint64_t last_seq;    /* the last event folded, effective or void */
    uint64_t event_count; /* effective ones */
    uint64_t void_counts[VOID_REASON_COUNT];
    uint64_t frozen_seq; /* a decision of a newer version: act on nothing from there (I17) */

    uint64_t decision_seq; /* the last effective decision: the predecessor of the next */
    uint8_t decision_hash[HASH_SIZE];

    struct config config; /* all zeros until the first config decision */
    bool configured;
    uint64_t sealed_seq; /* the config that made failover_mode sealed; 0: it is not */
    uint64_t system_id;  /* 0 until the first leader showed one */

    enum phase phase;
    uint64_t phase_seq; /* the event with which it began */
    uint64_t phase_wall_us;
    uint64_t term;  /* the highest granted; 0 for none */
    int32_t leader; /* index of the node the term was granted to; LEADER_NONE */
    enum grant_kind grant_kind;
    uint64_t grant_seq;
    uint8_t grant_hash[HASH_SIZE];
    uint64_t leader_incarnation; /* of the grantee at its first renewal; may grow by hello */
    bool promoted;               /* done(promote) of this term is in */
    bool writable;               /* done(first_write) of this term is in */
    struct lease lease;
    struct restarting restart; /* of the holder's PostgreSQL */
    struct sync sync;
    struct ending ending;
    struct change change;
    bool no_candidate; /* the last election found nobody; verdicts are in the nodes */
    bool withheld; /* it found somebody, whose verdict is CHOSEN, and switch_policy forbids it */
    bool limited;  /* the last election must wait: failover_limit is reached */
    uint64_t limited_until_us;       /* by the wall clock of who said so; for people */
    struct bucket failovers;         /* automatic ones that took effect: by a first renewal */
    struct bucket failovers_granted; /* the same with the present grant; seq 0: it does not count */
    struct pending pending;
    struct closed closed;
    struct asked asked;
    struct closed answered; /* how the last that was asked ended */
    struct licence licence;
    struct pause pause;
    struct parameters parameters;
    uint64_t resumed_term; /* the term whose leader was told to stop, and then to go on after all */
    bool loss_accepted;    /* the present term's grant: its operator accepted a loss */

    struct lost lost;

    uint32_t timeline_max;   /* the highest that exists or may exist on any node */
    uint32_t grant_timeline; /* that the present term's promotion opens; 0: as PostgreSQL picks */
    struct position floor;   /* where the present (or last) term's timeline opened */
    struct history history;  /* the reference: timelines up to, not including, floor.timeline */
    int32_t opener;          /* the node whose promotion opened floor.timeline; LEADER_NONE */
    struct opening opening;  /* what may have been opened since */

    uint32_t node_count;
    struct node nodes[NODE_COUNT_MAX];
};

/* Zeroes the state and names it. name must be valid. */
void cluster_init(struct cluster *c, const char *name);
/* Index of the node, or -1. */
int32_t cluster_find_node(const struct cluster *c, const char *name);
/* Index of the node that may hold the lease now (phase GRANTED or HELD), or LEADER_NONE. */
int32_t cluster_holder(const struct cluster *c);
/* True when the last term is released or revoked: an election goes on. */
bool cluster_has_ended(const struct cluster *c);
/* What the state asks of node i. Never LEAD for two nodes. */
enum directive_kind cluster_directive(const struct cluster *c, int32_t i);
/* The wait that a revoke, and a grant after a revoke, must prove: the longest ttl that a renewal of
 * the term names, plus LEASE_ALLOWANCE_MS of it; 0 when the term was never renewed. In ms. */
uint64_t cluster_wait_ms(const struct cluster *c);
/* The last effective renewal of the present term, which a revoke and a grant must name; 0 when its
 * holder never renewed. */
uint64_t cluster_last_renewal_seq(const struct cluster *c);
/* The ttl that a renewal sent now names, in ms. */
uint32_t cluster_ttl_ms(const struct cluster *c);
/* True when p lies on the reference history: on floor.timeline, or on an earlier timeline at or
 * below the place where the history left it. True when no history is known yet. A standby that has
 * fetched the new timeline's first segment and not replayed up to its opening stands below
 * floor.lsn. */
bool cluster_on_history(const struct cluster *c, struct position p);
/* True when node i says that it was a primary at p, on the timeline that another node has opened:
 * somebody has promoted it by hand, at the same time. Its timeline has the same number and is not
 * the same. A copy that has not run yet looks so, too: the fold knows of it. */
bool cluster_has_usurped(const struct cluster *c, int32_t i, bool was_primary, struct position p);
/* True when p, on the history, is behind the place where the last term's timeline opened. */
bool cluster_below_floor(const struct cluster *c, struct position p);
/* Bytes of WAL of the last known leader position that the node lacks; 0 when ahead or unknown. */
uint64_t cluster_lag_bytes(const struct cluster *c, int32_t i);
/* The node that held a term last, renewed: nobody has written since; or LEADER_NONE. */
int32_t cluster_last_holder(const struct cluster *c);
/* True unless the last holder may live on promises for which it does not ask node i (promise.h). */
bool cluster_is_asked(const struct cluster *c, int32_t i);
/* True when node i is that holder, with the WAL that it wrote. */
bool cluster_keeps_its_own(const struct cluster *c, int32_t i);
/* True when node i, which has reported, misses nothing that the last holder wrote: it is that
 * holder; or the holder has said where its WAL ends, and it has all of it. */
bool cluster_misses_nothing(const struct cluster *c, int32_t i);
/* True when it is known where the last holder's WAL ends, or the node misses nothing of it. */
bool cluster_loss_is_known(const struct cluster *c, int32_t i);
/* True when the last term that was held did not end in order. */
bool cluster_has_fallen(const struct cluster *c);
/* True when the next grant counts as an automatic failover: so it is, and no operator asks for it.
 */
bool cluster_failover_counts(const struct cluster *c);
/* How old the last automatic failover must be before the next is granted, in ms; 0: at once. */
uint64_t cluster_failover_ripe_ms(const struct cluster *c);
/* How old node i's last directive must be before it is told to rebuild again, in ms; 0: at once. */
uint64_t cluster_rebuild_ripe_ms(const struct cluster *c, int32_t i);
/* The same for a restart of the leader's PostgreSQL in place. */
uint64_t cluster_restart_ripe_ms(const struct cluster *c);
struct bucket_size cluster_failover_size(const struct cluster *c);
struct bucket_size cluster_rebuild_size(const struct cluster *c);
struct bucket_size cluster_restart_size(const struct cluster *c);

const char *phase_name(enum phase phase);
const char *void_reason_name(enum void_reason reason); /* "stale_predecessor" */
const char *void_reason_text(enum void_reason reason); /* one sentence for people */

#endif
