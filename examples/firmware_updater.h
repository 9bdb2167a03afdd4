/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FIRMWARE_UPDATER_H
#define FIRMWARE_UPDATER_H

#include "sealwax.h"

#define UPDATER_PAGE 4096U

/* What the updater needs of the board. Every call returns 0, or anything else to stop. */
typedef struct updater_board {
    /* Reads the sealed image from where it was received. */
    int32_t (*read)(void *context, size_t offset, uint8_t *out, size_t len);
    /* Erases and writes one page of the slot that is not running: `len` bytes, at least one. */
    int32_t (*write_page)(void *context, uint32_t page, const uint8_t *bytes, size_t len);
    /* Keeps and reads the progress of this slot: SEALWAX_PROGRESS_LEN bytes, which may be torn.
     * When it returns they are in their place, before any page that is written later. */
    int32_t (*write_progress)(void *context, const uint8_t *progress);
    int32_t (*read_progress)(void *context, uint8_t *progress);
    void *context;
    /* The length of the sealed image. */
    size_t sealed_len;
    /* How many pages the slot has. */
    uint32_t slot_pages;
    /* From the signed manifest: the SHA-256 of the image. */
    const uint8_t *digest;
    /* The lowest counter that this device still accepts. */
    uint64_t min_counter;
    /* What must be stored in the image: an encoded context. */
    const uint8_t *stored;
    size_t stored_len;
} updater_board;

/* Opens an image for `keyset` into the slot, and goes on where a power cut stopped it. 0: the slot
 * may be booted, and no progress is kept: called again, it begins at the first page. Nobody else
 * writes to the slot while progress is kept. */
int32_t updater_run(const sealwax_keyset *keyset, const updater_board *board);

#endif
