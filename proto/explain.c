/* SPDX-License-Identifier: PostgreSQL */
#include "explain.h"

#include "explain_text.h"

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
    if (c->phase == PHASE_HELD && c->writable) {
        return "running";
    }
    return is_first_leader(c) ? "bootstrapping" : "promoting";
}

static const char *status_ended(const struct cluster *c)
{
    return c->no_candidate ? "leaderless" : "electing";
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

/* ---- why it does not run, and what it waits for ---- */

static void why_granted(const struct cluster *c, struct text *t)
{
    text_add(t, "%s is granted term %" PRIu64 "; waiting for its first renewal", text_leader(c),
             c->term);
}

static void why_held(const struct cluster *c, struct text *t)
{
    const char *leader = text_leader(c);
    if (c->writable) {
        return;
    }
    if (c->promoted) {
        text_add(t, "%s is promoted; waiting for its first write", leader);
    } else if (c->grant_kind == GRANT_BOOTSTRAP) {
        text_add(t, "%s holds term %" PRIu64 "; waiting for initdb and the start of PostgreSQL",
                 leader, c->term);
    } else if (c->grant_kind == GRANT_ADOPT) {
        text_add(t, "%s holds term %" PRIu64 "; waiting for PostgreSQL to start", leader, c->term);
    } else {
        text_add(t, "%s holds term %" PRIu64 "; waiting for PostgreSQL to promote", leader,
                 c->term);
    }
}

/* What would make a node eligible that is not, the most hopeful first: before and after its name.
 */
struct remedy {
    enum verdict verdict;
    const char *before;
    const char *after;
};

static const struct remedy remedies[] = {
        {VERDICT_NOT_REPORTED, "", " reports its position"},
        {VERDICT_UNREACHABLE, "", " returns"},
        {VERDICT_NOT_RUNNING, "", " runs as a standby"},
        {VERDICT_REFUSED, "the state of ", " changes, or it is asked again after 10 s"},
        {VERDICT_LAG, "", " catches up or maximum_lag_on_failover is raised"},
        {VERDICT_NOFAILOVER, "the tag nofailover is taken from ", ""},
        {VERDICT_DISK, "the disk takes writes again on ", ""},
        {VERDICT_FAILED, "PostgreSQL can run again on ", ""},
};

static const struct node *node_with_verdict(const struct cluster *c, enum verdict verdict)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (c->nodes[i].verdict == verdict && !c->nodes[i].departed) {
            return &c->nodes[i];
        }
    }
    return NULL;
}

static void add_remedy(const struct cluster *c, struct text *t)
{
    for (size_t r = 0; r < sizeof remedies / sizeof remedies[0]; r++) {
        const struct node *n = node_with_verdict(c, remedies[r].verdict);
        if (n != NULL) {
            text_add(t, "%s%s%s", remedies[r].before, n->name, remedies[r].after);
            return;
        }
    }
    text_add(t, "a standby returns");
}

static void add_node_verdict(const struct node *n, struct text *t)
{
    text_add(t, "%s %s", n->name, n->departed ? "departed" : verdict_text(n->verdict));
    if (n->verdict == VERDICT_FAILED && n->reason != REASON_NONE) {
        text_add(t, " (%s)", reason_text(n->reason));
    }
}

static void why_nobody(const struct cluster *c, struct text *t)
{
    text_add(t, "no eligible node: ");
    for (uint32_t i = 0; i < c->node_count; i++) {
        text_add(t, "%s", i == 0 ? "" : ", ");
        add_node_verdict(&c->nodes[i], t);
    }
    text_add(t, "; heals when ");
    add_remedy(c, t);
}

static void why_none(const struct cluster *c, struct text *t)
{
    if (c->no_candidate) {
        why_nobody(c, t);
        return;
    }
    if (c->node_count == 0) {
        text_add(t, "no node has said hello; heals when an agent of this cluster starts");
        return;
    }
    if (!c->configured) {
        text_add(t, "no configuration yet; heals when a monitor runs");
        return;
    }
    text_add(t, "no term was granted yet; waiting for a monitor to choose the first leader among");
    for (uint32_t i = 0; i < c->node_count; i++) {
        const struct node *n = &c->nodes[i];
        text_add(t, "%s %s (%s)", i == 0 ? "" : ",", n->name,
                 n->departed ? "departed" : node_state_name(n->state));
    }
}

/* A standby that could be a candidate and has not spoken in this election. */
static bool is_awaited(const struct cluster *c, const struct node *n)
{
    return !n->departed && n->state == NODE_STANDBY && n->report_term != c->term;
}

static void add_awaited(const struct cluster *c, struct text *t)
{
    const char *separator = "waiting for a report of ";
    bool any = false;
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (is_awaited(c, &c->nodes[i])) {
            text_add(t, "%s%s", separator, c->nodes[i].name);
            separator = ", ";
            any = true;
        }
    }
    if (!any) {
        text_add(t, "waiting for a monitor to grant the next term");
    }
}

static void why_released(const struct cluster *c, struct text *t)
{
    if (c->no_candidate) {
        why_nobody(c, t);
        return;
    }
    text_add(t, "term %" PRIu64 " of %s ended (%s); ", c->term, text_leader(c),
             reason_text(c->ending.reason));
    add_awaited(c, t);
}

static void why_revoked(const struct cluster *c, struct text *t)
{
    if (c->no_candidate) {
        why_nobody(c, t);
        return;
    }
    text_add(t, "term %" PRIu64 " of %s is revoked; ", c->term, text_leader(c));
    if (c->lease.renewed) {
        text_add(t, "its last lease must have run out (%" PRIu64 " ms); ", cluster_wait_ms(c));
    }
    add_awaited(c, t);
}

static void (*const why_of_phase[])(const struct cluster *c, struct text *t) = {
        [PHASE_NONE] = why_none,         [PHASE_GRANTED] = why_granted, [PHASE_HELD] = why_held,
        [PHASE_RELEASED] = why_released, [PHASE_REVOKED] = why_revoked,
};
_Static_assert(sizeof why_of_phase / sizeof why_of_phase[0] == PHASE_COUNT, "a reason per phase");

size_t explain_status_reason(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (c->frozen_seq != 0) {
        text_add(&t,
                 "the decision at sequence %" PRIu64
                 " is of a newer version of pgbaton; heals when "
                 "this program is upgraded",
                 c->frozen_seq);
    } else {
        why_of_phase[c->phase](c, &t);
    }
    return t.length;
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

size_t explain_change(const struct change *change, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (change->seq == 0) {
        return 0;
    }
    add_ending(change, &t);
    if (change->promoted_wall_us == 0) {
        text_add(&t, "%s granted, not %s yet", change->to, rise_verb(change));
        return t.length;
    }
    text_add(&t, "%s %s", change->to, rise_verb(change));
    uint64_t start_us =
            change->from[0] != '\0' ? change->detected_wall_us : change->granted_wall_us;
    if (change->writable_wall_us == 0) {
        text_add(&t, ", not writable yet");
    } else if (start_us == 0 || change->writable_wall_us < start_us) {
        text_add(&t, ", writable");
    } else {
        text_add(&t, ", writable after ");
        text_add_duration(&t, (change->writable_wall_us - start_us) / 1000);
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
    if (cluster_holder(c) == i) {
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
    bool in_recovery = n->state == NODE_STANDBY || n->state == NODE_PROMOTING;
    enum directive_kind directive = cluster_directive(c, i);
    bool is_to_follow = directive == DIRECTIVE_FOLLOW || directive == DIRECTIVE_REBUILD;
    return in_recovery || is_to_follow ? "secondary" : "none";
}
