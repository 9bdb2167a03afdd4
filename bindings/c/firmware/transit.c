/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The board as a client of bindings/c/examples/transit_peer.rs: a handshake with IKpsk2, telemetry,
 * and a sealed firmware image that arrives in datagrams, over a path that loses, repeats and
 * reorders them in both directions. */
#include <string.h>

#include "board.h"
#include "firmware_updater.h"
#include "fixtures.h"

/* The first serial port of the board. A datagram is its length in two bytes, and the datagram. */
#define UART_DATA (*(volatile uint32_t *)0x40004000U)
#define UART_STATE (*(volatile uint32_t *)0x40004004U)
#define UART_CTRL (*(volatile uint32_t *)0x40004008U)
#define UART_BAUDDIV (*(volatile uint32_t *)0x40004010U)
#define UART_TX_FULL 1U
#define UART_RX_FULL 2U

#define DATAGRAM 1200U
#define PIECE 512U
#define PIECES ((sizeof image_envelope + PIECE - 1U) / PIECE)
#define ASKED_AT_ONCE 8U
#define TELEMETRY 32U
#define PAGES 11U
/* How often an empty serial port is looked at before the answer counts as lost. */
#define PATIENCE 300000U
#define MAX_ROUNDS 4000U

static const uint8_t prologue[] = "board-telemetry/1";
static sealwax_random randomness = {board_random, NULL};
static sealwax_handshake handshake = SEALWAX_HANDSHAKE_INIT;
static sealwax_session session = SEALWAX_SESSION_INIT;
static sealwax_party party;

static sealwax_key_version versions[2];
static sealwax_keyset keyset = SEALWAX_KEYSET_INIT;
static uint8_t received[PIECES * PIECE];
static uint8_t has_piece[PIECES];
static size_t piece_count = 0;
static uint8_t slot[PAGES * UPDATER_PAGE];
static uint8_t kept[SEALWAX_PROGRESS_LEN];
static uint8_t required[64];
static size_t required_len = 0;

/* A clock that counts how often the port was looked at: it starts anywhere, and stands. */
static uint64_t now = 0;
static uint32_t refused = 0;
static uint32_t opened = 0;
static int is_over = 0;

void sealwax_panic(void)
{
    board_print("sealwax_panic\n");
    board_exit(1);
}

static void must(int32_t status, const char *what)
{
    if (status != SEALWAX_OK) {
        board_print(what);
        board_print(": ");
        board_print(sealwax_status_name(status));
        board_print("\n");
        board_exit(1);
    }
}

static void put_byte(uint8_t byte)
{
    while ((UART_STATE & UART_TX_FULL) != 0U) {
    }
    UART_DATA = byte;
}

static void send(const uint8_t *datagram, size_t len)
{
    size_t at;
    put_byte((uint8_t)(len >> 8));
    put_byte((uint8_t)len);
    for (at = 0; at < len; at++) {
        put_byte(datagram[at]);
    }
}

/* A byte, or -1 after so much patience. */
static int get_byte(uint32_t patience)
{
    uint32_t left = patience;
    while ((UART_STATE & UART_RX_FULL) == 0U) {
        if (left == 0U) {
            return -1;
        }
        left--;
    }
    return (int)(UART_DATA & 0xffU);
}

/* The length of a datagram that came, or 0 where none did. */
static size_t receive(uint8_t *datagram)
{
    size_t at;
    size_t len;
    int byte = get_byte(PATIENCE);
    now++;
    if (byte < 0) {
        return 0;
    }
    len = (size_t)byte << 8;
    len |= (size_t)(unsigned)get_byte(UINT32_MAX) & 0xffU;
    if ((len == 0U) || (len > DATAGRAM)) {
        board_print("a datagram of no such length\n");
        board_exit(1);
    }
    for (at = 0; at < len; at++) {
        datagram[at] = (uint8_t)get_byte(UINT32_MAX);
    }
    return len;
}

