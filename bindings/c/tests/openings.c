/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Images page by page: turns, repeats, power cuts, splicing, counters, digests, and memory that
 * changes. */
#include "kit.h"
#include "fixtures.h"

#define PAGE 4096U
#define SEALED_PAGE (PAGE + SEALWAX_CHUNK_OVERHEAD)
#define PAGES 11U

static sealwax_key_version versions[2];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static uint8_t scratch[SEALWAX_FRONT_MAX_LEN];
static uint8_t flash[PAGES * PAGE];

static int32_t begin(sealwax_opening *opening, const sealwax_requirements *requirements,
                     const uint8_t *front, size_t *chunks_at)
{
    return sealwax_opening_begin(opening, &keyset, requirements, front, SEALWAX_FRONT_MAX_LEN,
                                 scratch, sizeof scratch, chunks_at);
}

static size_t page_len(size_t index, size_t envelope_len, size_t chunks_at)
{
    size_t left = envelope_len - chunks_at - (index * SEALED_PAGE);
    return (left < SEALED_PAGE) ? left : SEALED_PAGE;
}

/* Opens page `index` of the image into flash. */
static int32_t open_page(sealwax_opening *opening, const uint8_t *envelope, size_t chunks_at,
                         size_t index)
{
    size_t out_len = 0;
    return sealwax_opening_open_chunk(opening, index, &envelope[chunks_at + (index * SEALED_PAGE)],
                                      page_len(index, sizeof image_envelope, chunks_at),
                                      &flash[index * PAGE], PAGE, &out_len);
}

static void an_image_opens_page_by_page(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    sealwax_opening_description description;
    size_t chunks_at = 0;
    size_t need = 0;
    size_t index;
    STATUS(sealwax_envelope_need(image_envelope, 4, &need), SEALWAX_OK);
    CLAIM(need == 29U);
    STATUS(sealwax_envelope_need(image_envelope, 29, &need), SEALWAX_OK);
    STATUS(sealwax_envelope_need(image_envelope, need + 5U, &need), SEALWAX_OK);
    STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
    CLAIM(chunks_at == need);
    (void)memset(flash, 0xff, sizeof flash);
    STATUS(open_page(&opening, image_envelope, chunks_at, 1), SEALWAX_ERROR_BAD_STATE);
    for (index = 0; index < PAGES; index++) {
        STATUS(sealwax_opening_finish(&opening, image_digest), SEALWAX_ERROR_TRUNCATED);
        STATUS(sealwax_opening_finish_unsigned(&opening), SEALWAX_ERROR_TRUNCATED);
        STATUS(open_page(&opening, image_envelope, chunks_at, index), SEALWAX_OK);
        /* There is a digest, which would not cover what comes again. */
        STATUS(open_page(&opening, image_envelope, chunks_at, index), SEALWAX_ERROR_BAD_STATE);
        STATUS(open_page(&opening, image_envelope, chunks_at, index / 2U), SEALWAX_ERROR_BAD_STATE);
    }
    STATUS(open_page(&opening, image_envelope, chunks_at, PAGES), SEALWAX_ERROR_BAD_STATE);
    STATUS(open_page(&opening, image_envelope, chunks_at, PAGES - 1U), SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_opening_describe(&opening, &description), SEALWAX_OK);
    CLAIM((description.counter == 7U) && (description.has_counter == 1U));
    CLAIM((description.ended == 1U) && (description.next_chunk == PAGES));
    CLAIM((description.chunk_len == PAGE) && (description.epoch == 1U));
    CLAIM(description.opened_via == SEALWAX_VIA_KEYSET);
    CLAIM(memcmp(description.id, keyset_id, sizeof keyset_id) == 0);
    CLAIM(memcmp(flash, image, sizeof image) == 0);
    STATUS(sealwax_opening_finish(&opening, image_digest), SEALWAX_OK);
    STATUS(sealwax_opening_finish(&opening, image_digest), SEALWAX_ERROR_BAD_STATE);
}

static void another_digest_is_refused(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    size_t chunks_at = 0;
    size_t index;
    STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
    for (index = 0; index < PAGES; index++) {
        STATUS(open_page(&opening, image_envelope, chunks_at, index), SEALWAX_OK);
    }
    STATUS(sealwax_opening_finish(&opening, next_image_digest), SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_opening_finish_unsigned(&opening), SEALWAX_ERROR_BAD_STATE);
}

