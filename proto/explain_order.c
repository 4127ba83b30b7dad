/* SPDX-License-Identifier: PostgreSQL */
/* What operators ask for that one decision ends, in words. */
#include "explain.h"
#include "explain_text.h"
#include "licence.h"
#include "pause.h"
#include "standby.h"

#include <inttypes.h>

/* "work_mem = 8MB, archive_command is taken back" */
void text_add_change(const struct parameter_change *change, struct text *t)
{
    struct parameter item;
    const char *comma = "";
    for (uint32_t at = 0; parameters_next(change->bytes, change->size, &at, &item);) {
        bool set = item.value != NULL;
        text_add(t, "%s%s%s%s", comma, item.name, set ? " = " : " is taken back",
                 set ? item.value : "");
        comma = ", ";
    }
}

void explain_asked(const struct event *e, struct text *t)
{
    const struct request *r = &e->body.request;
    if (r->kind == REQUEST_CONFIG) {
        text_add(t, "%s asks for parameters: ", e->writer);
        text_add_change(&r->change, t);
        text_add(t, r->unchecked ? ", unchecked" : "");
        return;
    }
    if (r->kind == REQUEST_RECOVER) {
        text_add(t, "%s vouches that no other member will say what a lost part of the log held",
                 e->writer);
        return;
    }
    const char *what = r->kind == REQUEST_REMOVE    ? "removal"
                       : r->kind == REQUEST_PROMOTE ? "promotion of this standby cluster"
                                                    : request_kind_name(r->kind);
    text_add(t, "%s asks for a %s", e->writer, what);
    text_add(t, "%s%s", r->node[0] != '\0' ? " of " : "", r->node);
    text_add(t, r->leader_stopped ? ", and vouches that the leader's PostgreSQL is stopped" : "");
}

static void say_nothing(const struct cluster *c, struct text *t)
{
    (void)c;
    (void)t;
}

static void say_pause(const struct cluster *c, struct text *t)
{
    text_add(t, "paused by %s: nothing is switched, restarted or rebuilt by itself",
             c->pause.writer);
}

static void say_resume(const struct cluster *c, struct text *t)
{
    text_add(t, "resumed");
    if (c->lease.lifted) {
        text_add(t, "; nobody else is granted before %s says that its lease ends again",
                 text_leader(c));
    }
}

static void say_remove(const struct cluster *c, struct text *t)
{
    text_add(t, "%s is removed: its slot goes, and it counts no more", c->answered.node);
}

static void say_promote(const struct cluster *c, struct text *t)
{
    bool led = cluster_holder(c) != LEADER_NONE;
    text_add(t, "this is no standby cluster any more: %s is promoted",
             led ? text_leader(c) : "the next leader");
}

static void say_restart(const struct cluster *c, struct text *t)
{
    text_add(t, "%s is to restart its PostgreSQL, as %s asks", c->answered.node, c->licence.writer);
}

static void say_config(const struct cluster *c, struct text *t)
{
    text_add(t, "parameters are changed by %s: every node reads them", c->parameters.writer);
}

static void say_reload(const struct cluster *c, struct text *t)
{
    const char *node = c->answered.node;
    text_add(t, "PostgreSQL of %s reads its configuration files again",
             node[0] != '\0' ? node : "every node");
}

static void say_recover(const struct cluster *c, struct text *t)
{
    (void)c;
    text_add(t, "no other member is waited for that may remember a lost part of the log: terms "
                "are granted again, above all that are remembered");
}

void explain_checked(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    text_add(t, "PostgreSQL of %s takes the parameters that are asked for", e->writer);
}

void explain_order(const struct cluster *c, const struct event *e, struct text *t)
{
    static void (*const says[])(const struct cluster *, struct text *) = {
            [REQUEST_SWITCHOVER] = say_nothing, [REQUEST_FAILOVER] = say_nothing,
            [REQUEST_REBUILD] = say_nothing,    [REQUEST_PAUSE] = say_pause,
            [REQUEST_RESUME] = say_resume,      [REQUEST_REMOVE] = say_remove,
            [REQUEST_PROMOTE] = say_promote,    [REQUEST_RESTART] = say_restart,
            [REQUEST_CONFIG] = say_config,      [REQUEST_RELOAD] = say_reload,
            [REQUEST_RECOVER] = say_recover,
    };
    _Static_assert(sizeof says / sizeof says[0] == REQUEST_KIND_COUNT, "a sentence for each");
    const struct order *order = &e->body.order;
    if (order->reason != REASON_NONE) {
        text_add(t, "the %s is declined: %s", request_kind_name(order->kind),
                 reason_text(order->reason));
    } else {
        says[(unsigned)order->kind < REQUEST_KIND_COUNT ? order->kind : 0](c, t);
    }
    text_add(t, " (%s)", e->decision.rule);
}

size_t explain_answered(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    const struct closed *answered = &c->answered;
    if (answered->seq == 0) {
        return 0;
    }
    text_add(&t, "%s%s%s %s", request_kind_name(answered->kind),
             answered->node[0] != '\0' ? " of " : "", answered->node,
             answered->reason == REASON_NONE ? "is ordered" : "is declined: ");
    text_add(&t, "%s", answered->reason == REASON_NONE ? "" : reason_text(answered->reason));
    return t.length;
}

size_t explain_licence(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    const struct licence *licence = &c->licence;
    if (licence->seq == 0) {
        return 0;
    }
    const char *node = c->nodes[licence->node].name;
    text_add(&t, "of %s, asked for by %s", node, licence->writer);
    if (!licence_is_ripe(c, licence->node)) {
        text_add(&t, ": waits until no commit, and no switchover, counts on it");
    } else if (licence->node == c->leader && !c->restart.going) {
        text_add(&t, ": runs a checkpoint while it serves");
    }
    return t.length;
}

size_t explain_pause(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (pause_is_on(c)) {
        text_add(&t, "since ");
        text_add_time(&t, c->pause.wall_us);
        text_add(&t, ", by %s: nothing is switched, restarted or rebuilt by itself",
                 c->pause.writer);
    }
    bool leased = cluster_holder(c) != LEADER_NONE && !standby_is_on(c);
    if (pause_is_on(c) && leased) {
        text_add(&t, "; the lease of %s %s", text_leader(c),
                 c->lease.lifted ? "does not end" : "still ends");
    }
    return t.length;
}