/* What arrives until the server's answer holds is passed over; message 1 is sent until then. */
static void shake(void)
{
    static uint8_t first[DATAGRAM];
    static uint8_t datagram[DATAGRAM];
    uint8_t context[64];
    uint8_t answer[64];
    size_t context_len = 0;
    size_t first_len = 0;
    uint32_t round;
    (void)memset(&party, 0, sizeof party);
    party.role = SEALWAX_ROLE_INITIATOR;
    party.pattern = SEALWAX_PATTERN_IKPSK2;
    party.mode = SEALWAX_MODE_DATAGRAM;
    party.prologue = prologue;
    party.prologue_len = sizeof prologue - 1U;
    party.private_key = transit_device_private;
    party.peers = transit_server_public;
    party.peer_count = 1;
    party.psk = transit_psk;
    must(sealwax_context_insert(context, sizeof context, &context_len, "device", 6,
                                (const uint8_t *)"board-7", 7),
         "context");
    must(sealwax_handshake_begin(&handshake, &party), "handshake_begin");
    must(sealwax_handshake_write(&handshake, &party, &randomness, context, context_len, first,
                                 sizeof first, &first_len),
         "handshake_write");
    for (round = 0; round < MAX_ROUNDS; round++) {
        size_t len;
        send(first, first_len);
        while ((len = receive(datagram)) != 0U) {
            size_t answer_len = 0;
            uint8_t is_duplicate = 0;
            const int32_t status =
                sealwax_handshake_read(&handshake, &party, datagram, len, answer, sizeof answer,
                                       &answer_len, &is_duplicate);
            if (status == SEALWAX_OK) {
                must(sealwax_handshake_finish(&handshake, NULL, now, &session),
                     "handshake_finish");
                must(sealwax_handshake_wipe(&handshake), "handshake_wipe");
                return;
            }
            refused++;
        }
    }
    board_print("no answer\n");
    board_exit(1);
}

static void tell(const uint8_t *plaintext, size_t len)
{
    static uint8_t record[DATAGRAM];
    size_t record_len = 0;
    must(sealwax_session_seal(&session, now, plaintext, len, NULL, 0, record, sizeof record,
                              &record_len),
         "session_seal");
    send(record, record_len);
}

/* Asks for the pieces that are missing, a few at a time. */
static void ask(void)
{
    uint8_t request[1U + 2U * ASKED_AT_ONCE];
    size_t len = 1;
    size_t at;
    request[0] = (uint8_t)'W';
    for (at = 0; (at < PIECES) && (len < sizeof request); at++) {
        if (has_piece[at] == 0U) {
            request[len] = (uint8_t)(at >> 8);
            request[len + 1U] = (uint8_t)at;
            len += 2U;
        }
    }
    tell(request, len);
}

static void take(const uint8_t *plaintext, size_t len)
{
    size_t at;
    if ((len < 3U) || (plaintext[0] != (uint8_t)'P')) {
        return;
    }
    at = ((size_t)plaintext[1] << 8) | plaintext[2];
    if ((at < PIECES) && (len <= 3U + PIECE) && (has_piece[at] == 0U)) {
        (void)memcpy(&received[at * PIECE], &plaintext[3], len - 3U);
        has_piece[at] = 1;
        piece_count++;
    }
}

/* Opens all that is there. Returns how many records held. */
static uint32_t hear(void)
{
    static uint8_t datagram[DATAGRAM];
    uint32_t held = 0;
    size_t len;
    while ((held < ASKED_AT_ONCE) && (is_over == 0) && ((len = receive(datagram)) != 0U)) {
        uint8_t *plaintext = &datagram[SEALWAX_RECORD_HEADER_LEN];
        size_t plaintext_len = 0;
        sealwax_record record;
        if (sealwax_session_open(&session, now, datagram, len, NULL, 0, plaintext,
                                 sizeof datagram - SEALWAX_RECORD_HEADER_LEN, &plaintext_len,
                                 &record) != SEALWAX_OK) {
            refused++;
            continue;
        }
        opened++;
        held++;
        if (record.content == SEALWAX_CONTENT_DATA) {
            take(plaintext, plaintext_len);
        }
        is_over = (record.content == SEALWAX_CONTENT_CLOSE) ? 1 : 0;
    }
    return held;
}