static void power_may_fail_after_any_page(void)
{
    size_t cut;
    for (cut = 0; cut <= PAGES; cut++) {
        sealwax_opening opening = SEALWAX_OPENING_INIT;
        sealwax_opening after = SEALWAX_OPENING_INIT;
        sealwax_opening other = SEALWAX_OPENING_INIT;
        uint8_t progress[SEALWAX_PROGRESS_LEN];
        size_t chunks_at = 0;
        size_t index;
        (void)memset(flash, 0xff, sizeof flash);
        STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
        for (index = 0; index < cut; index++) {
            STATUS(open_page(&opening, image_envelope, chunks_at, index), SEALWAX_OK);
        }
        STATUS(sealwax_opening_progress(&opening, progress), SEALWAX_OK);
        (void)memset(&opening, 0, sizeof opening);
        STATUS(begin(&after, NULL, image_envelope, &chunks_at), SEALWAX_OK);
        STATUS(sealwax_opening_resume(&after, progress), SEALWAX_OK);
        if (cut > 0U) {
            STATUS(sealwax_opening_resume(&after, progress), SEALWAX_ERROR_BAD_STATE);
        }
        for (index = cut; index < PAGES; index++) {
            STATUS(open_page(&after, image_envelope, chunks_at, index), SEALWAX_OK);
        }
        CLAIM(memcmp(flash, image, sizeof image) == 0);
        STATUS(sealwax_opening_finish(&after, image_digest), SEALWAX_OK);
        /* Another genuine image under the same keys. */
        STATUS(begin(&other, NULL, next_image_envelope, &chunks_at), SEALWAX_OK);
        STATUS(sealwax_opening_resume(&other, progress), SEALWAX_ERROR_DECRYPT);
        for (index = 0; index < sizeof progress; index++) {
            progress[index] ^= 4U;
            CLAIM(sealwax_opening_resume(&other, progress) == SEALWAX_ERROR_FORMAT);
            progress[index] ^= 4U;
        }
        STATUS(sealwax_opening_wipe(&other), SEALWAX_OK);
    }
}

/* The record that is written before the first chunk: with it in its place, nothing goes on from an
 * older one. */
