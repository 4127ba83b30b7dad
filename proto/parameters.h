/* SPDX-License-Identifier: PostgreSQL */
/*
 * parameters.h - PostgreSQL's parameters that the log sets for all nodes of a cluster, and changes
 * of them.
 *
 * Both are packed texts, each ended by a NUL, sorted by name, each name once: "work_mem=8MB" sets a
 * value, "work_mem" alone, in a change, takes it back. A node's own word in agent.yaml goes before
 * them, pgbaton's own settings before all. Names are PostgreSQL's in lower case: [a-z0-9_.], not
 * beginning with a digit or a dot. Pure.
 */
#ifndef PGBATON_PARAMETERS_H
#define PGBATON_PARAMETERS_H

#include "limits.h"
#include "reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one request changes. */
struct parameter_change {
    uint32_t size; /* bytes used; 0: nothing */
    char bytes[PARAMETER_CHANGE_BYTES];
};

/* As a part of a cluster's state. */
struct parameters {
    uint64_t seq;           /* the order that changed them last; 0: none ever did */
    uint64_t request_seq;   /* its request */
    uint64_t wall_us;       /* of the request; for people */
    char writer[NAME_SIZE]; /* who asked */
    uint32_t size;
    char bytes[PARAMETERS_BYTES_MAX];
};

/* One text, taken apart. */
struct parameter {
    const char *text; /* the whole of it */
    char name[PARAMETER_NAME_SIZE];
    const char *value; /* within bytes; NULL: taken back */
};

/* pgbaton's own, in pgbaton.conf: nobody else may set them. A recovery target belongs to one
 * recovery: it would stop a standby, and is not pgbaton's to keep. Both end with NULL. */
extern const char *const parameters_owned[];
extern const char *const parameters_targets[];

/* Walks over packed texts, *at beginning with 0. False at their end. */
bool parameters_next(const char *bytes, uint32_t size, uint32_t *at, struct parameter *ret_item);
/* The value of name in lower case; NULL when it is not set. */
const char *parameters_find(const struct parameters *p, const char *name);
/* Puts a value (NULL: taken back) into a change, in the place of what it said of that name. False
 * when name or value cannot be one, or there is no room. */
bool parameters_put(struct parameter_change *change, const char *name, const char *value);
/* True when the packed texts of a change are as they should be. */
bool parameters_change_is_valid(const struct parameter_change *change);
/* The same of those of a state. */
bool parameters_are_valid(const struct parameters *p);
/* True when the log may set this for all nodes: it is not pgbaton's own, nor a node's, nor would it
 * end replication. */
bool parameters_may_set(const char *name, const char *value);
/* True when pgbaton sets that itself (whatever the case of its letters). */
bool parameters_is_own(const char *name);
/* What speaks against the change, whatever PostgreSQL says of it; REASON_NONE: nothing. */
enum reason parameters_objection(const struct parameters *p, const struct parameter_change *change);
/* Carries out a change to which there is no objection. Leaves all but size and bytes as they are.
 */
void parameters_apply(struct parameters *p, const struct parameter_change *change);

#endif
