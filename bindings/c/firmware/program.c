/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The firmware program: keyset, update with power cuts and damage, tokens. What it seals is opened
 * by the other faces. */
#include <string.h>

#include "board.h"
#include "firmware_updater.h"
#include "fixtures.h"
#include "peer.h"

#define PAGES 11U
#define CUTS 60U

static sealwax_key_version versions[2];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static sealwax_random randomness = {board_random, NULL};
/* The slot, and the page of another partition after it. */
static uint8_t slot[(PAGES + 1U) * UPDATER_PAGE];
static uint8_t kept[SEALWAX_PROGRESS_LEN];
static uint8_t required[64];
static size_t required_len = 0;

static unsigned failures = 0;

static void claim(int holds, const char *what)
{
    if (!holds) {
        failures++;
        board_print("FAILED: ");
        board_print(what);
        board_print("\n");
    }
}

void sealwax_panic(void)
{
    board_print("sealwax_panic\n");
    board_exit(1);
}

/* The simulated board: how many operations are left before the power fails, and which page arrives
 * damaged. */
typedef struct simulation {
    const uint8_t *sealed;
    uint32_t operations_left;
    uint32_t damaged_at;
    unsigned cuts;
} simulation;

static int32_t spend(simulation *board)
{
    if (board->operations_left == 0U) {
        return 1;
    }
    board->operations_left--;
    return 0;
}

static int32_t read_sealed(void *context, size_t offset, uint8_t *out, size_t len)
{
    simulation *board = context;
    (void)memcpy(out, &board->sealed[offset], len);
    if ((board->damaged_at >= offset) && (board->damaged_at < (offset + len))) {
        out[board->damaged_at - offset] ^= 1U;
    }
    return spend(board);
}

static int32_t write_page(void *context, uint32_t index, const uint8_t *bytes, size_t len)
{
    simulation *board = context;
    /* A cut in the middle of a write leaves half a page. */
    size_t written = (board->operations_left == 0U) ? (len / 2U) : len;
    (void)memset(&slot[index * UPDATER_PAGE], 0xff, UPDATER_PAGE);
    (void)memcpy(&slot[index * UPDATER_PAGE], bytes, written);
    return spend(board);
}

static int32_t write_progress(void *context, const uint8_t *progress)
{
    simulation *board = context;
    size_t written = (board->operations_left == 0U) ? 100U : SEALWAX_PROGRESS_LEN;
    (void)memcpy(kept, progress, written);
    return spend(board);
}

static int32_t read_progress(void *context, uint8_t *progress)
{
    (void)context;
    (void)memcpy(progress, kept, sizeof kept);
    return 0;
}

static updater_board board_for(simulation *simulated)
{
    updater_board board;
    (void)memset(&board, 0, sizeof board);
    board.read = read_sealed;
    board.write_page = write_page;
    board.write_progress = write_progress;
    board.read_progress = read_progress;
    board.context = simulated;
    board.sealed_len = sizeof image_envelope;
    board.slot_pages = PAGES;
    board.digest = image_digest;
    board.min_counter = 7;
    board.stored = required;
    board.stored_len = required_len;
    return board;
}

static void erase(void)
{
    (void)memset(slot, 0xff, sizeof slot);
    (void)memset(kept, 0xff, sizeof kept);
}

/* Runs the updater until it is done, each time with what a power cut leaves. */
static void update_with_power_cuts(void)
{
    unsigned round;
    unsigned cuts = 0;
    for (round = 0; round < CUTS; round++) {
        simulation simulated;
        updater_board board;
        int32_t status = 1;
        unsigned tries;
        (void)memset(&simulated, 0, sizeof simulated);
        simulated.sealed = image_envelope;
        simulated.damaged_at = UINT32_MAX;
        board = board_for(&simulated);
        erase();
        for (tries = 0; (tries < 200U) && (status != SEALWAX_OK); tries++) {
            uint8_t dice[1];
            (void)board_random(NULL, dice, sizeof dice);
            simulated.operations_left = 2U + (dice[0] % 20U);
            status = updater_run(&keyset, &board);
            claim((status == SEALWAX_OK) || (status == 1), "only a power cut stops the update");
            cuts += (status == 1) ? 1U : 0U;
        }
        claim(status == SEALWAX_OK, "the update ends in spite of power cuts");
        claim(memcmp(slot, image, sizeof image) == 0, "the slot holds the image");
    }
    board_print("firmware: updated ");
    board_print_number(CUTS);
    board_print(" times through ");
    board_print_number(cuts);
    board_print(" power cuts\n");
}

