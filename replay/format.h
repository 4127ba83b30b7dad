/* SPDX-License-Identifier: PostgreSQL */
/*
 * format.h - how times and texts look on the screen of the command and of pgbaton-replay.
 */
#ifndef PGBATON_REPLAY_FORMAT_H
#define PGBATON_REPLAY_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_TIME_SIZE 32

/* "2026-03-01T12:00:00.123456Z". */
void format_iso(uint64_t wall_us, char ret_text[FORMAT_TIME_SIZE]);
/* "2026-03-01 12:00:00.123" in the local time zone, as the services' own logs show it. */
void format_local(uint64_t wall_us, char ret_text[FORMAT_TIME_SIZE]);
/* The abbreviation of the local time zone at that moment ("CET"). */
void format_zone(uint64_t wall_us, char ret_text[FORMAT_TIME_SIZE]);
/* "4s", "2m", "3h", "5d". */
void format_age(uint64_t age_us, char ret_text[FORMAT_TIME_SIZE]);
/* "0 B", "12 kB", "3 MB". */
void format_bytes(uint64_t bytes, char ret_text[FORMAT_TIME_SIZE]);
/* Replaces control bytes by '?', so that nothing in the log can drive a terminal. */
void format_clean(char *text);
/* The wall clock in µs. */
uint64_t format_now_us(void);

#endif
