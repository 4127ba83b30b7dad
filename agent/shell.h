/* SPDX-License-Identifier: PostgreSQL */
/*
 * shell.h - the agent around its core: one loop that turns what happens into facts, hands them to
 * agent_step(), and carries the answered actions out, in their order.
 *
 *   libev callback ──▶ shell_push (one fact) ──▶ shell_pump: agent_step ──▶ shell_act ──▶ the world
 *                          ▲                                                    │
 *                          └──────── facts that an action answers at once ──────┘
 *
 * For main.c and the shell_*.c files only. A callback pushes facts and pumps; an action pushes and
 * never pumps. Nothing blocks. Who owns what: each struct below belongs to the
 * file that its comment names; the others call its functions.
 */
#ifndef PGBATON_AGENT_SHELL_H
#define PGBATON_AGENT_SHELL_H

#include "guard.h"
#include "inspect.h"
#include "rebuild.h"
#include "settings.h"
#include "shell_helper.h"
#include "shell_logical.h"
#include "shell_parameters.h"
#include "shell_peer.h"
#include "shell_permanent.h"
#include "shell_probe.h"
#include "shell_sync.h"
#include "shell_vote.h"
#include "step.h"
#include "watch_data.h"

#include "../proto/codec.h"
#include "../proto/log.h"

#include <ev.h>

/* Facts that wait for the pump. Each callback brings one or two, each action at most two. */
#define SHELL_FACT_COUNT 64
/* An inspector that has not answered by then hangs on the disk. */
#define INSPECT_TIMEOUT_MS 5000
/* Without progress for so long the log's thread is stuck for good (FACTS 12). */
#define LOG_STUCK_MS 5000
/* What leaves last (a goodbye) gets so long to reach the log. */
#define EXIT_FLUSH_MS 300
/* Exit status after which the guard starts the agent again. */
#define EXIT_AGAIN 75

/* What is written before a start, for a running standby, and beside a running primary. */
enum pg_settings_what {
    PG_SETTINGS_STANDBY = 0,
    PG_SETTINGS_PRIMARY,
    PG_SETTINGS_FOLLOW,
    PG_SETTINGS_SIGNAL
};

/* What is known of standby.signal, which a start as a primary and a promotion take away. */
enum signal_state { SIGNAL_UNKNOWN = 0, SIGNAL_OWED, SIGNAL_THERE };

/* shell_guard.c: the postmaster, through the guard. */
struct shell_guard {
    struct guard_client *client;
    ev_io io;
    ev_timer turn;     /* tells the guard that this loop turns */
    pid_t parent;      /* the guard's pid: another parent means that it is gone */
    bool answered;     /* its first report is in */
    bool opened;       /* the core has been told of it */
    bool running;      /* a postmaster lives */
    bool stopping;     /* one that somebody else has started is being stopped */
    ev_timer patience; /* after which it is killed */
    pid_t postmaster;
    bool writing;               /* settings are being written, and still wanted */
    enum pg_settings_what what; /* the ones that are being written */
    bool again;                 /* others are to be written after them */
    enum pg_settings_what next; /* these */
    struct upstream upstream;   /* for the settings that are, or will be, written */
    enum signal_state signal;
    struct helper settings;
};

/* shell_inspect.c */
struct shell_inspect {
    struct helper helper;
    int pipe_fd; /* the report comes here; -1: none */
    struct watch_data *watch;
    ev_io watches[WATCH_DATA_COUNT];
};

/* shell_tasks.c, shell_rewind.c, shell_promote.c */
struct shell_task {
    enum task task; /* TASK_NONE: none is under way */
    struct upstream upstream;
    uint64_t deadline_ms;
    bool ordered;           /* a promotion: PostgreSQL was told */
    struct helper helper;   /* initdb, pg_basebackup, pg_rewind */
    struct session session; /* promotion and first write; kept open */
    struct session remote;  /* the upstream, before a rewind */
    struct session admin;   /* checkpoint, roles */
    struct pg_target remote_target;
    ev_timer poll;
    uint64_t checkpoint_ms; /* a rewind asks its upstream for a checkpoint from then on; 0: asked */
    bool forget;            /* DIR.old may still be there */
    struct helper forgetting;
};

struct shell_facts {
    uint32_t first;
    uint32_t count;
    struct fact items[SHELL_FACT_COUNT];
};

/* shell_log.c */
struct shell_log {
    struct log *log;
    ev_io io;
    ev_timer watchdog;
    bool up;
    bool caught_up;
    char down_reason[TEXT_SIZE]; /* the one that was said last */
    uint32_t stuck_count;        /* checks in a row that found no progress */
    uint64_t appended_count;
    uint64_t answered_count;
    char own_live[SUBJECT_SIZE];
};