static void refuse_damage(void)
{
    unsigned page;
    for (page = 0; page < PAGES; page++) {
        simulation simulated;
        updater_board board;
        int32_t status;
        uint8_t dice[2];
        size_t at;
        (void)memset(&simulated, 0, sizeof simulated);
        (void)board_random(NULL, dice, sizeof dice);
        simulated.sealed = image_envelope;
        simulated.operations_left = 1000;
        /* Somewhere in this page; chunk 0 begins after header, salt and commitment. */
        at = sizeof image_envelope - (sizeof image + (PAGES * 16U)) + (page * 4112U);
        at += (((size_t)dice[0] << 8) | dice[1]) % ((page == (PAGES - 1U)) ? 116U : 4112U);
        simulated.damaged_at = (uint32_t)at;
        board = board_for(&simulated);
        erase();
        status = updater_run(&keyset, &board);
        claim(status == SEALWAX_ERROR_DECRYPT, "a damaged page is refused");
        claim(memcmp(slot, image, page * UPDATER_PAGE) == 0, "the pages before it are true");
        for (at = page * UPDATER_PAGE; at < sizeof slot; at++) {
            if (slot[at] != 0xffU) {
                claim(0, "not a byte of a damaged page reaches flash");
                break;
            }
        }
        /* The page comes again, undamaged. */
        simulated.damaged_at = UINT32_MAX;
        claim(updater_run(&keyset, &board) == SEALWAX_OK, "the update goes on after damage");
    }
    board_print("firmware: refused damage in each of ");
    board_print_number(PAGES);
    board_print(" pages\n");
}

static void refuse_rollback_and_splicing(void)
{
    simulation simulated;
    updater_board board;
    (void)memset(&simulated, 0, sizeof simulated);
    simulated.sealed = image_envelope;
    simulated.damaged_at = UINT32_MAX;
    simulated.operations_left = 1000;
    board = board_for(&simulated);
    board.min_counter = 8;
    erase();
    claim(updater_run(&keyset, &board) == SEALWAX_ERROR_DECRYPT, "an older image is refused");
    /* Half of one image, then the other: it begins anew, and its own digest decides. */
    board.min_counter = 7;
    simulated.operations_left = 10;
    claim(updater_run(&keyset, &board) == 1, "half an image");
    simulated.sealed = next_image_envelope;
    simulated.operations_left = 1000;
    claim(updater_run(&keyset, &board) == SEALWAX_ERROR_DECRYPT, "another digest is refused");
    board.digest = next_image_digest;
    claim(updater_run(&keyset, &board) == SEALWAX_OK, "the next image opens with its digest");
    board_print("firmware: refused rollback and splicing\n");
}

/* Whether every byte from a page of the slot on is erased. */
static int erased_from(size_t page)
{
    size_t at;
    for (at = page * UPDATER_PAGE; at < sizeof slot; at++) {
        if (slot[at] != 0xffU) {
            return 0;
        }
    }
    return 1;
}

/* One image to wherever `first_cut` stops it, another to wherever `second_cut` does, and the first
 * again: it is given out only where the slot holds it. */
static void refuse_what_two_images_left(void)
{
    uint32_t first_cut;
    uint32_t second_cut;
    unsigned spliced = 0;
    for (first_cut = 2; first_cut < 42U; first_cut++) {
        for (second_cut = 1; second_cut < 9U; second_cut++) {
            simulation simulated;
            updater_board board;
            (void)memset(&simulated, 0, sizeof simulated);
            simulated.damaged_at = UINT32_MAX;
            board = board_for(&simulated);
            erase();
            simulated.sealed = image_envelope;
            simulated.operations_left = first_cut;
            (void)updater_run(&keyset, &board);
            simulated.sealed = next_image_envelope;
            simulated.operations_left = second_cut;
            board.digest = next_image_digest;
            claim(updater_run(&keyset, &board) == 1, "a power cut stops the second image");
            simulated.sealed = image_envelope;
            simulated.operations_left = 1000;
            board.digest = image_digest;
            claim(updater_run(&keyset, &board) == SEALWAX_OK, "the first image opens again");
            spliced += (memcmp(slot, image, sizeof image) == 0) ? 0U : 1U;
        }
    }
    claim(spliced == 0U, "no slot is given out that holds parts of two images");
    board_print("firmware: two images through one slot, never spliced\n");
}

