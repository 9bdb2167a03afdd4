/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every board does alike: numbers, random bytes that repeat, and a look at the dead stack. */
#include "board.h"

extern uint32_t stack_bottom[];

void board_print_number(uint32_t number)
{
    char digits[11];
    size_t at = sizeof digits - 1U;
    digits[at] = '\0';
    do {
        at--;
        digits[at] = (char)('0' + (number % 10U));
        number /= 10U;
    } while (number != 0U);
    board_print(&digits[at]);
}

void board_print_hex(const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char pair[3] = {0, 0, 0};
    size_t at;
    for (at = 0; at < len; at++) {
        pair[0] = digits[bytes[at] >> 4];
        pair[1] = digits[bytes[at] & 15U];
        board_print(pair);
    }
}

int32_t board_random(void *context, uint8_t *out, size_t out_len)
{
    static uint32_t state = 0x9e3779b9U;
    size_t at;
    (void)context;
    for (at = 0; at < out_len; at++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        out[at] = (uint8_t)(state >> 24);
    }
    return 0;
}

__attribute__((noinline)) void board_run(board_work work) { work(); }

__attribute__((noinline)) size_t board_dead_stack(board_work work, uint32_t *seen, size_t room)
{
    volatile uint32_t *at;
    volatile uint32_t *here;
    size_t count = 0;
    /* All below the stack pointer is dead while no other function runs. */
#ifdef __riscv
    __asm__ volatile("mv %0, sp" : "=r"(here));
#else
    __asm__ volatile("mov %0, sp" : "=r"(here));
#endif
    for (at = stack_bottom; at < here; at++) {
        *at = BOARD_PAINT;
    }
    board_run(work);
    at = stack_bottom;
    while ((at < here) && (*at == BOARD_PAINT)) {
        at++;
    }
    for (; (at < here) && (count < room); at++) {
        seen[count] = *at;
        count++;
    }
    return count;
}
