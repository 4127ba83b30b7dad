/* SPDX-License-Identifier: PostgreSQL */
/* node.h - one node, as a part of its cluster's state. */
#ifndef PGBATON_NODE_H
#define PGBATON_NODE_H

#include "bucket.h"
#include "position.h"
#include "vocabulary.h"

#include <stdbool.h>
#include <stdint.h>

/* The place of a writer's last effective event of some class: (incarnation, counter). */
struct mark {
    uint64_t incarnation;
    uint64_t counter;
};

struct node {
    char name[NAME_SIZE];
    char host[HOST_SIZE];
    uint16_t port;
    uint16_t agent_port; /* 0: it cannot be asked for a promise */
    uint32_t pg_version;
    int32_t failover_priority;
    bool nofailover;
    bool nosync;
    bool noloadbalance;
    bool departed;  /* said goodbye, no hello since */
    bool newcomer;  /* it was in no cluster before: it remembers no grant */
    bool forgetful; /* its newest hello remembers no decision: its disk is new, or was emptied */
    bool removed;   /* by an operator, no hello since: no member, departed, and else zeros but for
                       its name, incarnation and marks, by which late events are known */

    uint64_t incarnation; /* of the newest hello */
    uint64_t hello_seq;
    uint64_t joined_seq;    /* its first hello; after a removal, the first since */
    struct mark lock_mark;  /* renew, release, refuse: last effective (model: ORDER) */
    struct mark probe_mark; /* probe */
    struct mark task_mark;  /* hello, progress, done, failed, goodbye */

    enum node_state state; /* as last reported */
    enum reason reason;
    struct position position;
    uint64_t replay_lsn;
    uint64_t system_id;
    bool streaming;
    bool clean;
    bool was_primary;
    uint32_t failures;
    bool pending_restart; /* of its PostgreSQL, like the next two: struct settings_note */
    bool pending_lowers;
    uint64_t parameters_seq;
    uint64_t state_seq;     /* the event with which the present state began */
    uint64_t state_wall_us; /* its wall clock; for people */
    uint64_t eligible_seq;  /* with which its present spell of eligibility began; 0: none */

    uint64_t report_term; /* the election (ended term) of its last fresh report */
    uint64_t report_seq;
    uint32_t still_ms;     /* with that report it kept still for so long (node_probe.h) */
    bool sealed;           /* with that report it had turned away from the old leader */
    uint64_t refused_term; /* the last term that it refused; 0: none, or its state changed since */

    enum task rebuild_task; /* ordered and not ended; TASK_NONE otherwise */
    uint64_t rebuild_seq;   /* the directive */
    uint64_t rebuild_term;
    enum reason rebuild_reason;
    uint32_t rebuild_percent;
    uint64_t rebuild_done_bytes; /* as told last, like the next two; 0: not yet */
    uint64_t rebuild_total_bytes;
    uint64_t rebuild_bytes_per_s;
    uint32_t rebuild_failures; /* in a row, since the node last streamed */
    enum task rebuilt_task;    /* the copy that ended well last, cleared when it streams or leads */
    enum task failed_task;     /* the last task that failed, cleared when it streams or leads */
    char failed_text[TEXT_SIZE];
    struct bucket rebuilds; /* directives to it that nobody asked for */
    uint64_t asked_seq;     /* an operator's request to rebuild it that has not ended; 0: none */
    enum task asked_task;   /* how; TASK_NONE: as the monitor sees fit */
    enum verdict verdict;   /* of the last no_candidate; VERDICT_ELIGIBLE when none stands */
};

#endif
