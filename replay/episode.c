/* SPDX-License-Identifier: PostgreSQL */
#include "episode.h"

#include "format.h"

#include "event_json.h"

#include <stdlib.h>
#include <string.h>

struct story *story_create(void)
{
    return calloc(1, sizeof(struct story));
}

void story_destroy(struct story *story)
{
    if (story == NULL) {
        return;
    }
    for (size_t i = 0; i < story->line_count; i++) {
        free(story->lines[i].text);
        json_decref(story->lines[i].json);
    }
    free(story->lines);
    free(story->episodes);
    free(story);
}

/* Room for one more; NULL when there is no memory, and the old array stands. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return array;
    }
    size_t wanted = *capacity == 0 ? 16 : *capacity * 2;
    void *grown = realloc(array, wanted * size);
    if (grown != NULL) {
        *capacity = wanted;
    }
    return grown;
}

/* ---- lines ---- */

static bool is_first_renewal(const struct folded *folded)
{
    return folded->entry->state.phase_seq == folded->event.seq;
}

static bool is_quiet_probe(const struct folded *folded)
{
    const struct event *e = &folded->event;
    const struct cluster *c = &folded->entry->state;
    int32_t i = cluster_find_node(c, e->writer);
    return e->body.probe.election_term == 0 && i >= 0 && c->nodes[i].state_seq != e->seq &&
           e->body.probe.failures == 0;
}

bool story_is_routine(const struct folded *folded)
{
    const struct event *e = &folded->event;
    if (!folded->outcome.effective) {
        return explain_severity(e, folded->outcome) == SEVERITY_DEBUG;
    }
    if (e->kind == EVENT_RENEW) {
        return !is_first_renewal(folded);
    }
    if (e->kind == EVENT_PROBE) {
        return is_quiet_probe(folded);
    }
    return e->kind == EVENT_PROGRESS || e->kind == EVENT_HEARTBEAT || e->kind == EVENT_SNAPSHOT;
}

static bool add_line(struct story *story, const struct folded *folded, bool with_json)
{
    struct line *lines =
            grow(story->lines, story->line_count, &story->line_capacity, sizeof *lines);
    char text[LINE_TEXT_SIZE];
    explain_event(&folded->entry->state, &folded->event, folded->outcome, text, sizeof text);
    format_clean(text);
    char *copy = strdup(text);
    if (lines == NULL || copy == NULL) {
        free(copy);
        return false;
    }
    story->lines = lines;
    const struct event *e = &folded->event;
    struct line *line = &lines[story->line_count];
    *line = (struct line){
            .seq = e->seq,
            .wall_us = folded->wall_us,
            .cause_seq = e->cause_seq,
            .severity = explain_severity(e, folded->outcome),
            .text = copy,
            .json = with_json ? event_json(folded) : NULL,
    };
    memcpy(line->writer, e->writer, sizeof line->writer);
    if (event_is_decision(e->kind)) {
        memcpy(line->rule, e->decision.rule, sizeof line->rule);
    }
    if (line->json != NULL) {
        event_json_set_text(line->json, "text", text);
    }
    story->line_count++;
    return true;
}

/* ---- changes of leadership ---- */

static bool add_episode(struct story *story, const struct folded *folded)
{
    struct episode *episodes =
            grow(story->episodes, story->episode_count, &story->episode_capacity, sizeof *episodes);
    if (episodes == NULL) {
        return false;
    }
    story->episodes = episodes;
    const struct event *e = &folded->event;
    struct episode *episode = &episodes[story->episode_count];
    *episode = (struct episode){
            .change = folded->entry->state.change,
            .cause_seq = e->cause_seq,
            .loss_bytes = e->body.grant.loss_bytes,
            .candidates = e->body.grant.candidates,
    };
    memcpy(episode->rule, e->decision.rule, sizeof episode->rule);
    story->episode_count++;
    return true;
}

static bool speaks_of(const struct episode *episode, const char *node)
{
    return episode->change.from[0] != '\0' && strcmp(episode->change.from, node) == 0;
}

static void follow_directive(struct episode *episode, const struct folded *folded)
{
    const struct event *e = &folded->event;
    if (speaks_of(episode, e->body.directive.node)) {
        episode->home.task = e->body.directive.task;
        episode->home.told_seq = e->seq;
        episode->home.told_wall_us = folded->wall_us;
        episode->home.rebuilt_wall_us = 0;
    }
}

static void follow_done(struct episode *episode, const struct folded *folded)
{
    const struct event *e = &folded->event;
    bool ends = episode->home.told_seq != 0 && e->body.task.task == episode->home.task;
    if (ends && speaks_of(episode, e->writer)) {
        episode->home.rebuilt_wall_us = folded->wall_us;
    }
}

/* A hello says that too, when the agent was restarted over a running standby. */
static void follow_probe(struct episode *episode, const struct folded *folded)
{
    const struct event *e = &folded->event;
    const struct probe *probe = e->kind == EVENT_HELLO ? &e->body.hello.probe : &e->body.probe;
    bool streams = probe->state == NODE_STANDBY && probe->streaming;
    if (streams && speaks_of(episode, e->writer) && episode->change.promoted_wall_us != 0) {
        episode->home.streaming_seq = e->seq;
        episode->home.streaming_wall_us = folded->wall_us;
    }
}

/* What this event adds to the last change of leadership. */
static void follow_home(struct episode *episode, const struct folded *folded)
{
    enum event_kind kind = folded->event.kind;
    if (episode->home.streaming_wall_us != 0) {
        return;
    }
    if (kind == EVENT_DIRECTIVE) {
        follow_directive(episode, folded);
    } else if (kind == EVENT_DONE) {
        follow_done(episode, folded);
    } else if (kind == EVENT_PROBE || kind == EVENT_HELLO) {
        follow_probe(episode, folded);
    }
}

static bool add_to_episodes(struct story *story, const struct folded *folded)
{
    if (!folded->outcome.effective) {
        return true;
    }
    if (folded->event.kind == EVENT_GRANT) {
        return add_episode(story, folded);
    }
    if (story->episode_count == 0) {
        return true;
    }
    struct episode *last = &story->episodes[story->episode_count - 1];
    last->change = folded->entry->state.change;
    follow_home(last, folded);
    return true;
}

bool story_add(struct story *story, const struct folded *folded, bool in_range, bool with_json)
{
    bool shown = in_range && !story_is_routine(folded);
    return (!shown || add_line(story, folded, with_json)) && add_to_episodes(story, folded);
}
