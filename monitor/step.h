/* SPDX-License-Identifier: PostgreSQL */
/*
 * step.h - one step of the monitor, pure: a stimulus and the time in, events to append out.
 *
 * The shell (main.c) and the simulator call it for every record of the log, every live position,
 * every change of the link and every timer. It folds, observes when things were received on its own
 * clock, decides, and keeps at most one decision in flight per cluster: the next is made after the
 * previous came back through the fold, or was not read back in DECISION_TIMEOUT_MS.
 *
 *   arrive → decode → fold → observe → decide → append
 */
#ifndef PGBATON_MONITOR_STEP_H
#define PGBATON_MONITOR_STEP_H

#include "../proto/fold.h"
#include "decide.h"
#include "memory.h"
#include "snapshots.h"

/* Heartbeats whose way back is awaited: those of one HEARING_GAP_MS, and some sent on demand. */
#define HEARTBEAT_PENDING_COUNT 8

struct heartbeat_sent {
    uint64_t counter; /* 0: a free place */
    uint64_t sent_ms;
};

/* Who this monitor is, and whether it hears the log. One per process; shared by its clusters. It
 * hears while its newest heartbeat read back is no older than HEARING_GAP_MS, the link is up, and
 * it was itself called without such a gap. On all its clocks 0 ms stands for "never". */
struct monitor {
    char name[NAME_SIZE];
    uint64_t incarnation; /* grows with each start; wall-clock µs of the start */
    uint64_t counter;     /* of its events */
    struct decide_options options;

    bool link_up;
    bool caught_up;             /* the history has been read; no decision before that */
    uint64_t heartbeat_sent_ms; /* when its newest heartbeat was handed to the log; 0: none yet */
    bool heartbeat_wanted;      /* a silence is to be judged that none was sent in yet */
    struct heartbeat_sent pending[HEARTBEAT_PENDING_COUNT]; /* sent since the last gap, unread */
    uint64_t called_ms;        /* when any function of this header was called last */
    uint64_t heard_ms;         /* when it last read one of its own heartbeats back; 0: never */
    uint64_t heard_sent_ms;    /* when that one had been sent */
    uint64_t hearing_since_ms; /* when it read the first one back since a gap; 0: deaf */
    uint64_t heartbeat_seq;    /* of the newest one read back */

    uint64_t read_seq;      /* the log was read up to here, whatever stands there; 0: not yet */
    uint32_t cluster_count; /* in it; set by the shell */
};

/* What the monitor remembers of one cluster on its own clock: evidence, not state (watch.h). */
struct watch {
    uint64_t renewal_ms; /* when the last effective renewal (or the grant) was received */
    uint64_t phase_ms;   /* when what began the phase was received; of NONE: the first hello */
    uint64_t live_ms[NODE_COUNT_MAX];   /* when node i was last heard, by any message; 0: never */
    uint64_t failed_ms[NODE_COUNT_MAX]; /* when node i's last failed task was received */
    uint32_t streaming;    /* whom commits could wait for, when it was looked at last */
    uint64_t streaming_ms; /* since when that is so */
    uint64_t failover_ms;  /* when the last failover that counts (I18) was received; 0: never */
    uint64_t rebuild_ms[NODE_COUNT_MAX]; /* when node i's last directive was received; 0: never */
    uint64_t verdict_ms;                 /* when the last no_candidate was received; 0: never */
    struct probe live[NODE_COUNT_MAX];   /* its last live position; never for the fold */
    uint64_t shown_ms[NODE_COUNT_MAX];   /* when that was received; 0: never */
    uint64_t moved_ms;                   /* when what moved the pending request last was received */
    uint64_t wall_us;                    /* the wall clock at the last step */
    bool in_flight; /* a decision was appended and has not come back; or it came back
                       void for its content, and is not to be repeated at once */
    uint64_t in_flight_counter;
    uint64_t in_flight_ms;
};

struct monitor_cluster {
    struct cluster state;
    struct watch watch;
    struct snapshots snapshots;
    struct memory memory;
};

enum stimulus_kind {
    STIMULUS_TICK = 0, /* time has passed */
    STIMULUS_RECORD,   /* a stored record of this cluster */
    STIMULUS_LIVE,     /* a live position: an encoded probe event */
    STIMULUS_COUNT
};

struct stimulus {
    enum stimulus_kind kind;
    uint64_t now_ms;     /* CLOCK_BOOTTIME */
    uint64_t wall_us;    /* stamped on what is appended */
    const char *subject; /* RECORD, LIVE */
    uint64_t seq;        /* RECORD */
    const uint8_t *data; /* RECORD, LIVE */
    size_t size;
};

#define MONITOR_APPEND_MAX 1

struct monitor_output {
    bool append; /* event is to be appended (subject_of_event) */
    struct event event;
    uint64_t next_ms; /* call again with a TICK no later than this (absolute); UINT64_MAX: never */
    bool remembers;   /* the cluster's memory has moved on: it is to be stored */
    struct event folded;    /* RECORD: what was folded, for the log line */
    struct outcome outcome; /* RECORD: what the fold made of it */
};

void monitor_init(struct monitor *m, const char *name, uint64_t incarnation,
                  const struct decide_options *options);
/* memory: of an earlier run; NULL: none. */
void monitor_cluster_init(struct monitor_cluster *mc, const char *name,
                          const struct memory *memory);

/* The link to the log came up, went down, or the history was read to its end. A link that goes down
 * ends the hearing; after it is up again the history is caught up anew. */
void monitor_link(struct monitor *m, bool up, bool caught_up, uint64_t now_ms);
/* A record of pgbaton._.monitor.*: notes the monitor's own heartbeats. A TICK of each cluster
 * should follow, since what it has heard is evidence. */
void monitor_heard(struct monitor *m, const struct event *heartbeat, uint64_t now_ms);
/* True, and *ret_event filled, when a heartbeat is due; *ret_next_ms: when to ask again, at the
 * latest. Ask after each step, too: a short silence that is to be judged makes one due before its
 * time. */
bool monitor_heartbeat(struct monitor *m, uint64_t now_ms, uint64_t wall_us,
                       struct event *ret_event, uint64_t *ret_next_ms);
/* One step of one cluster. */
void monitor_step(struct monitor *m, struct monitor_cluster *mc, const struct stimulus *stimulus,
                  struct codec_arena *arena, struct monitor_output *ret_output);
/* True, and *ret_event filled (its bytes in ret_bytes), when a snapshot of the cluster is to be
 * appended (snapshots.h). Ask after each record. */
bool monitor_snapshot(struct monitor *m, struct monitor_cluster *mc, uint64_t now_ms,
                      uint64_t wall_us, struct snapshot_space *space, struct event *ret_event);
/* What the monitor knows now beyond the fold; for pages and tests. While somebody may hold the
 * lease, hearing_ms is 0 until a heartbeat came back that was sent after the last renewal was
 * received: who has not read back something that it wrote after the silence began knows nothing
 * about silence. */
struct evidence monitor_evidence(const struct monitor *m, const struct monitor_cluster *mc,
                                 uint64_t now_ms);

#endif
