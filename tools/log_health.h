/* SPDX-License-Identifier: PostgreSQL */
/*
 * log_health.h - how the log is, at one moment: the servers' own word, what can be read, and who is
 * heard within a few seconds. For pgbaton log status; log_status.c and log_status_json.c show it.
 *
 * That the log can be written is not tried: a monitor writes a heartbeat each second, and one that
 * is read while this looks is the proof.
 */
#ifndef PGBATON_TOOLS_LOG_HEALTH_H
#define PGBATON_TOOLS_LOG_HEALTH_H

#include "../proto/log_look.h"
#include "../replay/cluster_set.h"
#include "../replay/options.h"

/* After the history it is listened for so long, in ms: agents and monitors speak each second. */
#define HEALTH_LISTEN_MS 2500
/* Monitors, and agents of all clusters, that are shown. */
#define HEALTH_MONITOR_COUNT 16
#define HEALTH_AGENT_COUNT 128

enum health {
    HEALTH_WRITABLE = 0, /* it is read, and records come in */
    HEALTH_UNPROVEN,     /* it is read, and no monitor's heartbeat came in */
    HEALTH_UNREADABLE,   /* it does not answer: a majority of its servers is away */
    HEALTH_MISSING,      /* there is none yet, or none any more */
    HEALTH_UNREACHABLE,  /* no server answers */
    HEALTH_COUNT
};

struct heard_monitor {
    char name[NAME_SIZE];
    uint64_t seq;       /* of its last heartbeat */
    uint64_t stored_us; /* the server's clock; or the monitor's */
    bool now;           /* it came in while this listened */
};

struct heard_agent {
    char cluster[NAME_SIZE];
    char node[NAME_SIZE];
    uint64_t heard_ms; /* CLOCK_MONOTONIC */
    uint64_t read_seq; /* of its cluster's log, as it said then */
};

struct log_health {
    enum health health;
    bool local;            /* a file of this machine; look is empty but for the counts */
    struct log_look look;  /* what the servers say */
    char trouble[512];     /* why it was not read; may be empty */
    bool caught_up;        /* the history was read to its end */
    uint64_t last_seq;     /* that was read */
    uint64_t last_us;      /* of that, as the server or its writer says */
    uint64_t record_count; /* that were read */
    struct cluster_set *set;
    size_t monitor_count;
    struct heard_monitor monitors[HEALTH_MONITOR_COUNT];
    size_t agent_count;
    struct heard_agent agents[HEALTH_AGENT_COUNT]; /* those whose live messages came */
    uint64_t now_ms;                               /* when the listening ended */
    uint64_t now_us;
};

/* Takes up to HEALTH_LISTEN_MS beyond the reading. False when there is no memory. */
bool health_gather(const struct options *options, struct log_health *ret_health);
void health_finish(struct log_health *health);
/* "writable", for JSON. */
const char *health_name(enum health health);
/* What was heard of the agent; NULL: nothing. */
const struct heard_agent *health_agent(const struct log_health *health, const char *cluster,
                                       const char *node);
/* How long ago that was, in ms. */
uint64_t health_age_ms(const struct log_health *health, const struct heard_agent *agent);
/* Servers that store the stream, and those of them that lag or are away. */
size_t health_replica_count(const struct log_look *look);
size_t health_lagging_count(const struct log_look *look);

#endif
