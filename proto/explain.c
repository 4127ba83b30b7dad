/* SPDX-License-Identifier: PostgreSQL */
#include "explain.h"

#include "explain_text.h"
#include "standby.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- the writer and shared phrases ---- */

struct text text_begin(char *buffer, size_t size)
{
    if (size > 0) {
        buffer[0] = '\0';
    }
    return (struct text){.buffer = buffer, .size = size};
}

void text_add(struct text *t, const char *format, ...)
{
    if (t->length + 1 >= t->size) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(t->buffer + t->length, t->size - t->length, format, arguments);
    va_end(arguments);
    size_t room = t->size - t->length - 1;
    size_t wanted = written > 0 ? (size_t)written : 0;
    t->length += wanted < room ? wanted : room;
}

void text_add_duration(struct text *t, uint64_t ms)
{
    if (ms < 10000) {
        text_add(t, "%" PRIu64 " ms", ms);
    } else if (ms < 120000) {
        text_add(t, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms % 1000 / 100);
    } else {
        text_add(t, "%" PRIu64 " min", ms / 60000);
    }
}

void text_add_time(struct text *t, uint64_t wall_us)
{
    uint64_t s = wall_us / 1000000 % 86400;
    text_add(t, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " UTC", s / 3600, s / 60 % 60, s % 60);
}

/* Of the civil calendar, from 1970 on. */
static uint64_t days_of_year(uint64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 366 : 365;
}

static uint64_t days_of_month(uint64_t year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 1 && days_of_year(year) == 366 ? 1 : 0);
}

void text_add_moment(struct text *t, uint64_t wall_us)
{
    uint64_t days = wall_us / 1000000 / 86400;
    uint64_t year = 1970;
    unsigned month = 0;
    while (year < 9999 && days >= days_of_year(year)) {
        days -= days_of_year(year);
        year++;
    }
    while (month < 11 && days >= days_of_month(year, month)) {
        days -= days_of_month(year, month);
        month++;
    }
    text_add(t, "%04" PRIu64 "-%02u-%02" PRIu64 " ", year, month + 1, days + 1);
    text_add_time(t, wall_us);
}

void text_add_position(struct text *t, struct position p)
{
    if (p.lsn == 0) {
        text_add(t, "an unknown position");
        return;
    }
    char lsn[18];
    explain_lsn(p.lsn, lsn);
    text_add(t, "%s on timeline %" PRIu32, lsn, p.timeline);
}

void text_add_bytes(struct text *t, uint64_t bytes)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    text_add(t, "%" PRIu64 " %s", bytes, units[unit]);
}

const char *text_leader(const struct cluster *c)
{
    bool known = c->leader >= 0 && (uint32_t)c->leader < c->node_count;
    return known ? c->nodes[c->leader].name : "nobody";
}

const char *text_task(enum task task)
{
    static const char *const names[] = {
            [TASK_NONE] = "nothing",
            [TASK_INITDB] = "initdb",
            [TASK_BASEBACKUP] = "base backup",
            [TASK_REWIND] = "rewind",
            [TASK_START] = "start",
            [TASK_STOP] = "stop",
            [TASK_PROMOTE] = "promotion",
            [TASK_FIRST_WRITE] = "first write",
            [TASK_CHECKPOINT] = "checkpoint",
            [TASK_SYNC] = "synchronous replication",
            [TASK_RESTORE] = "restore",
            [TASK_POST_INIT] = "post_init",
            [TASK_CLONE] = "copy of the remote",
            [TASK_STREAM] = "streaming from the remote",
            [TASK_RESTART] = "restart",
            [TASK_CONFIG] = "check of the parameters",
    };
    _Static_assert(sizeof names / sizeof names[0] == TASK_COUNT, "a name per task");
    return (unsigned)task < TASK_COUNT ? names[task] : "?";
}

