/* SPDX-License-Identifier: PostgreSQL */
/*
 * screen.h - the whole terminal: keys in, pages out; and the terminal as it was before, however the
 * program ends.
 *
 * There is one. A signal that ends the program does so after the terminal is back; Ctrl-Z stops it
 * as it stops any program.
 */
#ifndef PGBATON_REPLAY_SCREEN_H
#define PGBATON_REPLAY_SCREEN_H

#include "../proto/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was pressed: a character below 256, or one of these. */
enum key {
    KEY_NONE = 256, /* nothing that is known */
    KEY_UP,
    KEY_DOWN,
    KEY_LEFT,
    KEY_RIGHT,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
    KEY_ESCAPE,
    KEY_RESIZE, /* the size has changed, or the page is lost: draw it again */
    KEY_GONE    /* the terminal is, or a signal asks to end */
};

enum screen_look {
    SCREEN_PLAIN = 0,
    SCREEN_BAR, /* across the whole width */
    SCREEN_BOLD,
    SCREEN_DIM,
    SCREEN_WARNING,
    SCREEN_ERROR,
    SCREEN_LOOK_COUNT
};

/* RESULT_INVALID: standard input and output are no terminal. */
MUST_USE enum result screen_begin(struct failure *reterr_failure);
/* Accepts that it never began. Ends the program if a signal asked for that. */
void screen_end(void);
uint32_t screen_rows(void);
uint32_t screen_columns(void);
/* Waits for a key. */
int screen_key(void);
/* A page: what is not written stays empty; what goes beyond it is cut. */
void screen_clear(void);
void screen_line(uint32_t row, enum screen_look look, const char *text);
void screen_show(void);

#endif
