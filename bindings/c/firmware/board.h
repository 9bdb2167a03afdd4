/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the programs need of the board: output, randomness, a counter of instructions, the stack's
 * depth. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

void board_print(const char *text);
void board_print_number(uint32_t number);
void board_print_hex(const uint8_t *bytes, size_t len);
/* Ends the emulator: 0 where all is well. */
void board_exit(int failed);
/* Writes unpredictable bytes on a real board. Here they repeat, so that runs compare. */
int32_t board_random(void *context, uint8_t *out, size_t out_len);

typedef void (*board_work)(void);

typedef struct board_cost {
    /* To 40: what a tick of the timer is worth where each instruction takes a nanosecond. */
    uint32_t instructions;
    uint32_t stack;
} board_cost;

/* What the dead stack is filled with before work runs. */
#define BOARD_PAINT 0xa5a5a5a5U

/* A call of its own: the compiler must not move the paint or a count into the work. */
void board_run(board_work work);

/* Runs the work on a painted stack. */
board_cost board_measure(board_work work);

/* Runs the work on a painted stack and copies what it left there: every word from the deepest that
 * it wrote up to the caller's. Returns how many. */
size_t board_dead_stack(board_work work, uint32_t *seen, size_t room);

#endif
