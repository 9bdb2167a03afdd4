# SPDX-License-Identifier: MIT OR Apache-2.0
"""What of the library is in a linked program, from the linker's map:  flash.py MAP. Prints name, code and constants."""
import os
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
text = text[text.index("Linker script and memory map"):]
code = constants = 0
for match in re.finditer(r"^ \.(text|rodata)\S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$", text, re.M):
    section, address, size, source = match.groups()
    if int(address, 16) == 0 or "libsealwax" not in source:
        continue
    if section == "text":
        code += int(size, 16)
    else:
        constants += int(size, 16)
name = os.path.basename(sys.argv[1])[len("size-"):-len(".map")]
print(f"flash {name} {code + constants} {code} {constants}")