static void a_fresh_record_takes_the_place_of_another_images(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    sealwax_opening_description description;
    uint8_t progress[SEALWAX_PROGRESS_LEN];
    size_t chunks_at = 0;
    size_t index;
    STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
    for (index = 0; index < PAGES; index++) {
        STATUS(open_page(&opening, image_envelope, chunks_at, index), SEALWAX_OK);
    }
    STATUS(sealwax_opening_progress(&opening, progress), SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    STATUS(begin(&opening, NULL, next_image_envelope, &chunks_at), SEALWAX_OK);
    STATUS(sealwax_opening_resume(&opening, progress), SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_opening_progress(&opening, progress), SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
    STATUS(sealwax_opening_resume(&opening, progress), SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_opening_finish(&opening, image_digest), SEALWAX_ERROR_TRUNCATED);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    /* Its own image goes on from it at the first chunk. */
    STATUS(begin(&opening, NULL, next_image_envelope, &chunks_at), SEALWAX_OK);
    STATUS(sealwax_opening_resume(&opening, progress), SEALWAX_OK);
    STATUS(sealwax_opening_describe(&opening, &description), SEALWAX_OK);
    CLAIM((description.next_chunk == 0U) && (description.ended == 0U));
    for (index = 0; index < PAGES; index++) {
        STATUS(open_page(&opening, next_image_envelope, chunks_at, index), SEALWAX_OK);
    }
    STATUS(sealwax_opening_finish(&opening, next_image_digest), SEALWAX_OK);
    /* Bytes that no opening wrote, such as an erased place, are no record. */
    STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
    (void)memset(progress, 0, sizeof progress);
    STATUS(sealwax_opening_resume(&opening, progress), SEALWAX_ERROR_FORMAT);
    (void)memset(progress, 0xff, sizeof progress);
    STATUS(sealwax_opening_resume(&opening, progress), SEALWAX_ERROR_FORMAT);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
}

static void a_changed_page_is_not_released(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t *envelope = kit_copy(image_envelope, sizeof image_envelope);
    size_t chunks_at = 0;
    size_t index;
    size_t out_len = 0;
    STATUS(begin(&opening, NULL, envelope, &chunks_at), SEALWAX_OK);
    for (index = 0; index < PAGES; index++) {
        size_t len = page_len(index, sizeof image_envelope, chunks_at);
        uint8_t *page = &envelope[chunks_at + (index * SEALED_PAGE)];
        size_t at;
        for (at = 0; at < len; at += 113U) {
            uint8_t *out = kit_buffer(len - 16U);
            page[at] ^= 0x40U;
            STATUS(sealwax_opening_open_chunk(&opening, index, page, len, out, len - 16U, &out_len),
                   SEALWAX_ERROR_DECRYPT);
            CLAIM(out_len == 0U);
            CLAIM(kit_untouched_or_wiped(out, len - 16U));
            page[at] ^= 0x40U;
            free(out);
        }
        /* Cut, and another page in its place. */
        STATUS(sealwax_opening_open_chunk(&opening, index, page, len - 1U, flash, PAGE, &out_len),
               SEALWAX_ERROR_DECRYPT);
        STATUS(sealwax_opening_open_chunk(&opening, index, page, 15, flash, PAGE, &out_len),
               SEALWAX_ERROR_TRUNCATED);
        if (index > 0U) {
            STATUS(sealwax_opening_open_chunk(&opening, index, page - SEALED_PAGE, len, flash, PAGE,
                                              &out_len),
                   SEALWAX_ERROR_DECRYPT);
        }
        STATUS(open_page(&opening, envelope, chunks_at, index), SEALWAX_OK);
    }
    STATUS(sealwax_opening_finish(&opening, image_digest), SEALWAX_OK);
    free(envelope);
}

static void a_header_is_refused_with_every_byte_flipped_and_every_end_cut(void)
{
    size_t chunks_at = 0;
    size_t at;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    for (at = 0; at < chunks_at; at++) {
        sealwax_opening damaged = SEALWAX_OPENING_INIT;
        uint8_t *front = kit_copy(image_envelope, chunks_at);
        uint8_t *cut = kit_copy(image_envelope, at);
        uint8_t *copy = kit_buffer(chunks_at);
        size_t found = 9;
        int32_t status;
        size_t byte;
        uint8_t seen = 0;
        front[at] ^= 1U;
        status = sealwax_opening_begin(&damaged, &keyset, NULL, front, chunks_at, copy, chunks_at,
                                       &found);
        /* A damaged unused slot is not used: format.md 11.5. */
        CLAIM((status != SEALWAX_OK) || (at > 600U));
        if (status == SEALWAX_OK) {
            STATUS(sealwax_opening_wipe(&damaged), SEALWAX_OK);
        } else {
            CLAIM(found == 0U);
        }
        STATUS(sealwax_opening_begin(&damaged, &keyset, NULL, cut, at, copy, chunks_at, &found),
               SEALWAX_ERROR_TRUNCATED);
        for (byte = 0; byte < sizeof damaged; byte++) {
            seen |= ((const uint8_t *)&damaged)[byte];
        }
        CLAIM(seen == 0U);
        free(front);
        free(cut);
        free(copy);
    }
}

static void what_is_required_must_be_stored(void)
{
    sealwax_requirements wanted;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t stored[64];
    size_t stored_len = 0;
    size_t chunks_at = 0;
    (void)memset(&wanted, 0, sizeof wanted);
    STATUS(sealwax_context_insert(stored, sizeof stored, &stored_len, "purpose", 7,
                                  (const uint8_t *)"firmware", 8),
           SEALWAX_OK);
    STATUS(sealwax_context_insert(stored, sizeof stored, &stored_len, "device", 6,
                                  (const uint8_t *)"board-7", 7),
           SEALWAX_OK);
    wanted.stored = stored;
    wanted.stored_len = stored_len;
    wanted.flags = SEALWAX_REQUIRE_COUNTER;
    wanted.min_counter = 7;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    wanted.min_counter = 8;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_ERROR_DECRYPT);
    STATUS(begin(&opening, &wanted, next_image_envelope, &chunks_at), SEALWAX_OK);
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    wanted.min_counter = 0;
    wanted.min_epoch = 2;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_ERROR_DECRYPT);
    wanted.min_epoch = 1;
    stored[stored_len - 1U] ^= 1U;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_ERROR_DECRYPT);
    stored[stored_len - 1U] ^= 1U;
    STATUS(sealwax_context_insert(stored, sizeof stored, &stored_len, "region", 6, NULL, 0),
           SEALWAX_OK);
    wanted.stored_len = stored_len;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_ERROR_DECRYPT);
    wanted.flags = 4;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_ERROR_INVALID_ARGUMENT);
    /* A counter that is named and not required would not be checked. */
    wanted.flags = 0;
    wanted.stored_len = 0;
    wanted.min_counter = 7;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_ERROR_INVALID_ARGUMENT);
    wanted.flags = SEALWAX_WITHOUT_DIGEST;
    STATUS(begin(&opening, &wanted, image_envelope, &chunks_at), SEALWAX_ERROR_INVALID_ARGUMENT);
    wanted.min_counter = 0;
    /* No counter is stored. */
    wanted.flags = SEALWAX_REQUIRE_COUNTER;
    wanted.stored_len = 0;
    STATUS(sealwax_opening_begin_with_device_key(&opening, device_key_id, device_key, &wanted,
                                                 suite_1_envelope, 400, scratch, sizeof scratch,
                                                 &chunks_at),
           SEALWAX_ERROR_FORMAT);
}

