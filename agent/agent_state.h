/* SPDX-License-Identifier: PostgreSQL */
/*
 * agent_state.h - struct agent: everything that the agent's core remembers.
 *
 * A plain struct without pointers, zeroed and named by agent_init(), changed only by agent_step().
 * Included through step.h. Times are CLOCK_BOOTTIME in ms, 0 meaning "never" unless said otherwise.
 */
#ifndef PGBATON_AGENT_STATE_H
#define PGBATON_AGENT_STATE_H

#include "../proto/fold.h"
#include "facts.h"
#include "lease.h"
#include "outbox.h"
#include "parameters_keep.h"
#include "promise.h"
#include "restart.h"
#include "restart_asked.h"
#include "sync_keep.h"

/* What PostgreSQL is being made to do; one thing at a time. */
enum agent_busy {
    BUSY_NONE = 0,
    BUSY_STARTING, /* ACTION_START was ordered, or it ran already; until a session works */
    BUSY_STOPPING, /* ACTION_STOP was ordered; until no process is left */
    BUSY_KILLING,  /* ACTION_KILL was ordered; until no process is left */
    BUSY_TASK,     /* ACTION_TASK was ordered; until FACT_TASK_ENDED */
    BUSY_COUNT
};

/* What the last good probe said. */
enum agent_role {
    ROLE_UNKNOWN = 0, /* none since it was started, or since the agent came */
    ROLE_STANDBY,     /* in recovery */
    ROLE_PRIMARY,     /* not in recovery */
    ROLE_COUNT
};

/* PostgreSQL's processes, and what was ordered. */
struct agent_pg {
    bool guard_known;       /* the guard has reported at least once */
    enum guard_state guard; /* RUNNING from the order to start on: processes may be there */
    uint32_t killed_count;  /* by the last ACTION_KILL */
    enum agent_busy busy;
    enum task task; /* of BUSY_TASK */
    uint64_t busy_since_ms;
    uint64_t busy_until_ms; /* deadline of what it is busy with; UINT64_MAX: none */
    enum agent_role role;
    bool ordered_primary; /* started as a primary, or its promotion was ordered, since it started */
    bool adopted;         /* it ran already when the agent came, and no good probe came yet */
    bool upstream_known;  /* upstream is what the running standby streams from */
    struct upstream upstream;
    uint32_t start_failures;    /* in a row */
    enum reason start_reason;   /* of the last of them */
    char start_text[TEXT_SIZE]; /* PostgreSQL's last words then; may be empty */
    uint64_t start_ms;          /* not before then, after a failed start */
};

/* The data directory. */
struct agent_data {
    bool known;      /* found describes it as it is now, or as it was before a running start */
    bool inspecting; /* ACTION_INSPECT is under way */
    bool again;      /* something happened since: inspect once more */
    uint64_t due_ms; /* when a directory that is not intact is inspected again */
    uint64_t disturbed_wall_us; /* of the FACT_DISTURBED that the inspection answers; 0: none */
    struct inspection found;
    struct history history;    /* of the newest timeline that inspection or probe showed */
    uint32_t history_timeline; /* the one it belongs to */
};

struct agent_watch {
    bool in_flight;
    uint64_t issued_ms;
    uint64_t due_ms;          /* when the next one is issued; 0: at once */
    uint32_t answers;         /* since PostgreSQL was started or the agent came */
    uint32_t failures;        /* in a row */
    uint64_t failing_wall_us; /* wall clock of the first of them */
    uint64_t good_ms;         /* when the last proof of life came (PROBE_OK or PROBE_ALIVE) */
    uint64_t last_ms;         /* when `last` came */
    struct probe_result last; /* the last PROBE_OK; valid while role is known */
    uint64_t moved_ms;        /* a standby: when its position last changed, or it was started */
    uint64_t startup_lsn;     /* a recovery that lets nobody in yet: see struct probe_result */
    bool startup_waits;
    uint64_t election_term; /* the ended term that a fresh probe is wanted for; 0: none */
    uint64_t election_ms;   /* when its end was read: only a probe issued since is fresh */
    uint64_t fresh_term;    /* the ended term for which last is fresh */
    uint64_t told_ms;       /* when PostgreSQL was told last whom to follow */
};

