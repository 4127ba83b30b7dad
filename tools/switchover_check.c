/* SPDX-License-Identifier: PostgreSQL */
#include "../proto/election.h"
#include "../proto/explain.h"
#include "../proto/standby.h"
#include "../proto/switchover.h"
#include "../proto/waiting.h"
#include "../replay/format.h"
#include "switchover.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool object(char *text, size_t size, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Always false: what was asked for does not make sense. */
static bool object(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, size, format, arguments);
    va_end(arguments);
    return false;
}

static void hint(struct objection *o, const char *text)
{
    (void)snprintf(o->hint, sizeof o->hint, "%s", text);
}

static void fill(struct objection *o, const char *hint_text, const char *format, va_list arguments)
{
    (void)vsnprintf(o->text, sizeof o->text, format, arguments);
    hint(o, hint_text);
}

bool objection_make(struct objection *objection, const char *hint_text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fill(objection, hint_text, format, arguments);
    va_end(arguments);
    return false;
}

int objection_tell(const struct objection *objection)
{
    fprintf(stderr, "pgbaton: %s\n", objection->text);
    if (objection->hint[0] != '\0') {
        fprintf(stderr, "hint: %s\n", objection->hint);
    }
    return EXIT_NONE;
}

int objection_refuse(const char *hint_text, const char *format, ...)
{
    struct objection objection;
    va_list arguments;
    va_start(arguments, format);
    fill(&objection, hint_text, format, arguments);
    va_end(arguments);
    return objection_tell(&objection);
}

static bool check_readable(const struct cluster *c, struct objection *o)
{
    if (c->frozen_seq != 0) {
        hint(o, "upgrade this program");
        return object(o->text, sizeof o->text,
                      "the log holds decisions of a newer version of pgbaton");
    }
    char pending[320];
    if (explain_pending(c, pending, sizeof pending) > 0) {
        hint(o, switchover_due_us(c) != 0 ? "take it back first: pgbaton switchover --cancel"
                                          : "wait for its end: each of its stages has a limit");
        return object(o->text, sizeof o->text, "another request is not carried out yet: %s",
                      pending);
    }
    return true;
}

static void list_nodes(const struct cluster *c, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (uint32_t i = 0; i < c->node_count && used < size; i++) {
        int written =
                snprintf(buffer + used, size - used, "%s%s", i == 0 ? "" : ", ", c->nodes[i].name);
        used += written > 0 ? (size_t)written : 0;
    }
}

static bool check_known(const struct cluster *c, const char *node, struct objection *o)
{
    if (cluster_find_node(c, node) >= 0) {
        return true;
    }
    char names[192];
    list_nodes(c, names, sizeof names);
    (void)snprintf(o->hint, sizeof o->hint, "it has %s", names);
    return object(o->text, sizeof o->text, "cluster %s has no node %s", c->name, node);
}

/* What speaks against a standby while another node leads, as far as can be seen from here. */
static bool is_fit(const struct view *view, int32_t i)
{
    return view->heard[i] && election_fitness(&view->state, i) == VERDICT_ELIGIBLE;
}

static bool check_fit(const struct view *view, int32_t i, struct objection *o)
{
    const struct node *n = &view->state.nodes[i];
    if (is_fit(view, i)) {
        return true;
    }
    hint(o, "pgbaton describe says more");
    if (!view->heard[i]) {
        return object(o->text, sizeof o->text, "%s gave no answer in %d ms", n->name,
                      VIEW_ANSWER_MS);
    }
    char verdict[EXPLAIN_VERDICT_SIZE];
    explain_verdict(election_fitness(&view->state, i), n->reason, verdict);
    return object(o->text, sizeof o->text, "%s cannot take over: it %s", n->name, verdict);
}

static bool check_somebody_fit(const struct view *view, struct objection *o)
{
    for (int32_t i = 0; i < (int32_t)view->state.node_count; i++) {
        if (i != view->state.leader && is_fit(view, i)) {
            return true;
        }
    }
    hint(o, "pgbaton describe says what each lacks");
    return object(o->text, sizeof o->text, "no standby of %s can take over", view->state.name);
}

static bool check_target(const struct view *view, const char *node, struct objection *o)
{
    const struct cluster *c = &view->state;
    if (!check_known(c, node, o)) {
        return false;
    }
    int32_t i = cluster_find_node(c, node);
    if (i == c->leader) {
        return object(o->text, sizeof o->text, "%s leads %s already", node, c->name);
    }
    return check_fit(view, i, o);
}