static void a_device_key_opens_settings_with_external_context(void)
{
    sealwax_requirements wanted;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t wrong[SEALWAX_DEVICE_KEY_LEN] = {0};
    uint8_t out[1024];
    size_t chunks_at = 0;
    size_t out_len = 0;
    size_t index;
    (void)memset(&wanted, 0, sizeof wanted);
    wanted.flags = SEALWAX_WITHOUT_DIGEST;
    STATUS(sealwax_opening_begin_with_device_key(&opening, device_key_id, wrong, &wanted,
                                                 settings_envelope, 1000, scratch, sizeof scratch,
                                                 &chunks_at),
           SEALWAX_ERROR_DECRYPT);
    STATUS(sealwax_opening_begin_with_device_key(&opening, device_key_id, device_key, &wanted,
                                                 settings_envelope, 1000, scratch, sizeof scratch,
                                                 &chunks_at),
           SEALWAX_ERROR_DECRYPT);
    wanted.external = settings_context;
    wanted.external_len = sizeof settings_context;
    STATUS(sealwax_opening_begin_with_device_key(&opening, device_key_id, device_key, &wanted,
                                                 settings_envelope, 1000, scratch, sizeof scratch,
                                                 &chunks_at),
           SEALWAX_OK);
    /* Random access, in place. */
    for (index = 4; index > 0U; index--) {
        size_t len = (index == 4U) ? 16U : 1040U;
        uint8_t *chunk = kit_copy(&settings_envelope[chunks_at + ((index - 1U) * 1040U)], len);
        STATUS(sealwax_opening_read_chunk(&opening, index - 1U, chunk, len, chunk, len - 16U,
                                          &out_len),
               SEALWAX_OK);
        CLAIM((out_len == (len - 16U)) &&
              (memcmp(chunk, &settings[(index - 1U) * 1024U], out_len) == 0));
        STATUS(sealwax_opening_read_chunk(&opening, index - 1U, chunk, len, chunk, len - 16U,
                                          &out_len),
               (len == 16U) ? SEALWAX_OK : SEALWAX_ERROR_DECRYPT);
        free(chunk);
    }
    STATUS(sealwax_opening_finish_unsigned(&opening), SEALWAX_ERROR_TRUNCATED);
    for (index = 0; index < 4U; index++) {
        STATUS(sealwax_opening_open_chunk(&opening, index,
                                          &settings_envelope[chunks_at + (index * 1040U)],
                                          (index == 3U) ? 16U : 1040U, out, sizeof out, &out_len),
               SEALWAX_OK);
        /* No digest: what was opened may be opened again. */
        STATUS(sealwax_opening_open_chunk(&opening, index / 2U,
                                          &settings_envelope[chunks_at + ((index / 2U) * 1040U)],
                                          1040U, out, sizeof out, &out_len),
               SEALWAX_OK);
    }
    STATUS(sealwax_opening_finish(&opening, image_digest), SEALWAX_ERROR_BAD_STATE);
    STATUS(sealwax_opening_finish_unsigned(&opening), SEALWAX_OK);
}

