/* SPDX-License-Identifier: PostgreSQL */
/* In words: what a grant may lose, what a policy withholds, and a restart in place. */
#include "explain.h"
#include "explain_text.h"

#include <inttypes.h>

void text_add_loss(const struct change *loss, struct text *t)
{
    if (loss->loss_known && loss->loss_bytes == 0) {
        text_add(t, "nothing is lost");
        return;
    }
    if (loss->proven) {
        text_add(t, "no acknowledged commit is lost");
        return;
    }
    text_add(t, loss->loss_known ? "what the old leader wrote last is lost, " : "may lose ");
    if (loss->loss_bytes > 0) {
        text_add_bytes(t, loss->loss_bytes);
    }
    if (loss->loss_known) {
        return;
    }
    text_add(t, "%swhat the old leader wrote after ", loss->loss_bytes > 0 ? " and " : "");
    if (loss->leader_wall_us != 0) {
        text_add_time(t, loss->leader_wall_us);
    } else {
        text_add(t, "its last known position");
    }
}

void text_add_withheld(const struct no_candidate *n, struct text *t)
{
    text_add(t, "would have promoted %s", n->node);
    if (n->loss_bytes > 0) {
        text_add(t, ", ");
        text_add_bytes(t, n->loss_bytes);
        text_add(t, " behind the old leader's last known position");
    }
}

void explain_begun_restart(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct restart *r = &e->body.renew.restart;
    text_add(t, "%s restarts PostgreSQL in place (%s), under its lease of term %" PRIu64, e->writer,
             reason_text(r->reason), e->body.renew.term);
    text_add(t, ", for ");
    text_add_duration(t, c->config.primary_start_timeout_ms);
    text_add(t, " at most");
}

size_t explain_restart(const struct cluster *c, char *buffer, size_t size)
{
    const struct restarting *r = &c->restart;
    struct text t = text_begin(buffer, size);
    if (r->number == 0 || r->writable_wall_us == 0) {
        return 0;
    }
    text_add(&t, "%s restarted PostgreSQL in place (%s)", text_leader(c), reason_text(r->reason));
    if (r->writable_wall_us > r->detected_wall_us && r->detected_wall_us != 0) {
        text_add(&t, ", writable after ");
        text_add_duration(&t, (r->writable_wall_us - r->detected_wall_us) / 1000);
    }
    return t.length;
}