static bool check_time(const struct view *view, uint64_t at_us, struct objection *o)
{
    char time[FORMAT_TIME_SIZE];
    if (at_us == 0) {
        return true;
    }
    format_local(at_us, time);
    time[strcspn(time, ".")] = '\0';
    if (at_us <= view->now_us) {
        hint(o, "without --at it is done now");
        return object(o->text, sizeof o->text, "%s has passed", time);
    }
    if (at_us - view->now_us > SWITCHOVER_AHEAD_US_MAX) {
        return object(o->text, sizeof o->text, "%s is more than %d days ahead", time,
                      (int)(SWITCHOVER_AHEAD_US_MAX / 86400 / 1000000));
    }
    return true;
}

bool cancel_check(const struct view *view, const struct options *options,
                  struct objection *ret_objection)
{
    const struct cluster *c = &view->state;
    struct objection *o = ret_objection;
    (void)options;
    memset(o, 0, sizeof *o);
    if (c->pending.request_seq == 0 || c->pending.kind != REQUEST_SWITCHOVER) {
        return object(o->text, sizeof o->text, "no switchover of %s is asked for", c->name);
    }
    if (c->pending.step == SWITCH_STOP) {
        hint(o, "another one brings the old leader back");
        return object(o->text, sizeof o->text, "it is too late: %s is told to stop",
                      c->nodes[c->leader].name);
    }
    return true;
}

bool switchover_check(const struct view *view, const struct options *options,
                      struct objection *ret_objection)
{
    const struct cluster *c = &view->state;
    struct objection *o = ret_objection;
    memset(o, 0, sizeof *o);
    if (!check_readable(c, o)) {
        return false;
    }
    if (standby_is_on(c)) {
        hint(o, "stop the agent of its leader: another node leads from then on");
        return object(o->text, sizeof o->text,
                      "%s is a standby cluster: it has no primary to switch from", c->name);
    }
    if (c->phase != PHASE_HELD || !c->writable) {
        char waiting[320];
        waiting_explain(c, waiting, sizeof waiting);
        hint(o, "a node that is to lead while nobody does: pgbaton failover --to NODE");
        return object(o->text, sizeof o->text, "%s has no leader that serves: %s", c->name,
                      waiting);
    }
    return check_time(view, options->at_us, o) &&
           (options->to_node != NULL ? check_target(view, options->to_node, o)
                                     : check_somebody_fit(view, o));
}

/* What stands in the way whatever the operator accepts. */
static bool check_candidate(const struct view *view, const struct options *options,
                            struct objection *o)
{
    const struct cluster *c = &view->state;
    int32_t i = cluster_find_node(c, options->to_node);
    enum verdict verdict = election_verdict(c, i, GRANT_FAILOVER);
    bool loses = verdict == VERDICT_LAG || verdict == VERDICT_BELOW_FLOOR ||
                 verdict_is_of_proof(verdict);
    bool passes = verdict == VERDICT_ELIGIBLE || verdict == VERDICT_NOT_REPORTED ||
                  verdict == VERDICT_REFUSED || verdict == VERDICT_POLICY ||
                  verdict == VERDICT_NOT_SEALED || (loses && options->accept_loss);
    if (passes) {
        return true;
    }
    hint(o, loses ? "--accept-loss takes it all the same: what it lacks is lost"
                  : "pgbaton describe says more");
    return object(o->text, sizeof o->text, "%s cannot lead: it %s", options->to_node,
                  verdict_text(verdict));
}

bool failover_check(const struct view *view, const struct options *options,
                    struct objection *ret_objection)
{
    const struct cluster *c = &view->state;
    struct objection *o = ret_objection;
    memset(o, 0, sizeof *o);
    if (!check_readable(c, o)) {
        return false;
    }
    int32_t holder = cluster_holder(c);
    if (holder != LEADER_NONE) {
        hint(o, "while a node leads: pgbaton switchover; one that is dead is noticed by itself");
        return object(o->text, sizeof o->text, "%s holds term %llu of %s", c->nodes[holder].name,
                      (unsigned long long)c->term, c->name);
    }
    if (c->system_id == 0) {
        hint(o, "a monitor chooses the first leader");
        return object(o->text, sizeof o->text, "%s was never led", c->name);
    }
    return check_known(c, options->to_node, o) && check_candidate(view, options, o);
}
