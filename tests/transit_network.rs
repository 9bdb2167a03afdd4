// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions between two network namespaces, over a pair of virtual links where the kernel loses, repeats and reorders.
//!
//! Needs root, `ip`, and `tc` with netem; where the kernel has no netem, `nft` loses and repeats, and reorders nothing.
//! Says so where neither can be had, and does nothing then: not every machine allows it.

#[path = "kit/random.rs"]
#[allow(dead_code)]
mod random;

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use random::Repeatable;
use sealwax::rng::Now;
use sealwax::secret::Key;
use sealwax::transit::{
    Datagram, Hybrid, KeyPair, Mode, Party, Pattern, Peers, Settings, Terms, Verdict,
};

fn main() -> ExitCode {
    if let Ok(role) = std::env::var(ROLE) {
        let (side, number) = role.split_once(' ').expect("a side and a pattern");
        let pattern = Pattern::from_u8(number.parse().expect("a number")).expect("a pattern");
        match side {
            "server" => serve(pattern),
            _ => call(pattern),
        }
        return ExitCode::SUCCESS;
    }
    let network = match Network::make() {
        Ok(network) => network,
        Err(why) => {
            println!("transit_network: skipped: {why}");
            return ExitCode::SUCCESS;
        }
    };
    println!("transit_network: {}", network.how);
    for pattern in [Pattern::XX, Pattern::IK, Pattern::KK] {
        let mut server = network.run(FAR, "server", pattern);
        let mut client = network.run(NEAR, "client", pattern);
        for (name, child) in [("client", &mut client), ("server", &mut server)] {
            let status = child.wait().expect("it was started");
            assert!(status.success(), "the {name} of {pattern:?}: {status}");
        }
    }
    let lost = network.lost();
    println!("transit_network: {lost} packets were lost on their way to or from one side");
    assert!(lost > 0, "the network was not bad");
    ExitCode::SUCCESS
}

/// Two namespaces with a link between them, until this is dropped.
struct Network {
    names: [String; 2],
    how: &'static str,
    has_netem: bool,
}

impl Network {
    fn make() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("network namespaces are Linux's".to_owned());
        }
        if said("id", &["-u"])?.trim() != "0" {
            return Err("network namespaces need root".to_owned());
        }
        let names = ["near", "far"].map(|side| format!("sealwax-{}-{side}", std::process::id()));
        // From here on what was made is taken away again, whatever follows.
        let mut network = Network { names, how: "", has_netem: false };
        let [near, far] = network.names.clone();
        for name in [&near, &far] {
            said("ip", &["netns", "add", name])?;
        }
        let pair = ["type", "veth", "peer", "name", "far", "netns", &far];
        said("ip", &[&["-n", &near, "link", "add", "near"], &pair[..]].concat())?;
        for (name, device, address) in [(&near, "near", NEAR_ADDRESS), (&far, "far", FAR_ADDRESS)] {
            let address = format!("{address}/24");
            said("ip", &["-n", name, "addr", "add", &address, "dev", device])?;
            said("ip", &["-n", name, "link", "set", device, "up"])?;
        }
        let netem = "netem limit 1000 loss 15% duplicate 10% delay 5ms 4ms reorder 25% 50%";
        let with_netem =
            [(&near, "near"), (&far, "far")].into_iter().try_for_each(|(name, device)| {
                let queue = ["-n", name, "qdisc", "add", "dev", device, "root"];
                said("tc", &[&queue[..], &netem.split(' ').collect::<Vec<_>>()].concat())
                    .map(|_| ())
            });
        let Err(no_netem) = with_netem else {
            (network.how, network.has_netem) = ("netem loses, repeats and reorders", true);
            return Ok(network);
        };
        for (name, device, peer) in [(&near, "near", FAR_ADDRESS), (&far, "far", NEAR_ADDRESS)] {
            let rules = format!(
                "table ip sealwax {{
                    counter lost {{ }}
                    chain in {{ type filter hook input priority 0;
                        meta l4proto udp numgen random mod 100 < 15 counter name lost drop; }}
                    chain out {{ type filter hook output priority 0;
                        meta l4proto udp numgen random mod 100 < 10 dup to {peer} device {device}; }}
                }}"
            );
            said("ip", &["netns", "exec", name, "nft", &rules])
                .map_err(|no_nft| format!("no netem ({no_netem}), and no nft ({no_nft})"))?;
        }
        network.how = "no netem in this kernel: nft loses and repeats, and nothing is reordered";
        Ok(network)
    }

    /// Starts this program once more, in one of the namespaces.
    fn run(&self, side: usize, role: &str, pattern: Pattern) -> Child {
        let program = std::env::current_exe().expect("this is a program");
        Command::new("ip")
            .args(["netns", "exec", &self.names[side]])
            .arg(program)
            .env(ROLE, format!("{role} {}", pattern as u8))
            .spawn()
            .expect("ip was there before")
    }

    /// How many packets the near side's end of the link lost.
    fn lost(&self) -> u64 {
        let name = &self.names[NEAR];
        let (text, after) = match self.has_netem {
            true => (said("tc", &["-s", "-n", name, "qdisc", "show", "dev", "near"]), "dropped "),
            false => {
                let listed = ["netns", "exec", name, "nft", "list", "counters"];
                (said("ip", &listed), "packets ")
            }
        };
        let text = text.expect("the network is there");
        let number = text.split(after).nth(1).and_then(|rest| {
            rest.split(|after: char| !after.is_ascii_digit()).next()?.parse().ok()
        });
        number.unwrap_or_else(|| panic!("no count of lost packets in {text}"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = said("ip", &["netns", "del", name]);
        }
    }
}