static void tell_measured(uint8_t number)
{
    const uint8_t measured[3] = {(uint8_t)'T', number, (uint8_t)(number ^ 0x5aU)};
    tell(measured, sizeof measured);
}

static int32_t read_sealed(void *context, size_t offset, uint8_t *out, size_t len)
{
    (void)context;
    (void)memcpy(out, &received[offset], len);
    return 0;
}

static int32_t write_page(void *context, uint32_t page, const uint8_t *bytes, size_t len)
{
    (void)context;
    (void)memcpy(&slot[page * UPDATER_PAGE], bytes, len);
    return 0;
}

static int32_t write_progress(void *context, const uint8_t *progress)
{
    (void)context;
    (void)memcpy(kept, progress, sizeof kept);
    return 0;
}

static int32_t read_progress(void *context, uint8_t *progress)
{
    (void)context;
    (void)memcpy(progress, kept, sizeof kept);
    return 0;
}

/* What was received is opened as any image is: the path that it came on vouches for nothing. */
static void update(void)
{
    updater_board board;
    size_t needed = 0;
    (void)memset(&board, 0, sizeof board);
    (void)memset(kept, 0xff, sizeof kept);
    board.read = read_sealed;
    board.write_page = write_page;
    board.write_progress = write_progress;
    board.read_progress = read_progress;
    board.sealed_len = sizeof image_envelope;
    board.slot_pages = PAGES;
    board.digest = image_digest;
    board.min_counter = 7;
    must(sealwax_context_insert(required, sizeof required, &required_len, "purpose", 7,
                                (const uint8_t *)"firmware", 8),
         "context");
    must(sealwax_context_insert(required, sizeof required, &required_len, "device", 6,
                                (const uint8_t *)"board-7", 7),
         "context");
    board.stored = required;
    board.stored_len = required_len;
    must(sealwax_keyset_load(&keyset, versions, 2, keyset_blob, sizeof keyset_blob, NULL, &needed),
         "keyset_load");
    must(updater_run(&keyset, &board), "updater_run");
    must(sealwax_keyset_wipe(&keyset), "keyset_wipe");
    if (memcmp(slot, image, sizeof image) != 0) {
        board_print("the slot holds another image\n");
        board_exit(1);
    }
}

static void print_count(const char *what, uint32_t count)
{
    board_print(what);
    board_print_number(count);
}

int main(void)
{
    uint32_t round;
    uint8_t number;
    UART_BAUDDIV = 16;
    UART_CTRL = 3;
    shake();
    board_print("transit: the handshake is done\n");
    for (number = 0; number < TELEMETRY; number++) {
        tell_measured(number);
    }
    for (round = 0; (round < MAX_ROUNDS) && (piece_count < PIECES); round++) {
        ask();
        (void)hear();
        if ((round % 8U) == 7U) {
            must(sealwax_session_rekey(&session), "session_rekey");
        }
    }
    print_count("transit: pieces ", (uint32_t)piece_count);
    print_count(", opened ", opened);
    print_count(", refused ", refused);
    print_count(", rounds ", round);
    board_print("\n");
    if (piece_count < PIECES) {
        board_exit(1);
    }
    update();
    for (round = 0; (round < MAX_ROUNDS) && (is_over == 0); round++) {
        tell((const uint8_t *)"D", 1);
        (void)hear();
    }
    must(sealwax_session_wipe(&session), "session_wipe");
    board_print((is_over != 0) ? "transit: ok\n" : "transit: the server never closed\n");
    return (is_over != 0) ? 0 : 1;
}
