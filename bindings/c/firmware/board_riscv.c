/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Start-up and semihosting for the RISC-V of QEMU's virt. */
#include "board.h"

#include <string.h>

extern uint32_t bss_start[];
extern uint32_t bss_end[];

int main(void);
void start(void);

static uint32_t semihost(uint32_t operation, const void *argument)
{
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    /* The three instructions that name a semihosting call; none of them may be a short one. */
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     ".balign 16\n"
                     "slli zero, zero, 0x1f\n"
                     "ebreak\n"
                     "srai zero, zero, 7\n"
                     ".option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

void board_print(const char *text) { (void)semihost(4, text); }

void board_exit(int failed)
{
    const uint32_t block[2] = {0x20026U, (failed != 0) ? 1U : 0U};
    (void)semihost(0x20, block);
    for (;;) {
    }
}

__attribute__((used)) static void run(void)
{
    (void)memset(bss_start, 0, (size_t)((uintptr_t)bss_end - (uintptr_t)bss_start));
    board_exit(main());
}

__attribute__((naked, section(".start"))) void start(void)
{
    __asm__ volatile("la sp, stack_top\n"
                     "la t0, 1f\n"
                     ".option arch, +zicsr\n"
                     "csrw mtvec, t0\n"
                     "j run\n"
                     ".balign 4\n"
                     /* A trap: the emulator's own limit of time ends the program. */
                     "1: j 1b\n");
}
