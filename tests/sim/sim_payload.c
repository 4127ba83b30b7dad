/* SPDX-License-Identifier: PostgreSQL */
/* What travels. Every reader decodes every message, and all of them get the same: the linker puts
 * this file's function before codec_decode() (--wrap), so that nothing is decoded that is known. */
#include "sim.h"

#include "../../proto/subject.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum codec_result __real_codec_decode(const uint8_t *data, size_t size, struct codec_arena *arena,
                                      struct event *ret_event);
enum codec_result __wrap_codec_decode(const uint8_t *data, size_t size, struct codec_arena *arena,
                                      struct event *ret_event);

/* So many-th events go through the codec, both ways. */
#define CODED_EACH 16

static const struct sim_payload *known;
static uint64_t coded;
static struct codec_arena arena;

/* How much of an event its kind uses: most are small beside the largest. */
static size_t used_bytes(const struct event *e)
{
    static const size_t sizes[EVENT_KIND_COUNT] = {
            [EVENT_PROBE] = sizeof(struct probe),       [EVENT_RENEW] = sizeof(struct renew),
            [EVENT_RELEASE] = sizeof(struct release),   [EVENT_REFUSE] = sizeof(struct refuse),
            [EVENT_HEARTBEAT] = sizeof(struct goodbye),
    };
    size_t body = sizes[e->kind] != 0 ? sizes[e->kind] : sizeof e->body;
    return offsetof(struct event, body) + body;
}

static void set_bytes(struct sim_payload *p, const uint8_t *data, size_t size)
{
    if (p->capacity < size) {
        p->bytes = realloc(p->bytes, size);
        p->capacity = size;
    }
    memcpy(p->bytes, data, size);
    p->data = p->bytes;
    p->size = size;
    p->encoded = true;
}

/* An address is enough for whoever knows what is there. */
static void set_no_bytes(struct sim_payload *p)
{
    p->data = (const uint8_t *)&p->event;
    p->size = offsetof(struct event, kind);
    p->encoded = false;
}

/* A decision's hash is that of its bytes; of the others only some are tried. */
static bool must_encode(const struct event *e)
{
    return event_is_decision(e->kind) || ++coded % CODED_EACH == 0;
}

/* What comes out must be what went in. */
static bool encode(struct sim_payload *p, const struct event *e)
{
    uint8_t data[EVENT_BYTES_MAX];
    uint8_t again[EVENT_BYTES_MAX];
    size_t size = codec_encode(e, data, sizeof data);
    if (size == 0 || __real_codec_decode(data, size, &arena, &p->event) != CODEC_OK) {
        return false;
    }
    set_bytes(p, data, size);
    return codec_encode(&p->event, again, sizeof again) == size && memcmp(again, data, size) == 0;
}

/* Each reader decodes it anew: its bytes lie in the decoder's arena. */
static bool encode_snapshot(struct sim_payload *p, const struct event *e)
{
    static uint8_t data[RECORD_BYTES_MAX];
    size_t size = codec_encode(e, data, sizeof data);
    p->is_event = false;
    if (size > 0) {
        set_bytes(p, data, size);
    }
    return size > 0;
}

bool sim_payload_event(struct sim_payload *p, const struct event *e)
{
    p->is_event = true;
    if (!subject_of_event(e, p->subject)) {
        return false;
    }
    if (e->kind == EVENT_SNAPSHOT) {
        return encode_snapshot(p, e);
    }
    if (must_encode(e)) {
        return encode(p, e);
    }
    set_no_bytes(p);
    memcpy(&p->event, e, used_bytes(e));
    p->event.seq = 0;
    return true;
}

void sim_payload_bytes(struct sim_payload *p, const char *subject, const uint8_t *data, size_t size)
{
    memcpy(p->subject, subject, strlen(subject) + 1);
    set_bytes(p, data, size);
    p->is_event = __real_codec_decode(data, size, &arena, &p->event) == CODEC_OK;
}

void sim_payload_copy(struct sim_payload *to, const struct sim_payload *from)
{
    memcpy(to->subject, from->subject, strlen(from->subject) + 1);
    to->is_event = from->is_event;
    if (from->encoded) {
        set_bytes(to, from->data, from->size);
    } else {
        set_no_bytes(to);
    }
    if (from->is_event) {
        memcpy(&to->event, &from->event, used_bytes(&from->event));
    }
}

void sim_payload_know(const struct sim_payload *p)
{
    known = p;
}

void sim_payload_forget(void)
{
    known = NULL;
}

enum codec_result __wrap_codec_decode(const uint8_t *data, size_t size, struct codec_arena *space,
                                      struct event *ret_event)
{
    if (known == NULL || data != known->data || !known->is_event) {
        return __real_codec_decode(data, size, space, ret_event);
    }
    memcpy(ret_event, &known->event, used_bytes(&known->event));
    return CODEC_OK;
}
