/* SPDX-License-Identifier: PostgreSQL */
/*
 * difference.h - two readers were handed different records with one sequence number: the log's
 * fault, or the servers'?
 */
#ifndef PGBATON_TEST_DIFFERENCE_H
#define PGBATON_TEST_DIFFERENCE_H

#include "bench.h"

/* The reader is handed content at seq, where another was handed another. Prints who read what,
 * when, and what each server holds there; fails unless both are held, each by some server. */
void difference_judge(struct bench *b, const struct reader *reader, uint64_t seq, uint32_t content);

#endif
