/* SPDX-License-Identifier: PostgreSQL */
#include "log_record.h"

#include <string.h>

#define SIZE_BYTES LOG_RECORD_SIZE_BYTES
#define HEAD_BYTES LOG_RECORD_HEAD_BYTES
#define CRC_BYTES LOG_RECORD_CRC_BYTES

/* CRC-32 of ISO 3309, as zlib's, over four bits at a time. */
static uint32_t crc32_of(const uint8_t *data, size_t size)
{
    static const uint32_t table[16] = {
            0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
            0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
            0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc = table[(crc ^ data[i]) & 15] ^ (crc >> 4);
        crc = table[(crc ^ (data[i] >> 4)) & 15] ^ (crc >> 4);
    }
    return crc ^ 0xffffffff;
}

static void put_number(uint8_t *at, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

static uint64_t get_number(const uint8_t *at, size_t bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < bytes; i++) {
        number |= (uint64_t)at[i] << (8 * i);
    }
    return number;
}

uint64_t log_record_seq(const uint8_t *bytes)
{
    return get_number(bytes + SIZE_BYTES, 8);
}

size_t log_record_size(const uint8_t *bytes)
{
    const size_t size = SIZE_BYTES + (size_t)get_number(bytes, SIZE_BYTES);
    return size < HEAD_BYTES + CRC_BYTES || size > LOG_RECORD_BYTES_MAX ? 0 : size;
}

size_t log_record_encode(const struct log_notice *record, uint8_t *ret_bytes)
{
    const size_t subject_size = strlen(record->subject);
    if (subject_size >= SUBJECT_SIZE || record->size > RECORD_BYTES_MAX) {
        return 0;
    }
    const size_t crc_at = HEAD_BYTES + subject_size + record->size;
    put_number(ret_bytes, crc_at + CRC_BYTES - SIZE_BYTES, SIZE_BYTES);
    put_number(ret_bytes + 4, record->seq, 8);
    put_number(ret_bytes + 12, record->stored_us, 8);
    put_number(ret_bytes + 20, subject_size, 2);
    memcpy(ret_bytes + HEAD_BYTES, record->subject, subject_size);
    if (record->size > 0) {
        memcpy(ret_bytes + HEAD_BYTES + subject_size, record->data, record->size);
    }
    put_number(ret_bytes + crc_at, crc32_of(ret_bytes, crc_at), CRC_BYTES);
    return crc_at + CRC_BYTES;
}

enum log_record_found log_record_decode(const uint8_t *bytes, size_t size,
                                        char ret_subject[SUBJECT_SIZE],
                                        struct log_notice *ret_record)
{
    if (size < SIZE_BYTES) {
        return LOG_RECORD_CUT;
    }
    const size_t length = log_record_size(bytes);
    if (length == 0) {
        return LOG_RECORD_DAMAGED;
    }
    if (size < length) {
        return LOG_RECORD_CUT;
    }
    const size_t crc_at = length - CRC_BYTES;
    const size_t subject_size = (size_t)get_number(bytes + 20, 2);
    if (get_number(bytes + crc_at, CRC_BYTES) != crc32_of(bytes, crc_at) ||
        subject_size >= SUBJECT_SIZE || HEAD_BYTES + subject_size > crc_at) {
        return LOG_RECORD_DAMAGED;
    }
    memcpy(ret_subject, bytes + HEAD_BYTES, subject_size);
    ret_subject[subject_size] = '\0';
    *ret_record = (struct log_notice){
            .kind = LOG_RECORD,
            .seq = log_record_seq(bytes),
            .stored_us = get_number(bytes + 12, 8),
            .subject = ret_subject,
            .data = bytes + HEAD_BYTES + subject_size,
            .size = crc_at - HEAD_BYTES - subject_size,
    };
    return LOG_RECORD_WHOLE;
}
