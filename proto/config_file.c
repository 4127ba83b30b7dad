/* SPDX-License-Identifier: PostgreSQL */
#include "config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* A configuration is a few dozen lines; whatever is larger is another file. */
#define FILE_BYTES_MAX 65536
#define KEY_BYTES_MAX 64
#define MESSAGE_BYTES_MAX 256

const cyaml_strval_t config_bool_words[CONFIG_BOOL_WORD_COUNT] = {
        {"false", 0}, {"true", 1}, {"no", 0}, {"yes", 1}, {"off", 0}, {"on", 1},
};

/* What is read, and what libcyaml says about it. */
struct loading {
    const char *path;
    const char *const *keys;
    char *text;
    size_t size;
    char message[MESSAGE_BYTES_MAX]; /* its first message */
    char key[KEY_BYTES_MAX];         /* of the innermost mapping field in its backtrace, or empty */
    unsigned int line;               /* of the innermost place in its backtrace; 0 for none */
};

/* What a person writes instead, by the beginning of libcyaml's message; the first match counts. */
static const struct {
    const char *message;
    const char *hint;
} hints[] = {
        {"Invalid UINT", "write a whole number, 0 or more"},
        {"Invalid uint64_t", "write a whole number, 0 or more"},
        {"Invalid INT", "write a whole number"},
        {"Invalid int64_t", "write a whole number"},
        {"Invalid ENUM", "write one of the words that this key takes, such as true and false"},
        {"Expecting MAPPING", "write indented lines of 'key: value' here"},
        {"Expecting SEQUENCE", "write a list here, such as [a, b]"},
        {"Expecting", "write a single value here"},
        {"STRING length >", "write a shorter text"},
        {"STRING length <", "write a longer text"},
        {"Missing required", "add this key; it has no default"},
        {"Mapping field already seen", "remove one of the two lines"},
};

static enum result read_file(struct loading *loading, struct failure *reterr_failure)
{
    FILE *file = fopen(loading->path, "re");
    int error;

    if (file == NULL) {
        error = errno;
        (void)failure_errno(reterr_failure, error, "open %s", loading->path);
        (void)failure_hint(reterr_failure, "check the path, and who may read it");
        return RESULT_FAILED;
    }
    loading->size = fread(loading->text, 1, FILE_BYTES_MAX + 1, file);
    error = ferror(file) ? errno : 0;
    (void)fclose(file);
    if (error != 0) {
        return failure_errno(reterr_failure, error, "read %s", loading->path);
    }
    if (loading->size > FILE_BYTES_MAX) {
        return failure_set(reterr_failure, RESULT_INVALID, "%s: larger than %d bytes",
                           loading->path, FILE_BYTES_MAX);
    }
    loading->text[loading->size] = '\0';
    return RESULT_OK;
}

/* libcyaml does not say where something is not YAML; libyaml does. */
static enum result check_syntax(const struct loading *loading, struct failure *reterr_failure)
{
    yaml_parser_t parser;
    yaml_event_t event;
    bool is_last = false;
    enum result result = RESULT_OK;

    if (!yaml_parser_initialize(&parser)) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s: out of memory", loading->path);
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)loading->text, loading->size);
    while (!is_last && yaml_parser_parse(&parser, &event)) {
        is_last = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    if (!is_last) {
        result = failure_set(reterr_failure, RESULT_INVALID, "%s:%zu: not YAML: %s", loading->path,
                             parser.problem_mark.line + 1, parser.problem);
        (void)failure_hint(reterr_failure, "indent with spaces, put 'key: value' on each line, and "
                                           "close brackets and quotes");
    }
    yaml_parser_delete(&parser);
    return result;
}

/* Takes the line, and the key if it has one, from "  in mapping field 'k' (line: 2, column: 4)". */
static void take_place(struct loading *loading, const char *place)
{
    const char *line = strstr(place, "(line: ");
    const char *quote = strchr(place, '\'');

    loading->line = line != NULL ? (unsigned int)strtoul(line + strlen("(line: "), NULL, 10) : 0;
    if (quote != NULL && strstr(place, "in mapping field") != NULL) {
        (void)snprintf(loading->key, sizeof(loading->key), "%.*s", (int)strcspn(quote + 1, "'"),
                       quote + 1);
    }
}

