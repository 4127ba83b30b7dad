/* SPDX-License-Identifier: PostgreSQL */
/*
 * fuzz_capture.c - any bytes as a captured file's records, under libFuzzer: none ends the program,
 * and one that is taken for whole is, encoded again, the bytes that it was read from.
 */
#include "../../proto/log_record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[LOG_RECORD_BYTES_MAX];
    char subject[SUBJECT_SIZE];
    size_t at = 0;
    while (size - at >= LOG_RECORD_SIZE_BYTES) {
        struct log_notice record;
        const size_t length = log_record_size(data + at);
        const size_t left = size - at;
        if (log_record_decode(data + at, left, subject, &record) != LOG_RECORD_WHOLE) {
            break;
        }
        if (length == 0 || length > left || log_record_encode(&record, again) != length ||
            memcmp(again, data + at, length) != 0) {
            abort();
        }
        at += length;
    }
    return 0;
}