/// What a command prints, or why it does not work.
fn said(command: &str, arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(command)
        .args(arguments)
        .output()
        .map_err(|error| format!("{command} does not start: {error}"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let error = String::from_utf8_lossy(&done.stderr);
    Err(format!("{command}: {}", error.lines().next().unwrap_or("it failed")))
}

fn key(fill: u8) -> KeyPair {
    let private = Key::init_with(|bytes: &mut [u8; 32]| {
        bytes.fill(fill);
        Ok(())
    });
    KeyPair::new(&private.expect("filling does not fail"))
}

fn party<'a>(pattern: Pattern, keys: &'a [KeyPair], peers: Peers<'a>) -> Party<'a> {
    let settings = Settings { hybrid: Hybrid::On, ..Settings::new(pattern, Mode::Datagram) };
    Party { settings, prologue: b"a test", keys, peers, psk: None, now: Now::Unknown }
}

/// Says everything back, and sees that nothing comes twice.
fn serve(pattern: Pattern) {
    let (keys, pinned) = ([key(2)], [key(1).public()]);
    let socket = UdpSocket::bind((FAR_ADDRESS, PORT)).expect("nobody else is here");
    let terms = Terms::new(party(pattern, &keys, Peers::Pinned(&pinned)));
    let mut session = Datagram::accept(socket, &terms, PATIENCE, &mut |_| Verdict::Accept)
        .expect("it comes through");
    session.socket().set_read_timeout(Some(PATIENCE)).expect("it is a socket");
    let (mut out, mut seen) = (vec![0; 20_000], BTreeSet::new());
    while let Some(len) = session.receive(&mut out).expect("the session goes on") {
        assert!(seen.insert(out[..len].to_vec()), "a record came twice");
        if &out[..len] == b"enough" {
            break;
        }
        session.send(&out[..len]).expect("it is confirmed");
    }
    println!("transit_network: {pattern:?}: {} records came, each once", seen.len());
}

fn call(pattern: Pattern) {
    let (keys, pinned) = ([key(1)], [key(2).public()]);
    let socket = UdpSocket::bind((NEAR_ADDRESS, 0)).expect("there is a port");
    socket.connect((FAR_ADDRESS, PORT)).expect("there is a way");
    let terms = Terms::new(party(pattern, &keys, Peers::Pinned(&pinned)));
    let mut session = Datagram::connect(socket, &terms, PATIENCE, &mut |_| Verdict::Accept)
        .expect("it comes through");
    session.socket().set_read_timeout(Some(TICK)).expect("it is a socket");
    let (mut random, mut sent) = (Repeatable(u64::from(pattern as u8)), BTreeSet::new());
    let (mut out, mut answers) = (vec![0; 20_000], BTreeSet::new());
    while answers.len() < 500 {
        // Some are longer than a packet of the link, and travel in pieces.
        let longest = [40, 1_100, 5_000][random.below(3)];
        let len = 4 + random.below(longest);
        let mut data = random.bytes(len);
        data[..4].copy_from_slice(&(sent.len() as u32).to_be_bytes());
        session.send(&data).expect("nothing forbids it");
        sent.insert(data);
        if sent.len().is_multiple_of(50) {
            session.session().sending().rekey();
        }
        match session.receive(&mut out) {
            Ok(Some(len)) => {
                assert!(sent.contains(&out[..len]), "nobody said this");
                assert!(answers.insert(out[..len].to_vec()), "a record came twice");
            }
            Ok(None) => panic!("nobody closed it"),
            Err(error) => assert_eq!(error.kind(), sealwax::ErrorKind::Io, "{error}"),
        }
        assert!(sent.len() < 100_000, "only {} answers", answers.len());
    }
    assert!(answers.len() < sent.len(), "the network was not bad");
    for _ in 0..50 {
        session.send(b"enough").expect("nothing forbids it");
        std::thread::sleep(TICK);
    }
    println!("transit_network: {pattern:?}: {} of {} were answered", answers.len(), sent.len());
}

const ROLE: &str = "SEALWAX_NETWORK_ROLE";
const NEAR: usize = 0;
const FAR: usize = 1;
const NEAR_ADDRESS: &str = "10.213.7.1";
const FAR_ADDRESS: &str = "10.213.7.2";
const PORT: u16 = 7000;
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(10);
