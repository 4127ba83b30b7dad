/* SPDX-License-Identifier: PostgreSQL */
/* The synchronous set in words: what commits wait for, and what an election needs. */
#include "explain.h"
#include "explain_text.h"

#include <inttypes.h>

static void add_mask(const struct cluster *c, uint32_t mask, struct text *t)
{
    const char *separator = "";
    for (uint32_t i = 0; i < c->node_count; i++) {
        if ((mask >> i & 1U) != 0) {
            text_add(t, "%s%s", separator, c->nodes[i].name);
            separator = ", ";
        }
    }
}

void text_add_names(const struct name_list *list, struct text *t)
{
    for (uint32_t i = 0; i < list->count && i < NODE_COUNT_MAX; i++) {
        text_add(t, "%s%s", i > 0 ? ", " : "", list->names[i]);
    }
}

void explain_sync_set(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct sync_set *set = &e->body.sync_set;
    if (set->count == 0) {
        text_add(t,
                 "commits of %s wait for no standby any more (%s): if it is lost, acknowledged "
                 "ones may be",
                 text_leader(c), e->decision.rule);
        return;
    }
    text_add(t, "commits of %s are to wait for %" PRIu32 " of ", text_leader(c), set->count);
    text_add_names(&set->waits, t);
    text_add(t, " (%s)", e->decision.rule);
    if (set->voters.count > 0) {
        text_add(t, "; until they do, an election needs all of ");
        text_add_names(&set->voters, t);
    }
}

void explain_synced(const struct cluster *c, const struct event *e, struct text *t)
{
    text_add(t, "%s waits with each commit for %" PRIu32 " of ", e->writer, c->sync.count);
    add_mask(c, c->sync.waits, t);
    text_add(t, ", which has everything; an election needs %" PRIu32, c->sync.quorum);
}

void explain_sync_opened(const struct cluster *c, struct text *t)
{
    const struct sync *s = &c->sync;
    if (s->step == SYNC_CHANGING && s->voters != 0 && s->voters == s->waits) {
        text_add(t, "; from there on an election needs %" PRIu32 " of ", s->quorum);
        add_mask(c, s->voters, t);
    }
}

static void add_present(const struct cluster *c, struct text *t)
{
    const struct sync *s = &c->sync;
    if (s->count == 0) {
        text_add(t, "commits wait for no standby: if the leader is lost, acknowledged ones may be");
        return;
    }
    const char *verb = s->step == SYNC_STEADY ? "wait" : "are to wait";
    text_add(t, "commits %s for %" PRIu32 " of ", verb, s->count);
    add_mask(c, s->waits, t);
    text_add(t, s->waits == 0 ? "nobody: they stand still until a standby is there" : "");
    if (s->voters != 0) {
        text_add(t, "; an election needs %" PRIu32 " of ", s->quorum);
        add_mask(c, s->voters, t);
    }
}

size_t explain_sync(const struct cluster *c, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (c->phase == PHASE_HELD &&
        (c->config.synchronous != SYNCHRONOUS_OFF || c->sync.count != 0)) {
        text_add(&t, "%s: ", synchronous_name(c->config.synchronous));
        add_present(c, &t);
    }
    return t.length;
}