typedef struct sink {
    uint8_t *mapped;
    /* The piece after which a byte of the mapped memory changes, and which byte. */
    size_t change_after;
    size_t change_at;
    size_t stop_at;
    size_t pieces;
    size_t released;
    uint8_t out[PAGE];
} sink;

static int32_t release(void *context, size_t offset, const uint8_t *piece, size_t piece_len)
{
    sink *to = context;
    if (to->pieces == to->stop_at) {
        return 1;
    }
    (void)memcpy(&to->out[offset], piece, piece_len);
    to->released += piece_len;
    if (to->pieces == to->change_after) {
        to->mapped[to->change_at] ^= 1U;
    }
    to->pieces++;
    return 0;
}

static void mapped_memory_that_changes_between_the_passes_is_found(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t *envelope = kit_copy(image_envelope, sizeof image_envelope);
    uint8_t buffer[SEALWAX_PIECE_LEN];
    static sink to;
    size_t chunks_at = 0;
    size_t piece;
    size_t index;
    STATUS(begin(&opening, NULL, envelope, &chunks_at), SEALWAX_OK);
    for (piece = 0; piece < 7U; piece++) {
        size_t after;
        for (after = piece + 1U; after < 8U; after++) {
            uint8_t *page = &envelope[chunks_at];
            (void)memset(&to, 0, sizeof to);
            to.mapped = page;
            to.change_after = piece;
            to.change_at = (after * SEALWAX_PIECE_LEN) + (after * 61U);
            to.stop_at = 99;
            STATUS(
                sealwax_opening_open_mapped(&opening, 0, page, SEALED_PAGE, buffer, release, &to),
                SEALWAX_ERROR_DECRYPT);
            /* Not a byte of the changed piece, and only true bytes before it. */
            CLAIM(to.released == (after * SEALWAX_PIECE_LEN));
            CLAIM(memcmp(to.out, image, to.released) == 0);
            CLAIM(kit_untouched_or_wiped(buffer, sizeof buffer));
            page[to.change_at] ^= 1U;
        }
    }
    /* Changed before the first pass: nothing is released. */
    (void)memset(&to, 0, sizeof to);
    to.stop_at = 99;
    to.change_after = 99;
    envelope[chunks_at + 4000U] ^= 1U;
    STATUS(sealwax_opening_open_mapped(&opening, 0, &envelope[chunks_at], SEALED_PAGE, buffer,
                                       release, &to),
           SEALWAX_ERROR_DECRYPT);
    CLAIM(to.released == 0U);
    envelope[chunks_at + 4000U] ^= 1U;
    to.stop_at = 3;
    STATUS(sealwax_opening_open_mapped(&opening, 0, &envelope[chunks_at], SEALED_PAGE, buffer,
                                       release, &to),
           SEALWAX_ERROR_IO);
    CLAIM(to.released == (3U * SEALWAX_PIECE_LEN));
    for (index = 0; index < PAGES; index++) {
        size_t len = page_len(index, sizeof image_envelope, chunks_at);
        size_t turn;
        for (turn = 0; turn < 2U; turn++) {
            (void)memset(&to, 0, sizeof to);
            to.mapped = flash;
            to.change_after = 99;
            to.stop_at = 99;
            STATUS(sealwax_opening_open_mapped(&opening, index,
                                               &envelope[chunks_at + (index * SEALED_PAGE)], len,
                                               buffer, release, &to),
                   (turn == 0U) ? SEALWAX_OK : SEALWAX_ERROR_BAD_STATE);
            CLAIM(to.released == ((turn == 0U) ? (len - 16U) : 0U));
            CLAIM(memcmp(to.out, &image[index * PAGE], to.released) == 0);
        }
    }
    STATUS(sealwax_opening_finish(&opening, image_digest), SEALWAX_OK);
    free(envelope);
}

/* Whoever knows the chunk key can seal two chunks for one turn. The digest is of what was opened in
 * its turn, so nothing may come in its place afterwards. */
