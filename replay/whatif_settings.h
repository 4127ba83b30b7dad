/* SPDX-License-Identifier: PostgreSQL */
/*
 * whatif_settings.h - other settings than those that a cluster had: `--set key=value`.
 *
 * The keys are those of cluster_defaults in monitor.yaml that bear on an election, and NODE.tag for
 * the tags of agent.yaml. Durations, sizes and names are written as there.
 */
#ifndef PGBATON_REPLAY_WHATIF_SETTINGS_H
#define PGBATON_REPLAY_WHATIF_SETTINGS_H

#include "../proto/cluster.h"
#include "../proto/result.h"
#include "options.h"

struct whatif_settings {
    uint32_t count;
    const char *words[VALUE_COUNT_MAX]; /* "lease_ttl=6s", "node-2.nofailover=true" */
};

/* Checks every word, but not yet against a cluster. */
MUST_USE enum result whatif_settings_take(const struct options *options,
                                          struct whatif_settings *ret_settings,
                                          struct failure *reterr_failure);
/* Sets them in a state: configuration, nodes, and what follows for the lease that runs and for what
 * commits wait for. Fails when a node is not there, or the values do not fit each other. */
MUST_USE enum result whatif_settings_apply(const struct whatif_settings *settings,
                                           struct cluster *c, struct failure *reterr_failure);
/* failover_limit in failover_window, by them. */
struct bucket_size whatif_settings_limit(const struct whatif_settings *settings,
                                         const struct cluster *c);
/* The tags that they give a node, for a hello that it says later. */
void whatif_settings_tag(const struct whatif_settings *settings, const char *node,
                         struct hello *hello);
/* True when this key is set. */
bool whatif_settings_names(const struct whatif_settings *settings, const char *key);

#endif