/* Why PostgreSQL must be killed, until every process is dead. */
struct agent_fault {
    enum reason reason;        /* REASON_NONE: nothing is wrong */
    uint64_t detected_wall_us; /* of the first fact that showed it */
};

/* The term that is being given up: kill, lease out, persist, release (I7). */
struct agent_ending {
    uint64_t term; /* 0: none */
    enum reason reason;
    uint64_t detected_wall_us;
    uint64_t fenced_wall_us; /* when every process was proven dead; 0: not yet */
};

/* How far this node is with being the leader of `term`. */
enum lead_stage {
    LEAD_BEGUN = 0, /* not a primary yet, or not reported */
    LEAD_PROMOTED,  /* done(promote) is in the outbox or in the log */
    LEAD_WRITABLE,  /* done(first_write) is, too */
    LEAD_CHECKPOINTED,
    LEAD_STAGE_COUNT
};

struct agent_lead {
    uint64_t term;
    enum lead_stage stage;
    uint64_t retry_ms; /* not before then, after a failed first write or checkpoint */
    /* Of a switchover (switch.h): */
    uint64_t checkpoint_seq; /* the step whose checkpoint was begun; 0: none */
    uint64_t stop_wall_us;   /* when PostgreSQL was told to stop for it; 0: it was not */
    bool stop_undone;        /* ... and then told to end at once, to go on afterwards */
};

struct agent_grant { /* the newest, as read from the log */
    uint64_t seq;
    uint64_t incarnation;     /* of its holder, that it names */
    struct position position; /* on which its holder was chosen */
};

struct agent_rebuild {
    uint64_t seq;         /* of the newest directive for this node */
    uint64_t incarnation; /* that it names: only that one obeys (I16) */
    uint64_t begun_seq; /* the directive that the last copy obeys: a newer one may be in already */
    uint64_t ended_seq; /* the last directive whose end was reported */
    uint64_t started_ms;
    uint64_t progress_ms; /* when the last progress event was appended; 0: none yet */
    uint32_t progress_percent;
    uint64_t progress_bytes; /* that it told */
    bool unstarted;          /* the last copy ended well, and was not started yet */
};

/* One line of say_change(): two names and a reason. */
#define AGENT_SAID_SIZE 200

/* What was told last, to tell only what changed. */
struct agent_report {
    bool sent;            /* `last` is valid */
    struct probe last;    /* body of the last stored probe or hello */
    uint64_t live_due_ms; /* next heartbeat (ACTION_LIVE and its line) */
    uint64_t live_ms;     /* last ACTION_LIVE */
    uint64_t slots_due_ms;
    uint64_t slots_ms; /* last ACTION_SLOTS */
    enum agent_role slots_role;
    uint32_t slot_count;
    struct slot slots[NODE_COUNT_MAX];
    uint64_t permanent_ms; /* last ACTION_PERMANENT */
    enum agent_role permanent_role;
    struct permanent_slots permanent;
    bool slots_copied; /* a standby is to be started again, for the logical slots in its files */
    bool foreign_said; /* the error about a foreign system was said */
    bool closed_said;  /* that the log cannot be acted on was said */
    char said[AGENT_SAID_SIZE]; /* what say_change() said last */
};

struct agent_stop {
    bool ordered;      /* FACT_TERMINATE */
    bool goodbye;      /* the goodbye is in the outbox */
    uint64_t until_ms; /* leave by then, whether or not everything was read back */
    bool exited;       /* ACTION_EXIT was given */
};

