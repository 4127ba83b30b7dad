/* SPDX-License-Identifier: PostgreSQL */
/* shell_probe.h - how the shell asks PostgreSQL how it is: by its kept session, and by a new one.
 */
#ifndef PGBATON_AGENT_SHELL_PROBE_H
#define PGBATON_AGENT_SHELL_PROBE_H

#include "facts.h"
#include "pg_ping.h"
#include "shell_session.h"

#include <ev.h>

/* shell_ping.c: a new connection beside each probe, whose session is kept */
struct shell_ping {
    struct pg_ping ping;
    ev_io io;
    ev_timer timer;
};

/* shell_probe.c */
struct shell_probe {
    struct session session;
    struct shell_ping ping;
    bool waits; /* for the ping: the question has been answered by `result` */
    struct probe_result result;
    enum pg_ping_verdict verdict;  /* of the last ping, which this or an earlier probe began */
    uint32_t count;                /* of probes: not each has a ping */
    bool answered_once;            /* since the postmaster was started */
    uint32_t segment_bytes;        /* of the directory, as the last inspection found it */
    uint32_t timeline;             /* of the last good probe; 0: none since it was started */
    uint32_t history_timeline;     /* whose history the core knows */
    struct settings_note settings; /* as asked last, at settings_ms; 0: not yet */
    uint64_t settings_ms;
    uint64_t told_ms;   /* when PostgreSQL was told last to read its files */
    bool asks_settings; /* the present question does */
};

/* shell_ping.c */
void shell_ping_open(struct shell *shell);
/* shell_probe_pinged() is called once, later, unless another begins or it is closed. */
void shell_ping_begin(struct shell *shell, uint32_t timeout_ms);
void shell_ping_close(struct shell *shell);

/* shell_probe.c */
void shell_probe_begin(struct shell *shell, uint32_t timeout_ms);
void shell_probe_pinged(struct shell *shell, enum pg_ping_verdict verdict);
void shell_slots_keep(struct shell *shell, const struct slot *slots, uint32_t count);

#endif