static void another_chunk_for_the_same_turn_is_not_opened(void)
{
    int with_digest;
    for (with_digest = 0; with_digest < 2; with_digest++) {
        sealwax_requirements wanted;
        sealwax_opening opening = SEALWAX_OPENING_INIT;
        uint8_t buffer[SEALWAX_PIECE_LEN];
        static sink to;
        size_t chunks_at = 0;
        size_t out_len = 0;
        int32_t expected = (with_digest != 0) ? SEALWAX_ERROR_BAD_STATE : SEALWAX_OK;
        (void)memset(&wanted, 0, sizeof wanted);
        wanted.flags = (with_digest != 0) ? 0U : SEALWAX_WITHOUT_DIGEST;
        STATUS(begin(&opening, &wanted, twice_envelope, &chunks_at), SEALWAX_OK);
        STATUS(sealwax_opening_open_chunk(&opening, 0, &twice_envelope[chunks_at], SEALED_PAGE,
                                          flash, PAGE, &out_len),
               SEALWAX_OK);
        (void)memset(flash, 0xcc, PAGE);
        STATUS(sealwax_opening_open_chunk(&opening, 0, twice_other_chunk, SEALED_PAGE, flash, PAGE,
                                          &out_len),
               expected);
        CLAIM((with_digest == 0) || kit_untouched_or_wiped(flash, PAGE));
        (void)memset(&to, 0, sizeof to);
        to.change_after = 99;
        to.stop_at = 99;
        STATUS(sealwax_opening_open_mapped(&opening, 0, twice_other_chunk, SEALED_PAGE, buffer,
                                           release, &to),
               expected);
        CLAIM((with_digest == 0) || (to.released == 0U));
        STATUS(sealwax_opening_read_chunk(&opening, 0, twice_other_chunk, SEALED_PAGE, flash, PAGE,
                                          &out_len),
               SEALWAX_OK);
        STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    }
}

/* What is needed fits into the buffer that the header names, whatever the bytes say. */
static void a_front_is_not_longer_than_the_limit(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t front[SEALWAX_FRONT_MAX_LEN];
    size_t chunks_at = 9;
    uint32_t stored_len;
    (void)memset(front, 0, sizeof front);
    (void)memcpy(front, image_envelope, 29);
    for (stored_len = 0; stored_len < 40000U; stored_len += 7U) {
        size_t need = 9;
        int32_t status;
        front[25] = 0;
        front[26] = 0;
        front[27] = (uint8_t)(stored_len >> 8);
        front[28] = (uint8_t)stored_len;
        status = sealwax_envelope_need(front, 29, &need);
        if (status == SEALWAX_OK) {
            CLAIM(need <= SEALWAX_FRONT_MAX_LEN);
        } else {
            CLAIM((status == SEALWAX_ERROR_LIMIT) && (need == 0U));
        }
        CLAIM((status == SEALWAX_OK) == (stored_len < 1964U));
        /* What cannot become enough is not asked for. */
        if (stored_len > 2100U) {
            STATUS(begin(&opening, NULL, front, &chunks_at), SEALWAX_ERROR_LIMIT);
        }
    }
    chunks_at = 9;
    STATUS(sealwax_envelope_need(NULL, 10, &chunks_at), SEALWAX_ERROR_INVALID_ARGUMENT);
    CLAIM(chunks_at == 0U);
}

static void a_chunk_past_the_limit_is_wiped(void)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    uint8_t *out = kit_buffer(PAGE);
    size_t chunks_at = 0;
    size_t out_len = 9;
    STATUS(begin(&opening, NULL, image_envelope, &chunks_at), SEALWAX_OK);
    STATUS(sealwax_opening_read_chunk(&opening, (uint64_t)1 << 38, &image_envelope[chunks_at],
                                      SEALED_PAGE, out, PAGE, &out_len),
           SEALWAX_ERROR_LIMIT);
    CLAIM((out_len == 0U) && kit_untouched_or_wiped(out, PAGE));
    STATUS(sealwax_opening_wipe(&opening), SEALWAX_OK);
    free(out);
}

