/* SPDX-License-Identifier: PostgreSQL */
/*
 * cable_fault.h - what is wrong with one direction of a playground's cable, and what that does to a
 * frame. A zeroed fault is a whole cable. Nothing here does I/O, knows the time or keeps frames.
 */
#ifndef PGBATON_TOOLS_CABLE_FAULT_H
#define PGBATON_TOOLS_CABLE_FAULT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CABLE_PEER_MAX 64       /* members of one playground */
#define CABLE_DELAY_MS_MAX 5000 /* what a command may ask for */

/* Seen from the member that the cable belongs to. */
enum cable_direction {
    CABLE_OUT = 0, /* what the member sends */
    CABLE_IN,      /* what is sent to the member */
    CABLE_DIRECTION_COUNT
};

struct cable_fault {
    bool drops_all;
    uint32_t peer_count;                  /* drops what goes to or comes from these; 0: nobody */
    struct in_addr peers[CABLE_PEER_MAX]; /* in no order */
    uint32_t loss_percent;                /* 0 to 100: so many frames vanish, by chance */
    uint32_t delay_ms;                    /* each frame arrives so much later; 0: at once */
};

/* Both directions of one cable. */
struct cable_faults {
    struct cable_fault of[CABLE_DIRECTION_COUNT];
};

/*
 * Applies one command, the text after the member's name:
 *
 *   heal                               both directions are whole
 *   DIRECTION drop                     everything vanishes
 *   DIRECTION drop ADDRESS...          what concerns these IPv4 addresses vanishes
 *   DIRECTION loss PERCENT
 *   DIRECTION delay MS
 *
 * DIRECTION is out, in or both. A later command of the same kind replaces the earlier. False when
 * it makes no sense: *faults is untouched then. The text is taken apart.
 */
bool cable_fault_command(struct cable_faults *faults, char *text);

/* True when the frame vanishes. *chance is the state of the random numbers: any value but 0. */
bool cable_fault_drops(const struct cable_fault *fault, enum cable_direction direction,
                       const uint8_t *frame, size_t size, uint64_t *chance);

#endif
