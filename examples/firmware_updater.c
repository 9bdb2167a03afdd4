/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * A firmware updater: opens a sealed image page by page into flash, without a heap, and survives a
 * power cut at any point. Not a byte of a page reaches flash before the page is verified, and the
 * slot is given out only where the digest of all of it is the one of the signed manifest.
 */
#include "firmware_updater.h"

#include <string.h>

/* One page and its tag; while the header is looked at, it is the header's copy. */
static uint8_t page[UPDATER_PAGE + SEALWAX_CHUNK_OVERHEAD];

static int32_t begin(sealwax_opening *opening, const sealwax_keyset *keyset,
                     const updater_board *board, size_t *chunks_at)
{
    sealwax_requirements wanted;
    size_t len =
        (board->sealed_len < SEALWAX_FRONT_MAX_LEN) ? board->sealed_len : SEALWAX_FRONT_MAX_LEN;
    int32_t status = board->read(board->context, 0, page, len);
    if (status != SEALWAX_OK) {
        return status;
    }
    (void)memset(&wanted, 0, sizeof wanted);
    wanted.stored = board->stored;
    wanted.stored_len = board->stored_len;
    wanted.min_counter = board->min_counter;
    wanted.flags = SEALWAX_REQUIRE_COUNTER;
    /* `page` is RAM of our own, so the header needs no second copy. */
    return sealwax_opening_begin(opening, keyset, &wanted, page, len, page, len, chunks_at);
}

/* Keeps how far the opening came. */
static int32_t keep(const sealwax_opening *opening, const updater_board *board)
{
    uint8_t progress[SEALWAX_PROGRESS_LEN];
    int32_t status = sealwax_opening_progress(opening, progress);
    if (status == SEALWAX_OK) {
        status = board->write_progress(board->context, progress);
    }
    return status;
}

/* Goes on from kept progress, if there is any that belongs to this image. */
static int32_t resume(sealwax_opening *opening, const updater_board *board)
{
    uint8_t progress[SEALWAX_PROGRESS_LEN];
    int32_t status = board->read_progress(board->context, progress);
    if (status == SEALWAX_OK) {
        status = sealwax_opening_resume(opening, progress);
    }
    /* Torn, or another image's: this one begins at its first page. What was kept of the other stops
     * being true with the first page that is written, so it is replaced before. */
    if ((status == SEALWAX_ERROR_FORMAT) || (status == SEALWAX_ERROR_DECRYPT)) {
        status = keep(opening, board);
    }
    return status;
}

static int32_t open_page(sealwax_opening *opening, const updater_board *board, size_t chunks_at,
                         const sealwax_opening_description *at)
{
    const uint64_t sealed_page = (uint64_t)at->chunk_len + SEALWAX_CHUNK_OVERHEAD;
    const uint64_t offset = chunks_at + (at->next_chunk * sealed_page);
    size_t len = 0;
    int32_t status;
    if (offset >= board->sealed_len) {
        return SEALWAX_ERROR_TRUNCATED;
    }
    len = board->sealed_len - (size_t)offset;
    len = (len < sealed_page) ? len : (size_t)sealed_page;
    status = board->read(board->context, (size_t)offset, page, len);
    if (status == SEALWAX_OK) {
        status = sealwax_opening_open_chunk(opening, at->next_chunk, page, len, page, len, &len);
    }
    /* An image of whole pages ends in an empty chunk, for which no page is erased. Who sealed is
     * known only at the end: until then it is the slot that says how long an image may be. */
    if ((status == SEALWAX_OK) && (len != 0U) && (at->next_chunk >= board->slot_pages)) {
        status = SEALWAX_ERROR_LIMIT;
    }
    if ((status == SEALWAX_OK) && (len != 0U)) {
        status = board->write_page(board->context, (uint32_t)at->next_chunk, page, len);
    }
    /* After the page: a cut between the two opens and writes the page once more. */
    if (status == SEALWAX_OK) {
        status = keep(opening, board);
    }
    return status;
}

/* Withdraws what was kept: it says nothing of what is written to the slot next. */
static int32_t withdraw(const updater_board *board)
{
    const uint8_t none[SEALWAX_PROGRESS_LEN] = {0};
    return board->write_progress(board->context, none);
}

int32_t updater_run(const sealwax_keyset *keyset, const updater_board *board)
{
    sealwax_opening opening = SEALWAX_OPENING_INIT;
    sealwax_opening_description at;
    size_t chunks_at = 0;
    int32_t status = begin(&opening, keyset, board, &chunks_at);
    if (status == SEALWAX_OK) {
        status = sealwax_opening_describe(&opening, &at);
    }
    /* A page of flash is a chunk here: shorter ones would leave holes. */
    if ((status == SEALWAX_OK) && (at.chunk_len != UPDATER_PAGE)) {
        status = SEALWAX_ERROR_NOT_SUPPORTED;
    }
    if (status == SEALWAX_OK) {
        status = resume(&opening, board);
    }
    while (status == SEALWAX_OK) {
        status = sealwax_opening_describe(&opening, &at);
        if ((status != SEALWAX_OK) || (at.ended != 0U)) {
            break;
        }
        status = open_page(&opening, board, chunks_at, &at);
    }
    if (status == SEALWAX_OK) {
        status = sealwax_opening_finish(&opening, board->digest);
    }
    if (status == SEALWAX_OK) {
        status = withdraw(board);
    }
    (void)sealwax_opening_wipe(&opening);
    return status;
}
