// SPDX-License-Identifier: MIT OR Apache-2.0
//! `sealwax doctor`: what is on, what is off and why, and what scripts get.

use crate::kit::{Made, Room, Run, json};

#[test]
fn doctor_names_the_backend_and_says_why_something_is_off() {
    let room = Room::new();
    let text = room.text(["doctor"]);
    assert!(text.contains("cipher backend") && text.contains("random source"), "{text}");
    let report = room.json(["doctor", "--json"]);
    let findings = report.as_object().expect("an object");
    assert!(findings["backend"].is_string() && findings["random"]["on"] == true, "{report}");
    for (name, finding) in findings.iter().filter(|(name, _)| *name != "backend") {
        let said = finding["detail"].as_str().expect("text");
        assert!(finding["on"] == true || !said.is_empty(), "{name}: {finding}");
    }
    let is_well = findings.values().all(|finding| finding["on"] != false);
    let strict = room.run(["doctor", "--strict"]).code;
    assert_eq!(strict, Some(if is_well { 0 } else { 1 }));
}

#[cfg(target_os = "linux")]
#[test]
fn doctor_reports_a_lock_limit_of_zero_and_keys_work_all_the_same() {
    let room = Room::new();
    room.keyset_file("default", &Made::default());
    // A superuser may lock whatever the limit says.
    let limited = |arguments: &str| {
        let drop = "if [ $(id -u) = 0 ]; then set -- setpriv --bounding-set=-ipc_lock \"$@\"; fi";
        let script = format!("set -- \"$SEALWAX\" {arguments}; {drop}; ulimit -l 0; exec \"$@\"");
        Run::of(room.shell(&script))
    };
    let report = json(&limited("doctor --json").ok());
    for off in ["lock_limit", "locked", "secret_memory"] {
        assert_eq!(report[off]["on"], false, "{off}: {report}");
    }
    for on in ["no_dump", "gone_on_fork", "guarded"] {
        assert_eq!(report[on]["on"], true, "{on}: {report}");
    }
    limited("doctor --strict").fails(1, &[]);
    limited("keyset show default").ok();
}
