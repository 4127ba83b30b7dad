/* SPDX-License-Identifier: PostgreSQL */
/* A request on its way: appended, read back, and followed until it has ended. */
#include "../proto/codec.h"
#include "../proto/explain.h"
#include "../proto/standby.h"
#include "../proto/subject.h"
#include "../replay/episode.h"
#include "../replay/event_json.h"
#include "../replay/format.h"
#include "../replay/history.h"
#include "config.h"
#include "rebuild.h"
#include "restart_watch.h"
#include "switchover.h"

#include <ctype.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Each stage has a limit that a monitor keeps (switchover.h); without monitors this one ends the
 * waiting. */
#define WAIT_MS 300000
/* An order is one decision of a monitor. */
#define ORDER_MS 10000
#define TEXT_BYTES 1024

enum progress { GOES_ON = 0, ENDED_WELL, ENDED_BADLY };

struct errand {
    const struct options *options;
    struct cluster_set *set;
    struct reader *reader;
    struct event event;  /* the request; its seq is 0 until it was read back */
    bool shows;          /* from here on what is read is shown */
    bool ordered;        /* it was carried out (order.h) */
    uint32_t heard_mask; /* the nodes that answered before it was sent */
    uint64_t sent_ms;
    uint64_t until_ms;            /* of the present wait */
    struct rebuild_watch rebuild; /* of a rebuild */
    struct restart_watch restart; /* of a restart */
    char check[TEXT_SIZE];        /* why the leader's PostgreSQL does not take parameters */
    char trouble[TEXT_BYTES];
};

/* ---- the request ---- */

/* "root@DB1.example" becomes "root-db1-example". */
static void name_operator(char ret_name[NAME_SIZE])
{
    char host[HOST_SIZE] = "";
    char text[HOST_SIZE + NAME_SIZE];
    const struct passwd *user = getpwuid(geteuid());
    (void)gethostname(host, sizeof host - 1);
    (void)snprintf(text, sizeof text, "%.40s-%s", user != NULL ? user->pw_name : "operator", host);
    size_t length = 0;
    for (size_t i = 0; text[i] != '\0' && length + 1 < NAME_SIZE; i++) {
        char letter = (char)tolower((unsigned char)text[i]);
        bool fits = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
        if (fits || length > 0) {
            ret_name[length++] = fits ? letter : '-';
        }
    }
    ret_name[length] = '\0';
    if (length == 0) {
        (void)snprintf(ret_name, NAME_SIZE, "operator");
    }
}

static void make_event(struct errand *errand, const struct view *view, enum request_kind kind)
{
    struct event *e = &errand->event;
    const struct options *options = errand->options;
    e->version = SCHEMA_VERSION;
    e->kind = EVENT_REQUEST;
    memcpy(e->cluster, view->state.name, sizeof e->cluster);
    name_operator(e->writer);
    e->incarnation = format_now_us();
    e->counter = 1;
    e->wall_us = e->incarnation;
    e->body.request.kind = kind;
    e->body.request.term = view->state.term;
    e->body.request.seen_seq = view->state.last_seq;
    e->body.request.accept_loss = options->accept_loss;
    e->body.request.task = (enum task)options->method;
    e->body.request.at_us = options->at_us;
    e->body.request.cancels_seq = kind == REQUEST_CANCEL ? view->state.pending.request_seq : 0;
    e->body.request.leader_stopped = options->leader_stopped;
    if (kind == REQUEST_CONFIG) {
        (void)config_change_of(options, &e->body.request.change);
        e->body.request.unchecked = options->force;
    }
    if (options->to_node != NULL) {
        (void)snprintf(e->body.request.node, NAME_SIZE, "%s", options->to_node);
    }
}