/* The form of a message is libcyaml's: "Load: what is wrong", "Load: Backtrace:", "  in ...". */
__attribute__((format(printf, 3, 0))) static void
on_cyaml_log(cyaml_log_t level, void *context, const char *format, va_list arguments)
{
    static const char head[] = "Load: ";
    struct loading *loading = context;
    char buffer[MESSAGE_BYTES_MAX];
    const char *message = buffer;

    if (level < CYAML_LOG_ERROR) {
        return;
    }
    (void)vsnprintf(buffer, sizeof(buffer), format, arguments);
    buffer[strcspn(buffer, "\n")] = '\0';
    if (strncmp(buffer, head, strlen(head)) == 0) {
        message += strlen(head);
    }
    if (loading->message[0] == '\0') {
        (void)snprintf(loading->message, sizeof(loading->message), "%s", message);
    } else if (loading->line == 0 && strstr(message, "(line: ") != NULL) {
        take_place(loading, message);
    }
}

/* The end of libcyaml's message: the key in "Unexpected key: k". */
static const char *subject_of(const char *message)
{
    const char *colon = strstr(message, ": ");

    return colon != NULL ? colon + 2 : message;
}

static bool line_has_key(const char *line, const char *key)
{
    size_t length = strlen(key);

    line += strspn(line, " -{'\"");
    return strncmp(line, key, length) == 0 && strchr(": '\"", line[length]) != NULL &&
           line[length] != '\0';
}

/* libcyaml's place of a key that it does not accept is the value before it. The first line with the
 * key from that place on; the place itself when there is none (several keys on a line). */
static unsigned int line_of_key(const struct loading *loading, const char *key, unsigned int from)
{
    unsigned int number = 1;

    for (const char *line = loading->text; *line != '\0'; number++) {
        if (number >= from && line_has_key(line, key)) {
            return number;
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return loading->line;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Levenshtein's: how many bytes to insert, delete or replace. Both are shorter than KEY_BYTES_MAX.
 */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[KEY_BYTES_MAX];
    size_t length = strlen(b);

    for (size_t j = 0; j <= length; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t replaced = diagonal + (a[i] != b[j]);

            diagonal = row[j + 1];
            row[j + 1] = smallest(replaced, diagonal + 1, row[j] + 1);
        }
    }
    return row[length];
}

/* The known key that is like this one, or NULL. */
static const char *nearest_key(const char *const *keys, const char *key)
{
    size_t least = strlen(key) / 3 + 2;
    const char *nearest = NULL;

    for (size_t i = 0; keys[i] != NULL && strlen(key) < KEY_BYTES_MAX; i++) {
        size_t distance = strlen(keys[i]) < KEY_BYTES_MAX ? edit_distance(key, keys[i]) : least;

        if (distance < least) {
            least = distance;
            nearest = keys[i];
        }
    }
    return nearest;
}

static void hint_keys(const char *const *keys, struct failure *reterr_failure)
{
    char list[FAILURE_HINT_SIZE] = "";
    size_t used = 0;

    for (size_t i = 0; keys[i] != NULL; i++) {
        size_t length = strlen(keys[i]) + 2;

        if (used + length >= sizeof(list)) {
            break;
        }
        (void)snprintf(list + used, sizeof(list) - used, "%s%s", i == 0 ? "" : ", ", keys[i]);
        used = strlen(list);
    }
    (void)failure_hint(reterr_failure, "known keys: %.200s", list);
}

static enum result fail_key(const struct loading *loading, struct failure *reterr_failure)
{
    const char *key = subject_of(loading->message);
    const char *nearest = nearest_key(loading->keys, key);

    (void)failure_set(reterr_failure, RESULT_INVALID, "%s:%u: unknown key '%s'", loading->path,
                      line_of_key(loading, key, loading->line), key);
    if (nearest != NULL) {
        (void)failure_hint(reterr_failure, "did you mean '%s'?", nearest);
    } else {
        hint_keys(loading->keys, reterr_failure);
    }
    return RESULT_INVALID;
}

static void hint_message(const char *message, struct failure *reterr_failure)
{
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
        if (strncmp(message, hints[i].message, strlen(hints[i].message)) == 0) {
            (void)failure_hint(reterr_failure, "%s", hints[i].hint);
            return;
        }
    }
}