/* What nobody kept progress for is read and written again. */
static void begin_again_after_the_end(void)
{
    simulation simulated;
    updater_board board;
    (void)memset(&simulated, 0, sizeof simulated);
    simulated.sealed = image_envelope;
    simulated.damaged_at = UINT32_MAX;
    simulated.operations_left = 1000;
    board = board_for(&simulated);
    erase();
    claim(updater_run(&keyset, &board) == SEALWAX_OK, "the image opens");
    (void)memset(slot, 0x22, sizeof slot);
    claim(updater_run(&keyset, &board) == SEALWAX_OK, "and again, after the slot was swapped");
    claim(memcmp(slot, image, sizeof image) == 0,
          "the slot holds the image, not what was swapped in");
}

static void keep_to_the_slot(void)
{
    simulation simulated;
    updater_board board;
    (void)memset(&simulated, 0, sizeof simulated);
    simulated.damaged_at = UINT32_MAX;
    simulated.operations_left = 1000;
    board = board_for(&simulated);
    /* An image that fills its slot ends in an empty chunk. */
    erase();
    simulated.sealed = even_image_envelope;
    board.sealed_len = sizeof even_image_envelope;
    board.digest = even_image_digest;
    board.slot_pages = sizeof even_image / UPDATER_PAGE;
    claim(updater_run(&keyset, &board) == SEALWAX_OK, "an image of whole pages opens");
    claim(memcmp(slot, even_image, sizeof even_image) == 0, "the slot holds it");
    claim(erased_from(board.slot_pages), "nothing after the slot is erased or written");
    /* One that is longer. */
    (void)memset(slot, 0xff, sizeof slot);
    simulated.sealed = image_envelope;
    board.sealed_len = sizeof image_envelope;
    board.digest = image_digest;
    board.slot_pages = 5;
    claim(updater_run(&keyset, &board) == SEALWAX_ERROR_LIMIT, "a longer image is refused");
    claim(erased_from(5), "nothing after the slot is written");
    /* Chunks that are no pages would leave holes between them. */
    erase();
    simulated.sealed = small_chunks_envelope;
    board.sealed_len = sizeof small_chunks_envelope;
    claim(updater_run(&keyset, &board) == SEALWAX_ERROR_NOT_SUPPORTED, "chunks are pages");
    claim(erased_from(0), "no page was written");
    board_print("firmware: kept to the slot\n");
}

static void exchange_tokens(void)
{
    uint8_t out[128];
    size_t out_len = 0;
    unsigned turn;
    claim(sealwax_token_open(&keyset, token_context, sizeof token_context, old_token,
                             sizeof old_token, out, sizeof out, &out_len) == SEALWAX_OK,
          "a token of the Rust face opens");
    claim((out_len == 20U) && (memcmp(out, "made by Rust, before", 20) == 0), "its plaintext");
    claim(sealwax_token_open(&keyset, token_context, sizeof token_context, python_token,
                             sizeof python_token, out, sizeof out, &out_len) == SEALWAX_OK,
          "a token made in Python opens");
    claim((out_len == 14U) && (memcmp(out, "made by Python", 14) == 0), "its plaintext");
    for (turn = 0; turn < 3U; turn++) {
        claim(sealwax_token_seal(&keyset, &randomness, token_context, sizeof token_context,
                                 (const uint8_t *)"sealed in C, telemetry", 22, out, sizeof out,
                                 &out_len) == SEALWAX_OK,
              "a token is sealed");
        board_print("token ");
        board_print_hex(out, out_len);
        board_print("\n");
    }
    board_print("firmware: opened tokens of Rust and Python, sealed 3\n");
}

static void load(void)
{
    static uint8_t scratch[sizeof sealed_keyset_blob];
    size_t needed = 0;
    claim(sealwax_keyset_load_sealed(&keyset, versions, 2, sealed_keyset_blob,
                                     sizeof sealed_keyset_blob, device_key_id, device_key, NULL,
                                     scratch, sizeof scratch, &needed) == SEALWAX_OK,
          "the provisioned keyset loads");
    claim(sealwax_context_insert(required, sizeof required, &required_len, "purpose", 7,
                                 (const uint8_t *)"firmware", 8) == SEALWAX_OK,
          "purpose");
    claim(sealwax_context_insert(required, sizeof required, &required_len, "device", 6,
                                 (const uint8_t *)"board-7", 7) == SEALWAX_OK,
          "device");
}

int main(void)
{
    load();
    update_with_power_cuts();
    refuse_damage();
    refuse_rollback_and_splicing();
    refuse_what_two_images_left();
    begin_again_after_the_end();
    keep_to_the_slot();
    exchange_tokens();
    claim(sealwax_keyset_wipe(&keyset) == SEALWAX_OK, "the keyset is wiped");
    board_print((failures == 0U) ? "firmware: ok\n" : "firmware: FAILED\n");
    return (failures == 0U) ? 0 : 1;
}