struct shell {
    struct ev_loop *loop;
    const struct settings *settings;
    struct pg_settings pg_settings;
    struct pg_parameter *pg_parameters;
    struct rebuild rebuild;
    struct pg_target local;
    char postgres[SETTINGS_PATH_SIZE + 16];   /* the server's program */
    char server_log[SETTINGS_PATH_SIZE + 16]; /* where the postmaster's standard error goes */

    ev_timer tick;
    ev_timer leave;
    bool leaving;
    int exit_status;
    uint64_t leave_ms;

    struct shell_log log;
    struct shell_guard guard;
    struct shell_vote vote;
    struct shell_inspect inspect;
    struct shell_probe probe;
    struct shell_task task;
    struct session slots;
    struct shell_permanent permanent;
    struct shell_logical logical;
    struct shell_sync sync;
    struct shell_parameters parameters;
    struct shell_peer peer;

    struct shell_facts facts;
    struct agent agent;
    struct codec_arena arena;
    struct action_list actions;
};

/* shell.c: everything is started and the loop runs until ACTION_EXIT. Returns the exit status. */
int shell_run(const struct settings *settings);
uint64_t shell_now_ms(void);  /* CLOCK_BOOTTIME */
uint64_t shell_wall_us(void); /* CLOCK_REALTIME */
/* A zeroed fact of that kind at the end of the queue, with the times set, to be filled at once. */
struct fact *shell_push(struct shell *shell, enum fact_kind kind);
/* Steps until no fact is left, then arms the timer for the next one. Only at the end of a callback.
 */
void shell_pump(struct shell *shell);
/* ev_timer_start for `after_ms` from now, whether or not it runs already. */
void shell_arm(struct shell *shell, ev_timer *timer, uint64_t after_ms);

/* Removes the lock files of a dead postmaster (pid_file.h); for a child. */
MUST_USE enum result shell_tidy_locks(const struct shell *shell, struct failure *reterr_failure);

/* shell_actions.c */
void shell_act(struct shell *shell, const struct action *action);

/* shell_log.c */
MUST_USE enum result shell_log_open(struct shell *shell, struct failure *reterr_failure);
void shell_log_close(struct shell *shell);
void shell_log_append(struct shell *shell, const struct event *event);
void shell_log_live(struct shell *shell, const struct event *event);
bool shell_log_is_flushed(const struct shell *shell);

/* shell_guard.c */
MUST_USE enum result shell_guard_open(struct shell *shell, struct failure *reterr_failure);
void shell_guard_close(struct shell *shell);
/* The first inspection after the start has found this postmaster (0: none) of this directory. */
void shell_guard_found(struct shell *shell, pid_t postmaster, const struct inspection *found);
void shell_guard_lease(struct shell *shell, uint64_t deadline_ms);
void shell_guard_arm(struct shell *shell); /* what runs may be a primary from now on */
/* It has become one: it is armed, and standby.signal is put back. */
void shell_guard_primary(struct shell *shell);
void shell_guard_start(struct shell *shell, bool as_primary, const struct upstream *upstream);
void shell_guard_follow(struct shell *shell, const struct upstream *upstream);
void shell_guard_stop(struct shell *shell, enum stop_mode mode);
void shell_guard_kill(struct shell *shell);
void shell_guard_exit(struct shell *shell, int status);

/* shell_inspect.c */
MUST_USE enum result shell_inspect_open(struct shell *shell, struct failure *reterr_failure);
void shell_inspect_close(struct shell *shell);
void shell_inspect_begin(struct shell *shell);

/* The postmaster was started, or every process is gone: sessions end. */
void shell_sessions_reset(struct shell *shell);

/* shell_tasks.c */
MUST_USE enum result shell_tasks_open(struct shell *shell, struct failure *reterr_failure);
void shell_tasks_close(struct shell *shell);
void shell_task_begin(struct shell *shell, enum task task, const struct upstream *upstream);
/* Ends the task under way: FACT_TASK_ENDED. reason REASON_NONE: it ended well. */
void shell_task_end(struct shell *shell, enum reason reason, const char *text);
/* A standby streams: what its rebuild left behind may go. */
void shell_task_streaming(struct shell *shell);
/* A session is kept ready, so that a promotion does not wait for one. */
void shell_task_warm_up(struct shell *shell);
/* What a SQL task waits for will not come: PostgreSQL is gone. */
void shell_task_orphaned(struct shell *shell);

/* shell_promote.c, shell_rewind.c */
void shell_promote_begin(struct shell *shell);
void shell_rewind_begin(struct shell *shell);
/* The upstream shows the timeline: the helper may run. */
void shell_task_run_helper(struct shell *shell);

#endif
