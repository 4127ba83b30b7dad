/* SPDX-License-Identifier: PostgreSQL */
/*
 * codec_promise.h - a promise_message to bytes and back, as strict as the codec of events: one
 * message has one encoding, and whatever is no message is an outcome. Never allocates.
 */
#ifndef PGBATON_CODEC_PROMISE_H
#define PGBATON_CODEC_PROMISE_H

#include "codec.h"
#include "promise.h"

/* Encodes message; returns the size, or 0 when it does not fit or is none (an invalid name, an enum
 * out of range). */
size_t promise_encode(const struct promise_message *message, uint8_t *buffer, size_t capacity);
/* Decodes into *ret_message, zeroed first, and zeroed when the answer is not CODEC_OK. CODEC_NEWER:
 * of a version above PROMISE_VERSION. */
enum codec_result promise_decode(const uint8_t *data, size_t size, struct codec_arena *arena,
                                 struct promise_message *ret_message);

#endif