void explain_lsn(uint64_t lsn, char ret_text[18])
{
    snprintf(ret_text, 18, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
}

/* ---- the cluster's status ---- */

static bool is_first_leader(const struct cluster *c)
{
    return c->grant_kind != GRANT_FAILOVER;
}

static const char *status_none(const struct cluster *c)
{
    if (c->no_candidate) {
        return "leaderless";
    }
    return c->node_count == 0 ? "waiting" : "bootstrapping";
}

static const char *status_rising(const struct cluster *c)
{
    if (c->phase == PHASE_HELD && standby_serves(c)) {
        return "running";
    }
    if (c->phase == PHASE_HELD && c->restart.going) {
        return "restarting";
    }
    if (c->phase == PHASE_HELD && c->promoted && c->change.writable_seq != 0) {
        return "switching"; /* or back from it */
    }
    return is_first_leader(c) ? "bootstrapping" : "promoting";
}

static const char *status_ended(const struct cluster *c)
{
    return c->no_candidate || c->limited ? "leaderless" : "electing";
}

static const char *(*const status_of_phase[])(const struct cluster *c) = {
        [PHASE_NONE] = status_none,     [PHASE_GRANTED] = status_rising,
        [PHASE_HELD] = status_rising,   [PHASE_RELEASED] = status_ended,
        [PHASE_REVOKED] = status_ended,
};
_Static_assert(sizeof status_of_phase / sizeof status_of_phase[0] == PHASE_COUNT,
               "a status per phase");

const char *explain_status(const struct cluster *c)
{
    if (c->frozen_seq != 0) {
        return "frozen";
    }
    return status_of_phase[c->phase](c);
}

/* ---- the last change of leadership ---- */

static void add_ending(const struct change *change, struct text *t)
{
    if (change->from[0] == '\0') {
        return;
    }
    const char *verb = change->fenced_wall_us != 0              ? "released"
                       : change->reason == REASON_LEASE_EXPIRED ? "was revoked"
                                                                : "gave up";
    text_add(t, "%s %s (%s), ", change->from, verb, reason_text(change->reason));
}

static const char *rise_verb(const struct change *change)
{
    static const char *const verbs[] = {
            [GRANT_FAILOVER] = "promoted",
            [GRANT_BOOTSTRAP] = "initialised",
            [GRANT_ADOPT] = "adopted",
    };
    _Static_assert(sizeof verbs / sizeof verbs[0] == GRANT_KIND_COUNT, "a verb per kind of grant");
    return (unsigned)change->kind < GRANT_KIND_COUNT ? verbs[change->kind] : "?";
}

static void add_rise(const struct change *change, struct text *t)
{
    if (change->standby) {
        text_add(t, "%s follows the remote cluster, and the others follow it", change->to);
        return;
    }
    text_add(t, "%s %s", change->to, rise_verb(change));
    uint64_t start_us =
            change->from[0] != '\0' ? change->detected_wall_us : change->granted_wall_us;
    if (change->writable_wall_us == 0) {
        text_add(t, ", not writable yet");
    } else if (start_us == 0 || change->writable_wall_us < start_us) {
        text_add(t, ", writable");
    } else {
        text_add(t, ", writable after ");
        text_add_duration(t, (change->writable_wall_us - start_us) / 1000);
    }
}

void explain_verdict(enum verdict verdict, enum reason reason, char ret_text[EXPLAIN_VERDICT_SIZE])
{
    struct text t = text_begin(ret_text, EXPLAIN_VERDICT_SIZE);
    text_add(&t, "%s", verdict_text(verdict));
    if (reason != REASON_NONE) {
        text_add(&t, " (%s)", reason_text(reason));
    }
}

size_t explain_change(const struct change *change, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (change->seq == 0) {
        return 0;
    }
    add_ending(change, &t);
    if (change->promoted_wall_us == 0) {
        const char *verb = change->standby ? "following the remote" : rise_verb(change);
        text_add(&t, "%s granted, not %s yet", change->to, verb);
    } else {
        add_rise(change, &t);
    }
    bool loses = change->from[0] != '\0' && !change->standby; /* somebody wrote before */
    if (change->kind == GRANT_FAILOVER && loses) {
        text_add(&t, "; ");
        text_add_loss(change, &t);
    }
    return t.length;
}

/* ---- nodes ---- */

static bool is_leading(const struct cluster *c, int32_t i)
{
    return c->leader == i && c->phase == PHASE_HELD && c->promoted;
}

static const char *primary_status(const struct cluster *c, int32_t i)
{
    if (is_leading(c, i)) {
        return "running";
    }
    return cluster_holder(c) == i ? "promoting" : "deposed";
}

static const char *standby_status(const struct cluster *c, int32_t i)
{
    if (cluster_holder(c) == i && !standby_is_on(c)) {
        return "promoting";
    }
    return c->nodes[i].streaming ? "streaming" : "running";
}

const char *explain_node_status(const struct cluster *c, int32_t i, bool heard)
{
    const struct node *n = &c->nodes[i];
    if (n->departed) {
        return "departed";
    }
    if (!heard) {
        return "unreachable";
    }
    if (n->rebuild_task != TASK_NONE) {
        return "rebuilding";
    }
    if (n->state == NODE_PRIMARY) {
        return primary_status(c, i);
    }
    return n->state == NODE_STANDBY ? standby_status(c, i) : node_state_name(n->state);
}

const char *explain_node_role(const struct cluster *c, int32_t i, bool heard)
{
    const struct node *n = &c->nodes[i];
    if (is_leading(c, i) && n->state == NODE_PRIMARY) {
        return "primary";
    }
    if (n->departed || !heard) {
        return "none";
    }
    if (is_leading(c, i) && standby_is_on(c) && n->state == NODE_STANDBY) {
        return "standby_leader";
    }
    bool in_recovery = n->state == NODE_STANDBY || n->state == NODE_PROMOTING;
    enum directive_kind directive = cluster_directive(c, i);
    bool is_to_follow = directive == DIRECTIVE_FOLLOW || directive == DIRECTIVE_REBUILD;
    return in_recovery || is_to_follow ? "secondary" : "none";
}
