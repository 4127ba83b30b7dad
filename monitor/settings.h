/* SPDX-License-Identifier: PostgreSQL */
/*
 * settings.h - monitor.yaml: who this monitor is, where the log is, and how new clusters are
 * configured.
 *
 *   name: monitor-1                    # the host's name by default
 *   nats: nats://10.0.0.1:4222,nats://10.0.0.2:4222
 *   nats_hosts:                        # where the servers run, so that none which runs beside a
 *     - {server: nats-1, host: db1}    # primary leads the log (placement.h); none by default
 *   state_directory: /var/lib/pgbaton  # what it remembers of the log (memory.h); by default what
 *                                      # systemd names, else nowhere
 *   log_level: info                    # error, warning, info, debug
 *   retention: 30d                     # what is older is removed; "off": nothing is
 *   stream:                            # how the stream is made if it is not there
 *     replicas: 3                      # 1, 3 or 5; 1 by default
 *     storage: file                    # file or memory
 *     max_bytes: 10GB
 *   cluster_defaults:                  # a new cluster's first configuration in the log
 *     probe_period: 1s
 *     probe_timeout: 1s
 *     probe_failure_threshold: 2
 *     lease_ttl: 3s                    # period × threshold + timeout by default
 *     switch_policy: MaximumAvailability
 *     synchronous: quorum              # or strict, off
 *     synchronous_count: 1
 *     maximum_lag_on_failover: 16MB    # without limit by default
 *     failover_limit: 5                # failovers by themselves, in a burst ...
 *     failover_window: 10min           # ... and the time in which as many are allowed again
 *     rebuild_limit: 10                # the same for the rebuilds of each node
 *     rebuild_window: 1h
 *     permanent_slots: [archive]       # physical replication slots on every node; none by default
 *     permanent_logical_slots:         # logical ones that outlive a failover; none by default
 *       - {name: cdc, database: app, plugin: pgoutput}
 *     crash_policy: failover           # or restart: in place ...
 *     primary_start_timeout: 30s       # ... within so long
 *     restart_limit: 5                 # the same for restarts in place
 *     restart_window: 10min
 *     standby_cluster:                 # it replicates from another cluster, until it is promoted
 *       host: 10.1.0.1,10.1.0.2        # of that one's nodes: the writable one is followed
 *       port: 5432
 *       primary_slot_name: dr          # a slot that exists there; none by default
 *
 * Read once at the start, by main.c.
 */
#ifndef PGBATON_MONITOR_SETTINGS_H
#define PGBATON_MONITOR_SETTINGS_H

#include "../proto/event.h"
#include "../proto/log_line.h"
#include "../proto/result.h"
#include "placement.h"

#define SETTINGS_SERVERS_SIZE 1024
#define SETTINGS_PATH_SIZE 1024

struct monitor_settings {
    char name[NAME_SIZE];
    char servers[SETTINGS_SERVERS_SIZE]; /* empty: not named */
    int replicas;
    bool memory_storage;
    uint64_t max_bytes;   /* 0: without limit */
    uint64_t retention_s; /* 0: everything is kept */
    struct config config;
    struct placement_map nats_hosts;
    enum severity log_level;
    char state_directory[SETTINGS_PATH_SIZE]; /* empty: none */
};

/* What holds without a file: the host's name, one replica on disk, config_default(). */
void monitor_settings_init(struct monitor_settings *ret_settings);
/* Reads the file over the defaults. On failure *ret_settings holds the defaults. */
MUST_USE enum result monitor_settings_load(const char *path, struct monitor_settings *ret_settings,
                                           struct failure *reterr_failure);
/* Makes a valid name of a host name: its first label, in lower case, with '-' for what a name may
 * not hold; "monitor" when nothing is left. */
void monitor_settings_name(const char *host, char ret_name[NAME_SIZE]);

#endif