static void identities_open_what_was_sealed_to_their_public_keys(void)
{
    sealwax_key_version room[1];
    sealwax_keyset identity = SEALWAX_KEYSET_INIT;
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    size_t needed = 0;
    size_t chunks_at = 0;
    size_t out_len = 0;
    uint8_t public_key[SEALWAX_X25519_PUBLIC_KEY_LEN];
    uint8_t *copy = kit_buffer(sizeof sealed_identity_blob);
    STATUS(sealwax_identity_load_sealed(&identity, room, 1, sealed_identity_blob,
                                        sizeof sealed_identity_blob, device_key_id, device_key,
                                        NULL, copy, sizeof sealed_identity_blob, &needed),
           SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&identity), SEALWAX_OK);
    STATUS(sealwax_identity_load(&identity, room, 1, identity_blob, sizeof identity_blob, NULL,
                                 &needed),
           SEALWAX_OK);
    STATUS(sealwax_identity_public_key(&identity, public_key), SEALWAX_OK);
    STATUS(sealwax_opening_begin(&opening, &identity, NULL, pair_envelope, 1000, scratch,
                                 sizeof scratch, &chunks_at),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_opening_begin_with_identity(&opening, &keyset, NULL, pair_envelope, 1000,
                                               scratch, sizeof scratch, &chunks_at),
           SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_opening_begin_with_identity(&opening, &identity, NULL, image_envelope, 2000,
                                               scratch, sizeof scratch, &chunks_at),
           SEALWAX_ERROR_UNKNOWN_KEY);
    STATUS(sealwax_opening_begin_with_identity(&opening, &identity, NULL, pair_envelope, 1000,
                                               scratch, sizeof scratch, &chunks_at),
           SEALWAX_OK);
    STATUS(sealwax_opening_open_chunk(&opening, 0, &pair_envelope[chunks_at],
                                      sizeof pair_envelope - chunks_at, flash, PAGE, &out_len),
           SEALWAX_OK);
    CLAIM((out_len == sizeof settings) && (memcmp(flash, settings, out_len) == 0));
    STATUS(sealwax_opening_finish_unsigned(&opening), SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&identity), SEALWAX_OK);
    free(copy);
#ifdef SEALWAX_X_WING
    STATUS(
        sealwax_identity_load(&identity, room, 1, x_wing_blob, sizeof x_wing_blob, NULL, &needed),
        SEALWAX_OK);
    STATUS(sealwax_identity_public_key(&identity, public_key), SEALWAX_ERROR_INVALID_ARGUMENT);
    STATUS(sealwax_opening_begin_with_identity(&opening, &identity, NULL, x_wing_envelope,
                                               SEALWAX_FRONT_MAX_LEN, scratch, sizeof scratch,
                                               &chunks_at),
           SEALWAX_OK);
    STATUS(sealwax_opening_open_chunk(&opening, 0, &x_wing_envelope[chunks_at],
                                      sizeof x_wing_envelope - chunks_at, flash, PAGE, &out_len),
           SEALWAX_OK);
    CLAIM((out_len == sizeof settings) && (memcmp(flash, settings, out_len) == 0));
    STATUS(sealwax_opening_finish_unsigned(&opening), SEALWAX_OK);
    STATUS(sealwax_keyset_wipe(&identity), SEALWAX_OK);
#else
    STATUS(
        sealwax_identity_load(&identity, room, 1, x_wing_blob, sizeof x_wing_blob, NULL, &needed),
        SEALWAX_ERROR_NOT_SUPPORTED);
#endif
}

int main(void)
{
    size_t needed = 0;
    STATUS(
        sealwax_keyset_load(&keyset, versions, 2, keyset_blob, sizeof keyset_blob, NULL, &needed),
        SEALWAX_OK);
    an_image_opens_page_by_page();
    another_digest_is_refused();
    power_may_fail_after_any_page();
    a_fresh_record_takes_the_place_of_another_images();
    a_changed_page_is_not_released();
    a_header_is_refused_with_every_byte_flipped_and_every_end_cut();
    what_is_required_must_be_stored();
    a_device_key_opens_settings_with_external_context();
    mapped_memory_that_changes_between_the_passes_is_found();
    another_chunk_for_the_same_turn_is_not_opened();
    a_front_is_not_longer_than_the_limit();
    a_chunk_past_the_limit_is_wiped();
    identities_open_what_was_sealed_to_their_public_keys();
    STATUS(sealwax_keyset_wipe(&keyset), SEALWAX_OK);
    return kit_end();
}
