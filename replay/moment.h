/* SPDX-License-Identifier: PostgreSQL */
/*
 * moment.h - a point in time as an operator writes it.
 *
 *   2026-03-01T22:30          ISO 8601, with 'T' or a space, seconds if wanted, and a fraction of
 *                             them; in the local time zone
 *   2026-03-01T21:30:00Z      or in another one: Z, +HH, +HH:MM or +HHMM
 *   22:30                     the next time that the local clock shows it
 *   +10m                      from now on: s, m, h or d
 */
#ifndef PGBATON_REPLAY_MOMENT_H
#define PGBATON_REPLAY_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* *ret_us: µs since 1970. False when the text is no time, or one that the local clock leaves out. A
 * time that has passed is one all the same. */
bool moment_parse(const char *text, uint64_t now_us, uint64_t *ret_us);

#endif