static bool is_repeated_key(const char *message)
{
    static const char head[] = "Mapping field already seen: ";

    return strncmp(message, head, strlen(head)) == 0;
}

/* All but unknown keys: the place, the key and libcyaml's own words. */
static enum result fail_value(const struct loading *loading, cyaml_err_t error,
                              struct failure *reterr_failure)
{
    const char *what = loading->message[0] != '\0' ? loading->message : cyaml_strerror(error);
    unsigned int line = loading->line > 0 ? loading->line : 1;

    if (error == CYAML_ERR_MAPPING_FIELD_MISSING) {
        (void)failure_set(reterr_failure, RESULT_INVALID, "%s:%u: missing key '%s'", loading->path,
                          line, subject_of(what));
    } else if (is_repeated_key(what)) {
        (void)failure_set(reterr_failure, RESULT_INVALID, "%s:%u: key '%s' stands twice",
                          loading->path, line_of_key(loading, subject_of(what), line + 1),
                          subject_of(what));
    } else if (loading->key[0] != '\0') {
        (void)failure_set(reterr_failure, RESULT_INVALID, "%s:%u: key '%s': %s", loading->path,
                          line, loading->key, what);
    } else {
        (void)failure_set(reterr_failure, RESULT_INVALID, "%s:%u: %s", loading->path, line, what);
    }
    hint_message(what, reterr_failure);
    return RESULT_INVALID;
}

static enum result load_text(struct loading *loading, const cyaml_schema_value_t *schema,
                             void **ret_value, struct failure *reterr_failure)
{
    const cyaml_config_t config = {
            .log_fn = on_cyaml_log,
            .log_ctx = loading,
            .mem_fn = cyaml_mem,
            .log_level = CYAML_LOG_ERROR,
    };
    void *value = NULL;
    cyaml_err_t error = cyaml_load_data((const uint8_t *)loading->text, loading->size, &config,
                                        schema, &value, NULL);

    if (error == CYAML_ERR_INVALID_KEY) {
        return fail_key(loading, reterr_failure);
    }
    if (error != CYAML_OK) {
        return fail_value(loading, error, reterr_failure);
    }
    if (value == NULL) {
        (void)failure_set(reterr_failure, RESULT_INVALID, "%s:1: nothing is set", loading->path);
        hint_keys(loading->keys, reterr_failure);
        return RESULT_INVALID;
    }
    *ret_value = value;
    return RESULT_OK;
}

enum result config_file_load(const char *path, const cyaml_schema_value_t *schema,
                             const char *const *keys, void **ret_value,
                             struct failure *reterr_failure)
{
    struct loading loading = {.path = path, .keys = keys, .text = malloc(FILE_BYTES_MAX + 2)};
    enum result result;

    *ret_value = NULL;
    if (loading.text == NULL) {
        return failure_set(reterr_failure, RESULT_FAILED, "%s: out of memory", path);
    }
    result = read_file(&loading, reterr_failure);
    if (result == RESULT_OK) {
        result = check_syntax(&loading, reterr_failure);
    }
    if (result == RESULT_OK) {
        result = load_text(&loading, schema, ret_value, reterr_failure);
    }
    free(loading.text);
    return result;
}

