/* SPDX-License-Identifier: PostgreSQL */
/*
 * cable_queue.h - the frames that are under way in one direction of a slow cable, in order. What
 * comes to a full queue is lost, as in any network. It is all zeroes when empty, and large: static.
 */
#ifndef PGBATON_TOOLS_CABLE_QUEUE_H
#define PGBATON_TOOLS_CABLE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CABLE_FRAME_BYTES 1600  /* an Ethernet frame of an interface whose MTU is 1500 */
#define CABLE_QUEUE_FRAMES 2048 /* 12 MB/s at a delay of 250 ms */

struct cable_frame {
    uint64_t due_us; /* when it arrives, on the caller's clock */
    uint32_t size;   /* bytes */
    uint8_t bytes[CABLE_FRAME_BYTES];
};

struct cable_queue {
    uint32_t first;
    uint32_t count;
    struct cable_frame frames[CABLE_QUEUE_FRAMES]; /* a ring; only what was once used is touched */
};

/* Copies a frame to the end; no frame overtakes another. False when it is lost. */
bool cable_queue_put(struct cable_queue *queue, uint64_t due_us, const uint8_t *bytes, size_t size);
/* The first frame, NULL when there is none. It stands until the next put or pop. */
const struct cable_frame *cable_queue_first(const struct cable_queue *queue);
/* Removes the first frame; there must be one. */
void cable_queue_pop(struct cable_queue *queue);

#endif
