/* SPDX-License-Identifier: PostgreSQL */
#include "cable_queue.h"

#include <assert.h>
#include <string.h>

static uint32_t slot(const struct cable_queue *queue, uint32_t i)
{
    return (queue->first + i) % CABLE_QUEUE_FRAMES;
}

bool cable_queue_put(struct cable_queue *queue, uint64_t due_us, const uint8_t *bytes, size_t size)
{
    if (queue->count == CABLE_QUEUE_FRAMES || size > CABLE_FRAME_BYTES) {
        return false;
    }
    if (queue->count > 0) {
        uint64_t before_us = queue->frames[slot(queue, queue->count - 1)].due_us;
        due_us = due_us > before_us ? due_us : before_us;
    }
    struct cable_frame *frame = &queue->frames[slot(queue, queue->count)];
    frame->due_us = due_us;
    frame->size = (uint32_t)size;
    memcpy(frame->bytes, bytes, size);
    queue->count += 1;
    return true;
}

const struct cable_frame *cable_queue_first(const struct cable_queue *queue)
{
    return queue->count > 0 ? &queue->frames[queue->first] : NULL;
}

void cable_queue_pop(struct cable_queue *queue)
{
    assert(queue->count > 0);
    queue->first = slot(queue, 1);
    queue->count -= 1;
}
