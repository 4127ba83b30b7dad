/* SPDX-License-Identifier: PostgreSQL */
#include "describe.h"

#include "../proto/explain.h"
#include "../proto/standby.h"
#include "../proto/waiting.h"
#include "format.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COLUMN_COUNT 9
#define CELL_SIZE 160
#define TEXT_BYTES 1024

enum column {
    COLUMN_NODE = 0,
    COLUMN_ROLE,
    COLUMN_STATUS,
    COLUMN_TIMELINE,
    COLUMN_LSN,
    COLUMN_LAG,
    COLUMN_LEASE,
    COLUMN_ADDRESS,
    COLUMN_SINCE,
};

static const char *const headings[COLUMN_COUNT] = {
        [COLUMN_NODE] = "NODE",   [COLUMN_ROLE] = "ROLE",       [COLUMN_STATUS] = "STATUS",
        [COLUMN_TIMELINE] = "TL", [COLUMN_LSN] = "LSN",         [COLUMN_LAG] = "LAG",
        [COLUMN_LEASE] = "LEASE", [COLUMN_ADDRESS] = "ADDRESS", [COLUMN_SINCE] = "SINCE",
};

struct row {
    char cells[COLUMN_COUNT][CELL_SIZE];
};

static void set_cell(struct row *row, enum column column, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void set_cell(struct row *row, enum column column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(row->cells[column], CELL_SIZE, format, arguments);
    va_end(arguments);
    format_clean(row->cells[column]);
}

/* ---- what both outputs say of a node ---- */

bool describe_is_standby(const struct view *view, int32_t i)
{
    const char *role = explain_node_role(&view->state, i, view->heard[i]);
    return strcmp(role, "secondary") == 0 || strcmp(role, "standby_leader") == 0;
}

/* Of a standby cluster's leader: how far it is behind what the remote has said last. */
static bool remote_lag(const struct view *view, int32_t i, uint64_t *ret_bytes)
{
    uint64_t lsn = view->state.nodes[i].position.lsn;
    uint64_t source_lsn = view->source_lsns[i];
    *ret_bytes = source_lsn > lsn ? source_lsn - lsn : 0;
    return standby_is_on(&view->state) && source_lsn != 0;
}

bool describe_lag(const struct view *view, int32_t i, uint64_t *ret_bytes)
{
    const struct cluster *c = &view->state;
    const struct node *n = &c->nodes[i];
    int32_t holder = cluster_holder(c);
    if (holder == i && remote_lag(view, i, ret_bytes)) {
        return true;
    }
    if (n->position.lsn == 0 || holder == LEADER_NONE || holder == i) {
        return false;
    }
    uint64_t leader_lsn = c->lease.position.lsn;
    if (c->nodes[holder].position.lsn > leader_lsn) {
        leader_lsn = c->nodes[holder].position.lsn;
    }
    *ret_bytes = leader_lsn > n->position.lsn ? leader_lsn - n->position.lsn : 0;
    return leader_lsn != 0;
}

/* Nothing to say of a node that does what is asked of it. */
static bool is_well(const struct view *view, int32_t i)
{
    const struct node *n = &view->state.nodes[i];
    const char *status = explain_node_status(&view->state, i, view->heard[i]);
    bool leads = cluster_holder(&view->state) == i;
    bool runs = leads && strcmp(status, "running") == 0 && !standby_is_on(&view->state);
    bool right = strcmp(status, "streaming") == 0 || runs;
    return right && n->failures == 0 && n->reason == REASON_NONE && n->asked_seq == 0;
}

static size_t add(char *buffer, size_t size, size_t used, const char *text)
{
    int written = snprintf(buffer + used, size - used, "%s%s", used > 0 ? "; " : "", text);
    size_t wanted = used + (written > 0 ? (size_t)written : 0);
    return wanted < size ? wanted : size - 1;
}

static size_t add_heard(const struct view *view, int32_t i, char *buffer, size_t size)
{
    char text[96];
    if (view->state.nodes[i].departed) {
        return add(buffer, size, 0, "its agent was stopped in order");
    }
    if (view->heard[i]) {
        return 0;
    }
    snprintf(text, sizeof text, "its agent gave no answer in %d ms", VIEW_ANSWER_MS);
    return add(buffer, size, 0, text);
}

static size_t add_duties(const struct node *n, char *buffer, size_t size, size_t used)
{
    char text[TEXT_SIZE + 96];
    if (explain_rebuild(n, text, sizeof text) > 0) {
        used = add(buffer, size, used, text);
    }
    if (n->failed_task == TASK_RESTART) {
        snprintf(text, sizeof text, "the restart that was asked for failed: %s", n->failed_text);
        used = add(buffer, size, used, text);
    } else if (n->failed_task != TASK_NONE) {
        snprintf(text, sizeof text, "%s failed %" PRIu32 " times: %s", task_name(n->failed_task),
                 n->rebuild_failures, n->failed_text);
        used = add(buffer, size, used, text);
    }
    return used;
}

/* When it may be told again only a monitor knows. */
static size_t add_limit(const struct cluster *c, int32_t i, char *buffer, size_t size, size_t used)
{
    const struct bucket_size limit = cluster_rebuild_size(c);
    char window[FORMAT_TIME_SIZE];
    char text[128];
    if (c->nodes[i].rebuild_task != TASK_NONE || cluster_rebuild_ripe_ms(c, i) == 0) {
        return used;
    }
    format_age((uint64_t)limit.window_ms * 1000, window);
    snprintf(text, sizeof text, "rebuild_limit (%" PRIu32 " in %s) may hold the next rebuild back",
             limit.limit, window);
    return add(buffer, size, used, text);
}

static size_t add_settings(const struct settings_note *note, char *buffer, size_t size, size_t used)
{
    char text[SETTINGS_NAMES_SIZE + 64];
    if (note->pending_restart) {
        bool named = note->pending[0] != '\0';
        snprintf(text, sizeof text, "a restart is pending%s%s%s", named ? " (" : "", note->pending,
                 named ? ")" : "");
        used = add(buffer, size, used, text);
    }
    if (note->refused[0] != '\0') {
        snprintf(text, sizeof text, "PostgreSQL does not take %s", note->refused);
        used = add(buffer, size, used, text);
    }
    return used;
}

size_t describe_settings(const struct settings_note *note, char *buffer, size_t size)
{
    buffer[0] = '\0';
    size_t used = add_settings(note, buffer, size, 0);
    format_clean(buffer);
    return used;
}

size_t describe_node_reason(const struct view *view, int32_t i, char *buffer, size_t size)
{
    const struct node *n = &view->state.nodes[i];
    buffer[0] = '\0';
    if (is_well(view, i)) {
        return add_settings(&view->settings[i], buffer, size, 0);
    }
    size_t used = add_heard(view, i, buffer, size);
    if (n->reason != REASON_NONE) {
        used = add(buffer, size, used, reason_text(n->reason));
    }
    used = add_duties(n, buffer, size, used);
    used = add_limit(&view->state, i, buffer, size, used);
    if (n->failures > 0) {
        char text[64];
        snprintf(text, sizeof text, "%" PRIu32 " probes failed in a row", n->failures);
        used = add(buffer, size, used, text);
    }
    bool leads = cluster_holder(&view->state) == i;
    if (n->state == NODE_STANDBY && !n->streaming && (!leads || standby_is_on(&view->state))) {
        used = add(buffer, size, used,
                   leads ? "does not stream from the remote cluster"
                         : "does not stream from the leader");
    }
    used = add_settings(&view->settings[i], buffer, size, used);
    format_clean(buffer);
    return used;
}

/* ---- the table ---- */

static void fill_lease(const struct view *view, int32_t i, struct row *row)
{
    const struct cluster *c = &view->state;
    if (cluster_holder(c) != i || !c->lease.renewed || standby_is_on(c)) {
        set_cell(row, COLUMN_LEASE, "-");
        return;
    }
    if (c->lease.lifted) {
        set_cell(row, COLUMN_LEASE, "lifted");
        return;
    }
    uint64_t end_us = c->lease.renewal_wall_us + (uint64_t)c->lease.ttl_ms * 1000;
    uint64_t left_ms = end_us > view->now_us ? (end_us - view->now_us) / 1000 : 0;
    set_cell(row, COLUMN_LEASE, "%" PRIu64 ".%" PRIu64 " s", left_ms / 1000, left_ms % 1000 / 100);
}

static void fill_lag(const struct view *view, int32_t i, struct row *row)
{
    uint64_t lag_bytes = 0;
    char text[FORMAT_TIME_SIZE];
    if (describe_is_standby(view, i) && describe_lag(view, i, &lag_bytes)) {
        format_bytes(lag_bytes, text);
        set_cell(row, COLUMN_LAG, "%s", text);
    } else {
        set_cell(row, COLUMN_LAG, "-");
    }
}

static void fill_position(const struct node *n, struct row *row)
{
    char lsn[18];
    explain_lsn(n->position.lsn, lsn);
    if (n->position.lsn == 0) {
        set_cell(row, COLUMN_TIMELINE, "-");
        set_cell(row, COLUMN_LSN, "-");
    } else {
        set_cell(row, COLUMN_TIMELINE, "%2" PRIu32, n->position.timeline);
        set_cell(row, COLUMN_LSN, "%s", lsn);
    }
}

static void fill_since(const struct view *view, const struct node *n, struct row *row)
{
    char age[FORMAT_TIME_SIZE];
    uint64_t since_us = n->state_wall_us;
    format_age(view->now_us > since_us ? view->now_us - since_us : 0, age);
    set_cell(row, COLUMN_SINCE, "%s", since_us != 0 ? age : "-");
}

static void fill_row(const struct view *view, int32_t i, struct row *row)
{
    const struct node *n = &view->state.nodes[i];
    set_cell(row, COLUMN_NODE, "%s", n->name);
    const char *role = explain_node_role(&view->state, i, view->heard[i]);
    bool leads_standbys = strcmp(role, "standby_leader") == 0;
    set_cell(row, COLUMN_ROLE, "%s", leads_standbys ? "standby leader" : role);
    set_cell(row, COLUMN_STATUS, "%s", explain_node_status(&view->state, i, view->heard[i]));
    set_cell(row, COLUMN_ADDRESS, "%s:%u", n->host, (unsigned)n->port);
    fill_position(n, row);
    fill_lag(view, i, row);
    fill_lease(view, i, row);
    fill_since(view, n, row);
}

static void print_row(const struct row *row, const size_t widths[COLUMN_COUNT])
{
    for (size_t column = 0; column + 1 < COLUMN_COUNT; column++) {
        printf("%-*s  ", (int)widths[column], row->cells[column]);
    }
    printf("%s\n", row->cells[COLUMN_COUNT - 1]);
}

static void print_table(const struct view *view)
{
    struct row rows[NODE_COUNT_MAX + 1];
    size_t widths[COLUMN_COUNT] = {0};
    uint32_t count = view->shown_count + 1;
    for (uint32_t column = 0; column < COLUMN_COUNT; column++) {
        set_cell(&rows[0], (enum column)column, "%s", headings[column]);
    }
    for (uint32_t r = 1; r < count; r++) {
        fill_row(view, view->order[r - 1], &rows[r]);
    }
    for (uint32_t k = 0; k < count * COLUMN_COUNT; k++) {
        size_t length = strlen(rows[k / COLUMN_COUNT].cells[k % COLUMN_COUNT]);
        if (length > widths[k % COLUMN_COUNT]) {
            widths[k % COLUMN_COUNT] = length;
        }
    }
    for (uint32_t r = 0; r < count; r++) {
        print_row(&rows[r], widths);
    }
}

static void print_reasons(const struct view *view)
{
    char text[TEXT_BYTES];
    for (uint32_t k = 0; k < view->shown_count; k++) {
        int32_t i = view->order[k];
        if (describe_node_reason(view, i, text, sizeof text) > 0) {
            printf("%s: %s\n", view->state.nodes[i].name, text);
        }
    }
}

static void print_header(const struct cluster *c)
{
    const char *status = explain_status(c);
    int32_t holder = cluster_holder(c);
    char first = (char)(status[0] - 'a' + 'A');
    printf("Cluster %s · %c%s · term %" PRIu64 " · leader %s · policy %s\n", c->name, first,
           status + 1, c->term, holder == LEADER_NONE ? "none" : c->nodes[holder].name,
           switch_policy_name(c->config.switch_policy));
}

static void print_change(const struct view *view)
{
    const struct change *change = &view->state.change;
    char text[TEXT_BYTES];
    char age[FORMAT_TIME_SIZE];
    if (explain_change(change, text, sizeof text) == 0) {
        return;
    }
    uint64_t at_us = change->granted_wall_us;
    format_age(view->now_us > at_us ? view->now_us - at_us : 0, age);
    printf("Last change: term %" PRIu64 ", %s ago: %s\n", change->term, age, text);
}

static void print_restart(const struct view *view)
{
    char text[TEXT_BYTES];
    char age[FORMAT_TIME_SIZE];
    if (explain_restart(&view->state, text, sizeof text) == 0) {
        return;
    }
    uint64_t at_us = view->state.restart.writable_wall_us;
    format_age(view->now_us > at_us ? view->now_us - at_us : 0, age);
    printf("Last restart: %s ago: %s\n", age, text);
}

static void print_status(const struct cluster *c)
{
    char text[TEXT_BYTES];
    if (waiting_explain(c, text, sizeof text) > 0) {
        printf("Status: %s: %s\n", explain_status(c), text);
    }
}

/* Which of the remote's hosts the leader streams from, it says itself. */
static void print_remote(const struct view *view)
{
    const struct cluster *c = &view->state;
    const struct standby_cluster *standby = &c->config.standby;
    int32_t holder = cluster_holder(c);
    if (!standby_is_on(c)) {
        return;
    }
    printf("Standby cluster of %s port %u", standby->host, (unsigned)standby->port);
    if (standby->primary_slot[0] != '\0') {
        printf(", slot %s", standby->primary_slot);
    }
    if (holder != LEADER_NONE && view->source_hosts[holder][0] != '\0') {
        printf("; %s streams from %s", c->nodes[holder].name, view->source_hosts[holder]);
    }
    printf("; pgbaton promote lets it accept writes\n");
}

static void print_sync(const struct cluster *c)
{
    char text[TEXT_BYTES];
    if (!standby_is_on(c) && explain_sync(c, text, sizeof text) > 0) {
        printf("Synchronous: %s\n", text);
    }
}

/* While nobody leads the reason for that says the same. */
static void print_lost(const struct cluster *c)
{
    char text[TEXT_BYTES];
    if (cluster_holder(c) != LEADER_NONE && waiting_explain_lost(c, text, sizeof text) > 0) {
        printf("Log: %s\n", text);
    }
}

static void print_licence(const struct cluster *c)
{
    char text[256];
    if (explain_licence(c, text, sizeof text) > 0) {
        printf("Restart %s\n", text);
    }
}

static void print_pause(const struct cluster *c)
{
    char text[TEXT_BYTES];
    if (explain_pause(c, text, sizeof text) > 0) {
        printf("Paused %s\n", text);
    }
}

static void print_request(const struct cluster *c)
{
    char text[TEXT_BYTES];
    if (explain_pending(c, text, sizeof text) > 0) {
        printf("Request: %s\n", text);
    } else if (c->closed.seq > c->change.seq && explain_closed(c, text, sizeof text) > 0) {
        printf("Last request: %s\n", text);
    }
}

static void print_parameters(const struct view *view)
{
    const struct parameters *p = &view->state.parameters;
    for (uint32_t k = 0; k < view->shown_count; k++) {
        const struct node *n = &view->state.nodes[view->order[k]];
        bool runs = !n->departed && (n->state == NODE_PRIMARY || n->state == NODE_STANDBY);
        if (runs && view->settings[view->order[k]].parameters_seq != p->seq) {
            printf("%s: has not read the parameters of sequence %" PRIu64 " yet\n", n->name,
                   p->seq);
        }
    }
}

void describe_head(const struct view *view)
{
    print_header(&view->state);
    print_status(&view->state);
    print_remote(view);
    print_sync(&view->state);
    print_lost(&view->state);
    print_pause(&view->state);
    print_licence(&view->state);
    print_request(&view->state);
}

void describe_text(const struct view *view)
{
    describe_head(view);
    print_table(view);
    print_reasons(view);
    print_parameters(view);
    print_change(view);
    print_restart(view);
}
