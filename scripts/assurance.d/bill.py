# SPDX-License-Identifier: MIT OR Apache-2.0
"""The bill of materials in CycloneDX, from what cargo says of the workspace:  bill.py OUT.json"""
import json
import pathlib
import subprocess
import sys


def crates():
    """What the library, the command and the C face are linked from; what only tests use is not in it."""
    meta = json.loads(subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1", "--all-features"], capture_output=True, check=True).stdout)
    packages = {package["id"]: package for package in meta["packages"]}
    nodes = {node["id"]: node for node in meta["resolve"]["nodes"]}
    roots = [id for id in meta["workspace_members"] if packages[id]["name"] != "sealwax-bare"]
    seen, waiting = {}, list(roots)
    while waiting:
        id = waiting.pop()
        if id in seen:
            continue
        kept = [dep["pkg"] for dep in nodes[id]["deps"] if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])]
        seen[id] = kept
        waiting += kept
    return packages, seen, roots


def purl(package):
    return f"pkg:cargo/{package['name']}@{package['version']}"


def write(path):
    packages, seen, roots = crates()
    sums = checksums()
    components = []
    for id in sorted(seen, key=lambda id: (packages[id]["name"], packages[id]["version"])):
        package = packages[id]
        component = {"type": "library", "bom-ref": purl(package), "name": package["name"], "version": package["version"],
                     "purl": purl(package), "scope": "required"}
        if package["license"]:
            component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        if digest := sums.get((package["name"], package["version"])):
            component["hashes"] = [{"alg": "SHA-256", "content": digest}]
        components.append(component)
    version = next(packages[id]["version"] for id in roots if packages[id]["name"] == "sealwax")
    bill = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "library", "name": "sealwax", "version": version, "bom-ref": "sealwax-workspace"}},
        "components": components,
        "dependencies": [{"ref": "sealwax-workspace", "dependsOn": sorted(purl(packages[id]) for id in roots)}] +
                        [{"ref": purl(packages[id]), "dependsOn": sorted(purl(packages[dep]) for dep in deps)}
                         for id, deps in sorted(seen.items())],
    }
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(bill, indent=1) + "\n")
    return components


def checksums():
    """SHA-256 of each crate's archive, from Cargo.lock."""
    sums, name, version = {}, None, None
    for line in pathlib.Path("Cargo.lock").read_text().splitlines():
        key, _, value = line.partition(" = ")
        if key == "name":
            name = value.strip('"')
        elif key == "version":
            version = value.strip('"')
        elif key == "checksum":
            sums[name, version] = value.strip('"')
    return sums


if __name__ == "__main__":
    print(f"{len(write(sys.argv[1]))} components")
