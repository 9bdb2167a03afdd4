/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start-up and semihosting for a Cortex-M4 in QEMU. */
#include "board.h"

#include <string.h>

extern uint32_t data_start[];
extern uint32_t data_end[];
extern uint32_t data_from[];
extern uint32_t bss_start[];
extern uint32_t bss_end[];
extern uint32_t stack_bottom[];
extern uint32_t stack_top[];

int main(void);
void reset(void);
static void fault(void);

typedef struct vector_table {
    uint32_t *stack;
    void (*handlers[15])(void);
} vector_table;

__attribute__((section(".vectors"), used)) static const vector_table vectors = {
    stack_top, {reset, fault, fault, fault, fault, fault}};

#define CPACR (*(volatile uint32_t *)0xe000ed88U)
#define SYST_CSR (*(volatile uint32_t *)0xe000e010U)
#define SYST_RVR (*(volatile uint32_t *)0xe000e014U)
#define SYST_CVR (*(volatile uint32_t *)0xe000e018U)
#define TICK_LIMIT 0x00ffffffU
#define INSTRUCTIONS_PER_TICK 40U

static uint32_t semihost(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void board_print(const char *text) { (void)semihost(4, text); }

void board_exit(int failed)
{
    const uint32_t block[2] = {0x20026U, (failed != 0) ? 1U : 0U};
    (void)semihost(0x20, block);
    for (;;) {
    }
}

static void fault(void)
{
    board_print("a fault\n");
    board_exit(1);
}

__attribute__((noinline)) board_cost board_measure(board_work work)
{
    board_cost cost;
    volatile uint32_t *at;
    volatile uint32_t *here = (volatile uint32_t *)__builtin_frame_address(0) - 16;
    for (at = stack_bottom; at < here; at++) {
        *at = BOARD_PAINT;
    }
    SYST_RVR = TICK_LIMIT;
    SYST_CVR = 0;
    SYST_CSR = 5;
    board_run(work);
    cost.instructions = (TICK_LIMIT - SYST_CVR) * INSTRUCTIONS_PER_TICK;
    SYST_CSR = 0;
    at = stack_bottom;
    while (*at == BOARD_PAINT) {
        at++;
    }
    cost.stack = (uint32_t)((uintptr_t)here - (uintptr_t)at);
    return cost;
}

void reset(void)
{
    (void)memcpy(data_start, data_from, (size_t)((uintptr_t)data_end - (uintptr_t)data_start));
    (void)memset(bss_start, 0, (size_t)((uintptr_t)bss_end - (uintptr_t)bss_start));
    /* The archive is for hard floats; the library uses none. */
    CPACR |= 0x00f00000U;
    board_exit(main());
}