/* The same bytes again and again, until they are read back: a second copy has no effect. */
static void send(struct errand *errand)
{
    uint8_t bytes[EVENT_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    char id[NAME_SIZE + 24];
    size_t size = codec_encode(&errand->event, bytes, sizeof bytes);
    (void)snprintf(id, sizeof id, "%s-%" PRIu64, errand->event.writer, errand->event.incarnation);
    if (size > 0 && subject_of_event(&errand->event, subject)) {
        (void)!log_append(reader_log(errand->reader), subject, bytes, size, id);
    }
    errand->sent_ms = reader_now_ms();
}

/* ---- what is read ---- */

static const struct cluster *state_of(const struct errand *errand)
{
    return &cluster_set_find(errand->set, errand->event.cluster)->state;
}

static void show(struct errand *errand, const struct folded *folded)
{
    char time[FORMAT_TIME_SIZE];
    char text[TEXT_BYTES];
    if (errand->options->json || !errand->shows || story_is_routine(folded)) {
        return;
    }
    explain_event(&folded->entry->state, &folded->event, folded->outcome, text, sizeof text);
    format_clean(text);
    format_local(folded->wall_us, time);
    rebuild_hide(&errand->rebuild);
    printf("%s %6" PRIu64 " %s\n", time, folded->event.seq, text);
    fflush(stdout);
}

static bool is_ours(const struct errand *errand, const struct event *e)
{
    return e->kind == EVENT_REQUEST && strcmp(e->writer, errand->event.writer) == 0 &&
           e->incarnation == errand->event.incarnation && e->counter == errand->event.counter;
}

static enum progress take_own(struct errand *errand, const struct folded *folded)
{
    errand->event.seq = folded->event.seq;
    errand->shows = true;
    if (!folded->outcome.effective) {
        (void)snprintf(errand->trouble, sizeof errand->trouble, "the request has no effect: %s",
                       void_reason_text(folded->outcome.void_reason));
        return ENDED_BADLY;
    }
    bool waits = errand->options->wait || request_is_ordered(folded->event.body.request.kind);
    return waits ? GOES_ON : ENDED_WELL;
}

static bool old_leader_streams(const struct cluster *c)
{
    int32_t i = cluster_find_node(c, c->change.from);
    bool gone = i < 0 || c->nodes[i].departed;
    return gone || (c->nodes[i].state == NODE_STANDBY && c->nodes[i].streaming &&
                    c->nodes[i].state_seq > c->change.seq);
}

/* After the grant: until the new leader writes and, after a switchover, the old one streams. */
static enum progress look_at_new_leader(struct errand *errand, const struct cluster *c)
{
    const struct request *r = &errand->event.body.request;
    if (c->term > r->term + 1 || (c->term == r->term + 1 && cluster_holder(c) == LEADER_NONE)) {
        (void)snprintf(errand->trouble, sizeof errand->trouble,
                       "%s was granted term %" PRIu64 ", and that has ended", c->closed.node,
                       r->term + 1);
        return ENDED_BADLY;
    }
    bool back = r->kind == REQUEST_FAILOVER || old_leader_streams(c);
    return standby_serves(c) && back ? ENDED_WELL : GOES_ON;
}

/* A copy takes as long as it takes: the wait begins anew with each word of its node. */
static enum progress look_at_rebuild(struct errand *errand, const struct folded *folded)
{
    static const enum progress ends[] = {
            [REBUILD_GOES_ON] = GOES_ON,
            [REBUILD_STREAMS] = ENDED_WELL,
            [REBUILD_FAILED] = ENDED_BADLY,
    };
    const char *node = errand->event.body.request.node;
    errand->rebuild.request_seq = errand->event.seq;
    if (errand->shows && !errand->options->json) {
        rebuild_show(&errand->rebuild, folded, node);
    }
    if (strcmp(folded->event.writer, node) == 0) {
        errand->until_ms = reader_now_ms() + WAIT_MS;
    }
    return ends[rebuild_look(&errand->rebuild, folded, node, errand->trouble,
                             sizeof errand->trouble)];
}

/* What was ordered has come about. */
static bool has_effect(const struct errand *errand, const struct cluster *c)
{
    bool led = cluster_holder(c) != LEADER_NONE;
    enum request_kind kind = errand->event.body.request.kind;
    if (kind == REQUEST_REMOVE || kind == REQUEST_RELOAD || kind == REQUEST_RECOVER) {
        return true;
    }
    if (kind == REQUEST_PROMOTE) {
        return c->writable;
    }
    if (kind == REQUEST_CONFIG) {
        return config_is_read(c, errand->heard_mask);
    }
    bool lifts = led && !standby_is_on(c);
    return kind == REQUEST_PAUSE ? !lifts || c->lease.lifted : !c->lease.lifted;
}

static enum progress look_at_restart(struct errand *errand, const struct folded *folded)
{
    static const enum progress ends[] = {
            [RESTART_IS_GOING] = GOES_ON,
            [RESTART_IS_BACK] = ENDED_WELL,
            [RESTART_HAS_FAILED] = ENDED_BADLY,
    };
    const char *node = errand->event.body.request.node;
    if (strcmp(folded->event.writer, node) == 0) {
        errand->until_ms = reader_now_ms() + WAIT_MS; /* a checkpoint takes as long as it takes */
    }
    return ends[restart_look(&errand->restart, folded, node, errand->trouble,
                             sizeof errand->trouble)];
}

static enum progress look_at_order(struct errand *errand, const struct folded *folded)
{
    const struct cluster *c = state_of(errand);
    bool answered = c->answered.request_seq == errand->event.seq;
    if (answered && c->answered.reason != REASON_NONE) {
        size_t used = explain_answered(c, errand->trouble, sizeof errand->trouble);
        (void)snprintf(errand->trouble + used, sizeof errand->trouble - used, "%s%s",
                       errand->check[0] != '\0' ? ": " : "", errand->check);
        return ENDED_BADLY;
    }
    errand->ordered = errand->ordered || answered;
    bool restarts = errand->event.body.request.kind == REQUEST_RESTART;
    if (errand->ordered && restarts && errand->options->wait) {
        return look_at_restart(errand, folded);
    }
    bool done = errand->ordered && (!errand->options->wait || has_effect(errand, c));
    return done ? ENDED_WELL : GOES_ON;
}

static enum progress look(struct errand *errand, const struct folded *folded)
{
    if (errand->event.seq == 0) {
        return GOES_ON;
    }
    if (errand->event.body.request.kind == REQUEST_REBUILD) {
        return look_at_rebuild(errand, folded);
    }
    const struct cluster *c = state_of(errand);
    if (request_is_ordered(errand->event.body.request.kind)) {
        return look_at_order(errand, folded);
    }
    if (c->closed.request_seq != errand->event.seq) {
        return GOES_ON;
    }
    if (c->closed.reason == REASON_NONE) {
        return look_at_new_leader(errand, c);
    }
    (void)explain_closed(c, errand->trouble, sizeof errand->trouble);
    return ENDED_BADLY;
}

static void take_check(struct errand *errand, const struct folded *folded)
{
    const struct event *e = &folded->event;
    bool failed = e->kind == EVENT_FAILED && e->body.task.task == TASK_CONFIG;
    if (failed && errand->event.seq != 0 && e->body.task.directive_seq == errand->event.seq) {
        memcpy(errand->check, e->body.task.text, sizeof errand->check);
        format_clean(errand->check);
    }
}

static enum progress take_record(struct errand *errand, const struct log_notice *notice)
{
    struct folded folded;
    if (!cluster_set_fold(errand->set, notice, &folded)) {
        return GOES_ON;
    }
    enum progress progress = GOES_ON;
    if (errand->event.seq == 0 && is_ours(errand, &folded.event)) {
        progress = take_own(errand, &folded);
    }
    take_check(errand, &folded);
    show(errand, &folded);
    return progress != GOES_ON ? progress : look(errand, &folded);
}

/* ---- waiting ---- */

static uint64_t limit_ms(const struct errand *errand)
{
    return errand->options->wait ? WAIT_MS : ORDER_MS;
}

static enum progress give_up(struct errand *errand)
{
    char pending[TEXT_BYTES] = "";
    if (errand->event.seq == 0) {
        (void)snprintf(errand->trouble, sizeof errand->trouble,
                       "the request was not read back from the log: it may still arrive");
        return ENDED_BADLY;
    }
    if (request_is_ordered(errand->event.body.request.kind) && !errand->ordered) {
        (void)snprintf(errand->trouble, sizeof errand->trouble,
                       "asked for, sequence %" PRIu64 ", and no monitor has decided in %" PRIu64
                       " s: does one run?",
                       errand->event.seq, limit_ms(errand) / 1000);
        return ENDED_BADLY;
    }
    (void)explain_pending(state_of(errand), pending, sizeof pending);
    (void)snprintf(errand->trouble, sizeof errand->trouble, "not done yet, and waited %d s%s%.700s",
                   WAIT_MS / 1000, pending[0] != '\0' ? ": " : "", pending);
    return ENDED_BADLY;
}

static uint64_t ahead_ms(const struct errand *errand)
{
    uint64_t at_us = errand->options->at_us;
    uint64_t now_us = format_now_us();
    return at_us > now_us ? (at_us - now_us) / 1000 : 0;
}

static enum progress take_time(struct errand *errand, bool caught_up)
{
    uint64_t now_ms = reader_now_ms();
    if (errand->event.seq == 0 && caught_up && now_ms >= errand->sent_ms + RESEND_MS) {
        send(errand);
    }
    if (errand->event.seq != 0 && errand->until_ms == 0) {
        errand->until_ms = now_ms + limit_ms(errand) + ahead_ms(errand);
    }
    return errand->until_ms != 0 && now_ms >= errand->until_ms ? give_up(errand) : GOES_ON;
}

static enum progress follow(struct errand *errand, struct failure *failure)
{
    bool caught_up = false;
    uint64_t unread_until_ms = reader_now_ms() + 2 * errand->options->timeout_ms;
    enum progress progress = GOES_ON;
    while (progress == GOES_ON) {
        struct log_notice notice;
        enum reader_answer answer = reader_next(errand->reader, RESEND_MS / 5, &notice, failure);
        if (answer == READER_LOST) {
            (void)snprintf(errand->trouble, sizeof errand->trouble,
                           "%s; whether the request stands is not known: describe and tail show "
                           "it, if not, ask again",
                           failure->text);
            return ENDED_BADLY;
        }
        if (answer == READER_FAILED || answer == READER_END) {
            (void)snprintf(errand->trouble, sizeof errand->trouble, "%s", failure->text);
            return ENDED_BADLY;
        }
        caught_up = caught_up || answer == READER_CAUGHT_UP;
        progress = answer == READER_RECORD ? take_record(errand, &notice) : GOES_ON;
        if (progress == GOES_ON) {
            progress = take_time(errand, caught_up);
        }
        if (progress == GOES_ON && errand->event.seq == 0 && reader_now_ms() >= unread_until_ms) {
            progress = give_up(errand);
        }
    }
    return progress;
}

/* ---- the end ---- */

static const char *outcome_name(const struct errand *errand, enum progress progress)
{
    if (progress == ENDED_WELL) {
        bool ends = errand->ordered && errand->event.body.request.kind != REQUEST_RESTART;
        bool done = errand->options->wait || errand->options->cancel || ends;
        return done ? "done" : errand->options->at_us != 0 ? "scheduled" : "asked";
    }
    return errand->event.seq == 0 ? "unknown" : "failed";
}

static void end_json(const struct errand *errand, enum progress progress)
{
    const struct cluster *c = state_of(errand);
    json_t *object = json_object();
    event_json_set_text(object, "cluster", errand->event.cluster);
    event_json_set_text(object, "request", request_kind_name(errand->event.body.request.kind));
    event_json_set_u64(object, "request_seq", errand->event.seq);
    if (errand->event.body.request.node[0] != '\0') {
        event_json_set_text(object, "node", errand->event.body.request.node);
    }
    event_json_set_u64(object, "term", c->term);
    if (errand->options->at_us != 0) {
        event_json_set_time(object, "scheduled_for", errand->options->at_us);
    }
    int32_t holder = cluster_holder(c);
    json_object_set_new(object, "leader",
                        holder != LEADER_NONE ? json_string(c->nodes[holder].name) : json_null());
    event_json_set_text(object, "outcome", outcome_name(errand, progress));
    if (progress != ENDED_WELL) {
        event_json_set_text(object, "reason", errand->trouble);
    }
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

static void print_asked(const struct errand *errand)
{
    char pending[TEXT_BYTES];
    uint64_t seq = errand->event.seq;
    if (errand->options->cancel) {
        printf("Taken back, sequence %" PRIu64 "\n", seq);
    } else if (errand->options->at_us != 0) {
        (void)explain_pending(state_of(errand), pending, sizeof pending);
        printf("Asked for, sequence %" PRIu64 ": %s\npgbaton switchover --cancel takes it back\n",
               seq, pending);
    } else {
        printf("Asked for, sequence %" PRIu64
               "; --wait, describe and tail show what becomes of it\n",
               seq);
    }
}

static void print_restart(const struct errand *errand)
{
    const char *node = errand->event.body.request.node;
    if (errand->options->wait) {
        printf("Done: PostgreSQL of %s is restarted\n", node);
    } else {
        printf("%s is told to, sequence %" PRIu64
               "; --wait, describe and tail show what becomes of it\n",
               node, errand->event.seq);
    }
}

static int end(struct errand *errand, enum progress progress)
{
    char change[TEXT_BYTES];
    rebuild_hide(&errand->rebuild);
    if (progress == ENDED_BADLY) {
        fprintf(stderr, "pgbaton: %s\n", errand->trouble);
    }
    if (errand->options->json && errand->set->count > 0) {
        end_json(errand, progress);
    } else if (progress == ENDED_WELL && errand->options->wait &&
               errand->event.body.request.kind == REQUEST_REBUILD) {
        printf("Done: %s streams\n", errand->event.body.request.node);
    } else if (progress == ENDED_WELL && errand->event.body.request.kind == REQUEST_RESTART) {
        print_restart(errand);
    } else if (progress == ENDED_WELL && errand->ordered) {
        printf("Done.\n");
        config_print_pending(errand->event.body.request.kind, state_of(errand));
    } else if (progress == ENDED_WELL && errand->options->wait) {
        explain_change(&state_of(errand)->change, change, sizeof change);
        printf("Done: %s\n", change);
    } else if (progress == ENDED_WELL) {
        print_asked(errand);
    }
    return progress == ENDED_WELL ? EXIT_DONE : EXIT_NONE;
}

int request_carry_out(const struct options *options, const struct view *view,
                      enum request_kind kind)
{
    struct failure failure = {0};
    struct errand errand = {.options = options, .set = cluster_set_create()};
    struct options source = *options;
    source.cluster = view->state.name;
    if (errand.set == NULL) {
        return EXIT_NONE;
    }
    make_event(&errand, view, kind);
    for (uint32_t i = 0; i < view->state.node_count; i++) {
        errand.heard_mask |= view->heard[i] ? UINT32_C(1) << i : 0;
    }
    int code = EXIT_NONE;
    if (history_open(&source, HISTORY_NEWEST, true, &errand.reader, &failure) == RESULT_OK) {
        code = end(&errand, follow(&errand, &failure));
    } else {
        history_fail(&failure);
    }
    reader_close(errand.reader);
    cluster_set_destroy(errand.set);
    return code;
}
