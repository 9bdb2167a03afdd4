# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ten million records through a bad network beside a perfect model, or as many as there is time for."""
import re

from part import Part

# A debug build did as many in a second on a busy machine.
EACH_SECOND = 50_000
part = Part("Records beside a perfect model")
test = ["cargo", "test", "--release", "--locked", "-p", "sealwax", "--test", "transit_model"]
code, _ = part.build([*test, "--no-run"])
if code != 0:
    part.fail("it does not build; see records.log")
    part.end()
records = min(10_000_000, max(200_000, int(part.left() * EACH_SECOND)))
code, text = part.run([*test, "--", "--nocapture", "exactly"], env={"SEALWAX_RECORDS": str(records)})
rows = re.findall(r"(\d+) accepted, (\d+) refused", text)
if code != 0 or len(rows) != 2:
    part.fail("a record was accepted that should not be, or refused, or twice; see records.log")
part.table(["accepted", "refused"], rows)
part.say(f"{records:,} records sealed, with loss, repetition and reordering within and beyond the window")
part.end()
