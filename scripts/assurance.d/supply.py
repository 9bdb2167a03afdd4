# SPDX-License-Identifier: MIT OR Apache-2.0
"""What is built, of what, by whose leave, and whether it is the same when built again."""
import json
import re

import bill
import twice
from part import OUT, Part

part = Part("Supply chain")
if part.tool("cargo-deny"):
    # All of the workspace: alone, it looks at the package of the root.
    deny = ["cargo", "deny", "--workspace", "--all-features", "--locked", "check"]
    code, text = part.run([*deny, "licenses", "bans", "sources"])
    part.say("licences, bans and sources: " + ("ok" if code == 0 else "refused"))
    if code != 0:
        part.fail("cargo deny; see supply.log")
    doubled = sorted(set(re.findall(r"duplicate entries for crate '([^']+)'", text)))
    part.say(f"crates with more than one version (scripts/check refuses those that touch keys): {', '.join(doubled) or 'none'}")
    code, text = part.run([*deny, "advisories"])
    if code == 0:
        part.say("no crate has an advisory in the RustSec database")
    elif "advisories FAILED" in text:
        part.fail("a crate has an advisory; see supply.log")
    else:
        part.skip("advisories: their database could not be fetched")
part.build(["cargo", "test", "-p", "sealwax", "--test", "dependencies", "--no-run"])
code, text = part.run(["cargo", "test", "-p", "sealwax", "--test", "dependencies"])
part.say("every direct dependency has its reason in docs/design.md: " + ("yes" if code == 0 else "no"))
if code != 0:
    part.fail("tests/dependencies.rs")
components = bill.write(OUT / "sbom.cdx.json")
part.say(f"bill of materials, CycloneDX 1.5: {len(components)} components in sbom.cdx.json")
licences = {}
for component in components:
    licence = component.get("licenses", [{"expression": "none"}])[0]["expression"]
    # Two crates that say the same in another order count as one kind.
    licence = licence if "(" in licence or " AND " in licence else " OR ".join(sorted(licence.split(" OR ")))
    licences[licence] = licences.get(licence, 0) + 1
part.table(["licence", "crates"], sorted(licences.items(), key=lambda pair: -pair[1]))
twice.build(part)
json.loads((OUT / "sbom.cdx.json").read_text())
part.end()
