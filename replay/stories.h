/* SPDX-License-Identifier: PostgreSQL */
/*
 * stories.h - the story of every cluster in a log (episode.h), and its incidents: the changes of
 * leadership but for the first, numbered from 1 through all clusters, by name and then in order.
 */
#ifndef PGBATON_REPLAY_STORIES_H
#define PGBATON_REPLAY_STORIES_H

#include "episode.h"
#include "history.h"

struct incident {
    uint32_t number;
    const struct cluster_entry *entry;
    const struct episode *episode;
    const struct episode *next; /* the cluster's next change; NULL: there is none */
};

/* Reads the log up to options->to_seq; lines are kept from options->from_seq on. Returns EXIT_DONE,
 * or EXIT_NONE after having told on stderr what is wrong; then there is no set. */
int stories_read(const struct options *options, struct cluster_set **ret_set);
void stories_destroy(struct cluster_set *set);
/* The incident of that number; false: there is none. */
bool stories_incident(const struct cluster_set *set, uint32_t number,
                      struct incident *ret_incident);
/* From the moment before the fault was noticed until the old leader is back, or the next change
 * begins. */
void incident_range(const struct incident *incident, uint64_t *ret_from_seq, uint64_t *ret_to_seq);
/* From the fault, as it was noticed, to the first write, or where commits wait for standbys until
 * they are answered, in ms; false: it came to no write. */
bool incident_outage(const struct episode *episode, uint64_t *ret_ms);

#endif
