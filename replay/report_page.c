/* SPDX-License-Identifier: PostgreSQL */
#include "report.h"

#include <string.h>

/* In JSON these stand in strings only, where an escape means the same: nothing in the model ends
 * the element that holds it, or begins another. What is not ASCII is escaped by the writer. */
static const char *escape_of(char byte)
{
    return byte == '<' ? "\\u003c" : byte == '>' ? "\\u003e" : byte == '&' ? "\\u0026" : NULL;
}

static int put_escaped(const char *bytes, size_t size, void *context)
{
    FILE *file = context;
    size_t begun = 0;
    for (size_t i = 0; i < size; i++) {
        const char *escape = escape_of(bytes[i]);
        if (escape == NULL) {
            continue;
        }
        (void)fwrite(bytes + begun, 1, i - begun, file);
        (void)fwrite(escape, 1, strlen(escape), file);
        begun = i + 1;
    }
    (void)fwrite(bytes + begun, 1, size - begun, file);
    return ferror(file) != 0 ? -1 : 0;
}

bool report_draw_page(FILE *file, const json_t *model)
{
    return fwrite(report_page_head, 1, report_page_head_size, file) == report_page_head_size &&
           json_dump_callback(model, put_escaped, file, JSON_COMPACT | JSON_ENSURE_ASCII) == 0 &&
           fwrite(report_page_tail, 1, report_page_tail_size, file) == report_page_tail_size;
}

bool report_draw_json(FILE *file, const json_t *model)
{
    return json_dumpf(model, file, JSON_COMPACT) == 0 && fputc('\n', file) != EOF;
}