struct agent {
    struct agent_self self;
    struct cluster cluster; /* the fold */
    int32_t me;             /* index of this node in cluster; -1: never said hello */

    uint64_t now_ms; /* of the present step */
    uint64_t wall_us;

    struct vote vote;    /* as it stands on the disk */
    struct vote wanted;  /* as it should */
    struct vote asked;   /* as the ACTION_PERSIST under way has it, ... */
    bool persisting;     /* ... which was given and not answered */
    uint64_t persist_ms; /* not before then, after a failure */

    uint64_t start_term;  /* vote.term as this incarnation found it on the disk */
    uint64_t incarnation; /* the present one; acted under only once vote has it */
    uint64_t counter;     /* of the last event appended */
    bool link_up;
    bool anchor_found; /* what the vote remembers is in the log, or told to be lost (anchor.h) */
    bool caught_up;    /* all that is stored has been folded */
    uint64_t caught_up_ms; /* since when; 0: it is not */
    bool hello_sent;
    bool ready;      /* its own hello has been read back effective */
    bool superseded; /* a newer incarnation of this node speaks (I13) */
    struct agent_pg pg;
    struct agent_data data;
    struct agent_watch watch;
    struct agent_fault fault;
    struct agent_ending ending;
    struct agent_lease lease;
    struct agent_promise promise;
    struct agent_lead lead;
    struct agent_restart restart;
    struct agent_restart_asked asked_for;
    struct agent_sync sync;
    struct agent_parameters parameters;
    struct agent_grant grant;
    uint64_t refused_term; /* refused in this incarnation */
    uint64_t initdb_term;  /* the term for which this incarnation's initdb or restore ended well */
    bool post_init_owed;   /* the cluster that this node has made waits for its command */
    struct agent_rebuild rebuild;
    struct agent_report report;
    struct agent_stop stop;
    struct outbox outbox;

    struct position live[NODE_COUNT_MAX]; /* the peers' last live positions, by index in cluster */
    uint64_t live_oldest[NODE_COUNT_MAX]; /* the oldest WAL that they keep; 0: unknown */
    uint64_t live_ms[NODE_COUNT_MAX];     /* when they came */
};

/* The cluster's configuration, or the defaults until there is one. */
struct config agent_config(const struct agent *a);
/* True when the newest term of the fold is the one that the vote on the disk names (I2). */
bool agent_vote_stands(const struct agent *a);
/* True when the log, read to its end, knows less than the vote, or another grant of that term. */
bool agent_log_went_back(const struct agent *a);
/* True when the log says that this node may lead and nothing of its own speaks against it: vote
 * persisted, term neither given up nor refused nor being given up. Says nothing of the lease. */
bool agent_holds(const struct agent *a);
/* True when the postmaster lives. */
bool agent_is_running(const struct agent *a);
/* True when every process of the instance is dead, proven. */
bool agent_is_gone(const struct agent *a);
/* True when processes run, or may run, that can be a primary. */
bool agent_may_be_primary(const struct agent *a);
/* True when nothing may be done on what the log says (I17), or it was not heard yet. */
bool agent_is_closed(const struct agent *a);
/* True when the data directory belongs to another PostgreSQL system than the cluster's. */
bool agent_is_foreign(const struct agent *a);
/* What the last look saw of the disk, one of reason_is_disk(); REASON_NONE: it takes writes. */
enum reason agent_disk_reason(const struct agent *a);
/* True when the term is being given up because of what the data directory lacks. */
bool agent_ending_waits_for_data(const struct agent *a);
/* PostgreSQL must be killed because of reason, seen first at detected_wall_us; when the log says
 * that this node leads, the term is given up afterwards. The first reason stays. */
void agent_raise(struct agent *a, enum reason reason, uint64_t detected_wall_us);
/* A new incarnation: it says hello before anything else, and nothing of the old one counts. */
void agent_begin_incarnation(struct agent *a, uint64_t incarnation);

#endif
