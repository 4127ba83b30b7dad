/* SPDX-License-Identifier: PostgreSQL */
/*
 * step_view.h - one record of a walk in lines: what it says, why, what came of it, and what it
 * changed.
 */
#ifndef PGBATON_REPLAY_STEP_VIEW_H
#define PGBATON_REPLAY_STEP_VIEW_H

#include "screen.h"
#include "walk.h"

struct step_line {
    enum screen_look look;
    char *text;
};

struct step_lines {
    struct step_line *list;
    size_t count;
    size_t capacity;
};

/* A line that is too long is broken between words, and goes on behind so many spaces. What has no
 * memory is left out. */
void step_lines_add(struct step_lines *lines, enum screen_look look, size_t indent,
                    const char *text);
void step_lines_free(struct step_lines *lines);
/* The record, its cause, its effect, and of a decision its rule and evidence. */
void step_view_record(struct walk *walk, size_t index, struct step_lines *lines);
/* What it changed, or, whole, the state after it. */
void step_view_state(struct walk *walk, size_t index, bool whole, struct step_lines *lines);
/* What is looked through for a text: the explanation and the names around it. */
#define STEP_TEXT_SIZE 1400
void step_view_text(struct walk *walk, size_t index, char ret_text[STEP_TEXT_SIZE]);

#endif
