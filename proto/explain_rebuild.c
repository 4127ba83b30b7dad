/* SPDX-License-Identifier: PostgreSQL */
/* Copies in words: why a node makes one, and how far it is. */
#include "explain.h"
#include "explain_text.h"

#include <inttypes.h>

/* ", 12 MB of 28 MB, 5 MB/s, 3200 ms left", as far as it is known. */
static void add_pace(struct text *t, uint64_t done_bytes, uint64_t total_bytes,
                     uint64_t bytes_per_s)
{
    uint64_t left_ms = 0;
    if (total_bytes == 0) {
        return;
    }
    text_add(t, ", ");
    text_add_bytes(t, done_bytes);
    text_add(t, " of ");
    text_add_bytes(t, total_bytes);
    if (bytes_per_s != 0) {
        text_add(t, ", ");
        text_add_bytes(t, bytes_per_s);
        text_add(t, "/s");
    }
    if (explain_left_ms(done_bytes, total_bytes, bytes_per_s, &left_ms)) {
        text_add(t, ", ");
        text_add_duration(t, left_ms);
        text_add(t, " left");
    }
}

bool explain_left_ms(uint64_t done_bytes, uint64_t total_bytes, uint64_t bytes_per_s,
                     uint64_t *ret_left_ms)
{
    uint64_t left_bytes = total_bytes > done_bytes ? total_bytes - done_bytes : 0;
    if (total_bytes == 0 || bytes_per_s == 0) {
        return false;
    }
    *ret_left_ms = left_bytes / bytes_per_s * 1000 + left_bytes % bytes_per_s * 1000 / bytes_per_s;
    return true;
}

size_t explain_rebuild(const struct node *n, char *buffer, size_t size)
{
    struct text t = text_begin(buffer, size);
    if (n->rebuild_task != TASK_NONE) {
        text_add(&t, "%s at %" PRIu32 " %%", text_task(n->rebuild_task), n->rebuild_percent);
        add_pace(&t, n->rebuild_done_bytes, n->rebuild_total_bytes, n->rebuild_bytes_per_s);
        text_add(&t, " (%s)", reason_text(n->rebuild_reason));
    } else if (n->asked_seq != 0) {
        text_add(&t, "a rebuild is asked for: it waits for a writable leader, for its node to be "
                     "heard, and until no commit waits for it");
    }
    return t.length;
}

void explain_progress(const struct cluster *c, const struct event *e, struct text *t)
{
    (void)c;
    const struct task_report *r = &e->body.task;
    text_add(t, "%s: %s %" PRIu32 " %%", e->writer, text_task(r->task), r->percent);
    add_pace(t, r->done_bytes, r->total_bytes, r->bytes_per_s);
    if (r->text[0] != '\0') {
        text_add(t, " (%s)", r->text);
    }
}

void explain_directive(const struct cluster *c, const struct event *e, struct text *t)
{
    const struct directive *d = &e->body.directive;
    text_add(t, "%s is told to rebuild by %s from %s (%s)", d->node, text_task(d->task),
             text_leader(c), e->decision.rule);
    if (d->reason != REASON_NONE) {
        text_add(t, ": %s", reason_text(d->reason));
    }
    if (d->text[0] != '\0') {
        text_add(t, ": %s", d->text);
    }
}
