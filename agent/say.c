/* SPDX-License-Identifier: PostgreSQL */
#include "say.h"

#include "upstream.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned long long term(const struct agent *a)
{
    return (unsigned long long)a->cluster.term;
}

/* What it streams may still come from the leader before. */
static bool streams_from(const struct agent *a, const struct probe *own, int32_t leader)
{
    return own->streaming && a->pg.upstream_known &&
           strcmp(a->pg.upstream.node, a->cluster.nodes[leader].name) == 0;
}

/* ---- changes ---- */

/* An empty text: there is nothing to say. */
struct line {
    enum severity severity;
    char text[AGENT_SAID_SIZE];
};

static void put(struct line *line, enum severity severity, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void put(struct line *line, enum severity severity, const char *format, ...)
{
    va_list arguments;
    line->severity = severity;
    va_start(arguments, format);
    (void)vsnprintf(line->text, sizeof line->text, format, arguments);
    va_end(arguments);
}

static void put_empty(const struct agent *a, const struct probe *own, struct line *line)
{
    (void)own;
    put(line, SEVERITY_INFO, "data directory empty: waiting %s",
        a->cluster.system_id == 0 ? "for a new cluster to be bootstrapped"
                                  : "for leader to bootstrap");
}

static void put_stopped(const struct agent *a, const struct probe *own, struct line *line)
{
    if (own->reason != REASON_NONE) {
        put(line, SEVERITY_WARNING, "PostgreSQL is stopped (%s): waiting to be rewound or rebuilt",
            reason_text(own->reason));
    } else if (cluster_holder(&a->cluster) == LEADER_NONE && !a->stop.ordered) {
        put(line, SEVERITY_INFO, "PostgreSQL is stopped: waiting for a leader");
    }
}

static void put_disk(const struct agent *a, const struct probe *own, struct line *line)
{
    put(line, SEVERITY_ERROR, "%s on %s: PostgreSQL stops when it needs room; make some",
        reason_text(own->reason), a->self.node);
}

static void put_standby(const struct agent *a, const struct probe *own, struct line *line)
{
    int32_t leader = cluster_holder(&a->cluster);
    if (reason_is_disk(own->reason)) {
        put_disk(a, own, line);
    } else if (own->reason != REASON_NONE) {
        put(line, SEVERITY_WARNING,
            "I am %s, a secondary that cannot follow (%s): waiting to be rewound or rebuilt",
            a->self.node, reason_text(own->reason));
    } else if (leader == LEADER_NONE) {
        put(line, SEVERITY_INFO, "I am %s, a secondary, waiting for a leader", a->self.node);
    } else if (upstream_is_remote(a)) {
        put(line, SEVERITY_INFO, "I am %s, the standby leader, %s the remote cluster%s%s",
            a->self.node, own->streaming ? "streaming from" : "not streaming yet from",
            own->source_host[0] != '\0' ? ": " : "", own->source_host);
    } else if (leader != a->me) {
        put(line, SEVERITY_INFO, "I am %s, a secondary, %s from leader (%s)", a->self.node,
            streams_from(a, own, leader) ? "streaming" : "not streaming yet",
            a->cluster.nodes[leader].name);
    }
}

static void put_primary(const struct agent *a, const struct probe *own, struct line *line)
{
    if (reason_is_disk(own->reason)) {
        put_disk(a, own, line);
    } else if (!agent_holds(a)) {
        put(line, SEVERITY_WARNING, "I am %s, a primary without the leader lock", a->self.node);
    }
}

static void put_failed(const struct agent *a, const struct probe *own, struct line *line)
{
    put(line, SEVERITY_ERROR, "PostgreSQL cannot run on %s: %s", a->self.node,
        reason_text(own->reason));
}

/* Of the others somebody has told already that they were ordered. */
static void (*const putters[NODE_STATE_COUNT])(const struct agent *, const struct probe *,
                                               struct line *) = {
        [NODE_EMPTY] = put_empty,     [NODE_STOPPED] = put_stopped, [NODE_STANDBY] = put_standby,
        [NODE_PRIMARY] = put_primary, [NODE_FAILED] = put_failed,
};

void say_change(struct agent *a, const struct probe *own, struct action_list *actions)
{
    struct line line = {0};
    if (putters[own->state] != NULL) {
        putters[own->state](a, own, &line);
    }
    if (line.text[0] != '\0' && strcmp(line.text, a->report.said) != 0) {
        act_say(actions, line.severity, "%s term=%llu", line.text, term(a));
    }
    memcpy(a->report.said, line.text, sizeof a->report.said);
}

/* ---- heartbeat ---- */

void say_heartbeat(const struct agent *a, const struct probe *own, struct action_list *actions)
{
    int32_t leader = cluster_holder(&a->cluster);
    if (own->failures > 0) {
        return; /* the shell has told why */
    }
    if (own->state == NODE_PRIMARY && agent_holds(a)) {
        act_say(actions, SEVERITY_INFO, "no action. I am %s, the leader with the lock",
                a->self.node);
    } else if (own->state == NODE_STANDBY && upstream_is_remote(a)) {
        act_say(actions, SEVERITY_INFO, "no action. I am %s, the standby leader with the lock",
                a->self.node);
    } else if (own->state == NODE_STANDBY && own->reason == REASON_NONE && leader != LEADER_NONE &&
               streams_from(a, own, leader)) {
        act_say(actions, SEVERITY_INFO,
                "no action. I am %s, a secondary, and following a leader (%s)", a->self.node,
                a->cluster.nodes[leader].name);
    }
}

/* ---- tasks ---- */

static const char *const done_lines[TASK_COUNT] = {
        [TASK_INITDB] = "initialized a new cluster",
        [TASK_BASEBACKUP] = "replica has been created using pg_basebackup",
        [TASK_REWIND] = "pg_rewind has brought the old data directory onto the leader's timeline",
        [TASK_RESTORE] = "made a new cluster from a backup",
        [TASK_CLONE] = "the remote cluster has been copied using pg_basebackup",
        [TASK_POST_INIT] = "the command post_init has ended well",
        [TASK_FIRST_WRITE] = "the first write is committed: PostgreSQL is open for writes",
};

void say_task_ended(const struct agent *a, const struct fact *fact, struct action_list *actions)
{
    if (fact->ok && done_lines[fact->task] != NULL) {
        act_say(actions, SEVERITY_INFO, "%s ms=%llu term=%llu", done_lines[fact->task],
                (unsigned long long)(a->now_ms - a->pg.busy_since_ms), term(a));
    } else if (!fact->ok) {
        act_say(actions, SEVERITY_WARNING, "%s failed: %s term=%llu", task_name(fact->task),
                fact->text[0] != '\0' ? fact->text : reason_text(fact->reason), term(a));
    }
}

void say_snapshot(const struct event *e, struct outcome outcome, struct action_list *actions)
{
    if (!outcome.effective && outcome.void_reason == VOID_BAD_DIGEST) {
        act_say(actions, SEVERITY_ERROR,
                "%s has written a snapshot of another state than this agent has folded: one of "
                "them "
                "is wrong seq=%llu",
                e->writer, (unsigned long long)e->seq);
    }
}