void config_file_free(const cyaml_schema_value_t *schema, void *value)
{
    const cyaml_config_t config = {.mem_fn = cyaml_mem};

    (void)cyaml_free(&config, schema, value, 0);
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* NULL-terminated, smallest first. */
static const struct unit durations[] = {
        {"ms", 1},
        {"s", 1000},
        {"min", UINT64_C(60000)},
        {"h", UINT64_C(3600000)},
        {"d", UINT64_C(86400000)},
        {NULL, 0},
};
static const struct unit sizes[] = {
        {"B", 1},
        {"kB", UINT64_C(1) << 10},
        {"MB", UINT64_C(1) << 20},
        {"GB", UINT64_C(1) << 30},
        {"TB", UINT64_C(1) << 40},
        {NULL, 0},
};

/* The digits at the beginning of text; NULL when there are none or too many, else what follows
 * them. */
static const char *parse_digits(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; text[i] >= '0' && text[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');

        if (value > (UINT64_MAX - digit) / 10) {
            return NULL;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return i > 0 ? text + i : NULL;
}

/* True when text is digits and one of the units, and their product fits. */
static bool parse_quantity(const char *text, const struct unit *units, uint64_t *ret_value)
{
    uint64_t value;
    const char *rest = parse_digits(text, &value);

    if (rest == NULL) {
        return false;
    }
    rest += strspn(rest, " ");
    for (const struct unit *unit = units; unit->name != NULL; unit++) {
        if (strcmp(rest, unit->name) == 0 && value <= UINT64_MAX / unit->factor) {
            *ret_value = value * unit->factor;
            return true;
        }
    }
    return false;
}

/* True when text lacks only its unit. */
static bool is_bare_number(const char *text)
{
    uint64_t value;
    const char *rest = parse_digits(text, &value);

    return rest != NULL && *rest == '\0';
}

enum result config_parse_duration(const char *key, const char *text, uint64_t *ret_ms,
                                  struct failure *reterr_failure)
{
    if (parse_quantity(text, durations, ret_ms)) {
        return RESULT_OK;
    }
    (void)failure_set(reterr_failure, RESULT_INVALID, "key '%s': '%s' is not a duration", key,
                      text);
    if (is_bare_number(text)) {
        (void)failure_hint(reterr_failure, "add the unit: write %sms, %ss or %smin", text, text,
                           text);
    } else {
        (void)failure_hint(reterr_failure, "write a whole number and ms, s, min, h or d: 300ms");
    }
    return RESULT_INVALID;
}

enum result config_parse_bytes(const char *key, const char *text, uint64_t *ret_bytes,
                               struct failure *reterr_failure)
{
    if (parse_quantity(text, sizes, ret_bytes)) {
        return RESULT_OK;
    }
    (void)failure_set(reterr_failure, RESULT_INVALID, "key '%s': '%s' is not a size", key, text);
    if (is_bare_number(text)) {
        (void)failure_hint(reterr_failure, "add the unit: write %sB, %skB or %sMB", text, text,
                           text);
    } else {
        (void)failure_hint(reterr_failure, "write a whole number and B, kB, MB, GB or TB: 16MB");
    }
    return RESULT_INVALID;
}

/* Splits text at the colon before the port; false when it has not the form of an address. */
static bool split_address(const char *text, const char **ret_host, size_t *ret_length,
                          const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;

    *ret_host = text;
    if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
        *ret_host = text + 1;
        length -= 2;
    } else if (memchr(text, ':', length) != NULL) {
        return false;
    }
    *ret_length = length;
    *ret_port = colon + 1;
    return length > 0;
}

static bool is_host(const char *host, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (host[i] <= ' ' || host[i] > '~' || strchr("[]/", host[i]) != NULL) {
            return false;
        }
    }
    return true;
}

enum result config_parse_address(const char *key, const char *text, char *ret_host,
                                 size_t host_size, uint16_t *ret_port,
                                 struct failure *reterr_failure)
{
    const char *host;
    const char *port;
    const char *rest;
    size_t length;
    uint64_t number = 0;

    if (!split_address(text, &host, &length, &port) || !is_host(host, length)) {
        (void)failure_set(reterr_failure, RESULT_INVALID, "key '%s': '%s' is not an address", key,
                          text);
        return failure_hint(reterr_failure, "write host:port, or [address]:port for IPv6");
    }
    rest = parse_digits(port, &number);
    if (rest == NULL || *rest != '\0' || number == 0 || number > UINT16_MAX) {
        (void)failure_set(reterr_failure, RESULT_INVALID, "key '%s': '%s' is not a port", key,
                          port);
        return failure_hint(reterr_failure, "write a number from 1 to 65535 after the colon");
    }
    if (length >= host_size) {
        return failure_set(reterr_failure, RESULT_INVALID,
                           "key '%s': the host is longer than %zu bytes", key, host_size - 1);
    }
    memcpy(ret_host, host, length);
    ret_host[length] = '\0';
    *ret_port = (uint16_t)number;
    return RESULT_OK;
}
