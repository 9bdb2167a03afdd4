# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes changes of the source behind switches, so that all of them are built once and each is tried by starting the tests.

A change is what `cargo mutants --list --json` says, or a wipe that is left out. Switch N is on where the environment says
SEALWAX_MUTANT=N; where it names a file in SEALWAX_REACHED, the numbers of the switches that were come by are written there.
"""
import tree_sitter
import tree_sitter_rust

RUST = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))

# Appended to lib.rs. It is compiled with `std` only.
MODULE = """
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all)]
mod switches {
    use std::io::Write as _;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    static CHOSEN: OnceLock<(u32, Option<std::fs::File>)> = OnceLock::new();
    static REACHED: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
    const COUNT: usize = %d;

    #[inline(never)]
    pub(crate) fn on(number: u32) -> bool {
        let (chosen, log) = CHOSEN.get_or_init(|| {
            let chosen = std::env::var("SEALWAX_MUTANT").ok().and_then(|number| number.parse().ok());
            let log = std::env::var_os("SEALWAX_REACHED").and_then(|path| {
                std::fs::File::options().append(true).create(true).open(path).ok()
            });
            (chosen.unwrap_or(u32::MAX), log)
        });
        if let Some(mut log) = log.as_ref()
            && !REACHED[number as usize].swap(true, Ordering::Relaxed)
        {
            // One write, and none of the heap: a test may count what is taken of it.
            let mut line = [0; 12];
            let mut rest = &mut line[..];
            let _ = writeln!(rest, "{number}");
            let left = rest.len();
            let _ = log.write_all(&line[..12 - left]);
        }
        *chosen == number
    }

    /// The same for work that may fail. An error that is made anew is no wipe, and stays so.
    #[inline(always)]
    pub(crate) fn try_maybe_wiped<const DEPTH: usize, T>(
        number: u32,
        work: impl FnOnce() -> crate::Result<T>,
    ) -> crate::Result<T> {
        match on(number) {
            true => crate::secret::memory::try_with_wiped_stack::<0, _>(work),
            false => crate::secret::memory::try_with_wiped_stack::<DEPTH, _>(work),
        }
    }

    /// The work in a call of its own, whose stack is wiped only where the switch is off.
    #[inline(always)]
    pub(crate) fn maybe_wiped<const DEPTH: usize, R>(number: u32, work: impl FnOnce() -> R) -> R {
        #[inline(never)]
        fn outlined<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        match on(number) {
            true => outlined(work),
            false => crate::secret::memory::with_wiped_stack::<DEPTH, _>(work),
        }
    }
}
"""


class Unswitchable(Exception):
    """This change cannot stand behind a switch."""


class Source:
    """A file, and the switches in it."""

    def __init__(self, text):
        self.bytes = text.encode()
        self.root = RUST.parse(self.bytes).root_node
        self.lines = [0]
        for line in text.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line.encode()))
        self.text_lines = text.splitlines(keepends=True)
        # What is written at a place: by range of the node, its kind and the changes there.
        self.edits = {}
        # All `const fn`, and the names of those that are called where only such can be.
        self.constant_functions = list(self.find_constant())
        self.constant = set()

    def offset(self, place):
        line = self.text_lines[place["line"] - 1]
        return self.lines[place["line"] - 1] + len(line[: place["column"] - 1].encode())

    def node(self, start, end, kinds):
        """The innermost node of one of these kinds around these bytes."""
        node = self.root.descendant_for_byte_range(start, end)
        while node and node.type not in kinds:
            node = node.parent
        return node

    def add(self, number, mutant):
        """Puts a mutant behind switch `number`."""
        start, end = self.offset(mutant["span"]["start"]), self.offset(mutant["span"]["end"])
        with_text = mutant["replacement"]
        genre = mutant["genre"]
        if genre == "FnValue":
            self.put((start, start), "value", number, with_text)
        elif genre == "BinaryOperator":
            node = self.node(start, end, {"binary_expression", "compound_assignment_expr", "let_chain"})
            if node is None or node.type == "let_chain":
                raise Unswitchable("part of a chain with let")
            operator = node.child_by_field_name("operator")
            if (operator.start_byte, operator.end_byte) != (start, end):
                raise Unswitchable("operator not found")
            self.put((node.start_byte, node.end_byte), node, number, with_text)
        elif genre == "UnaryOperator":
            node = self.node(start, end, {"unary_expression"})
            if node is None or node.start_byte != start:
                raise Unswitchable("operator not found")
            self.put((node.start_byte, node.end_byte), node, number, with_text)
        elif genre == "MatchArm":
            arm = self.node(start, end, {"match_arm"})
            pattern = arm.child_by_field_name("pattern")
            if not any(other.type == "match_arm" and other.child_by_field_name("pattern").text == b"_"
                       for other in arm.parent.children):
                raise Unswitchable("an arm with a condition does not count, and no arm takes the rest")
            self.put((pattern.end_byte, pattern.end_byte), "arm", number, "")
        elif genre == "MatchArmGuard":
            guard = self.node(start, end, {"match_pattern"}).child_by_field_name("condition")
            if (guard.start_byte, guard.end_byte) != (start, end):
                raise Unswitchable("guard not found")
            self.put((start, end), "guard", number, with_text)
        else:
            raise Unswitchable(f"no switch for {genre}")

    def wipes(self):
        """The nodes that wipe: calls of `zeroize` and `write_bytes`, and calls whose stack is wiped. Not those in tests."""
        found, waiting = [], [self.root]
        while waiting:
            node = waiting.pop()
            if node.type == "mod_item" and node.child_by_field_name("name").text == b"tests":
                continue
            waiting += node.children
            if node.type != "call_expression":
                continue
            called = node.child_by_field_name("function")
            if called.type == "generic_function":
                called = called.child_by_field_name("function")
            name = called.child_by_field_name("field" if called.type == "field_expression" else "name")
            if (name or called).text in (b"zeroize", b"write_bytes", b"with_wiped_stack", b"try_with_wiped_stack"):
                found.append(node)
        return sorted(found, key=lambda node: node.start_byte)

    def add_wipe(self, number, node):
        """Puts one of [`wipes`] behind switch `number`."""
        called = node.child_by_field_name("function")
        if called.type == "generic_function":
            types = called.child_by_field_name("type_arguments").text.decode()
            arguments = node.child_by_field_name("arguments")
            kind = "stack" if not b"try_" in called.text else "fallible"
            self.put((called.start_byte, arguments.start_byte + 1), kind, number, types)
        else:
            self.put((node.start_byte, node.end_byte), "wipe", number, "")

    def find_constant(self):
        """Of each `const fn` its range, where the word is, and its name."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            waiting += node.children
            for words in node.children if node.type == "function_item" else ():
                if words.type == "function_modifiers" and words.text.startswith(b"const"):
                    yield node.start_byte, node.end_byte, words.start_byte, node.child_by_field_name("name").text.decode()

    def keep_constant(self, name):
        """Leaves functions of this name constant. Whether there is one that was not."""
        if name in self.constant or all(other != name for *_, other in self.constant_functions):
            return False
        self.constant.add(name)
        return True

    def put(self, place, kind, number, with_text):
        # A condition and the operator that it is have the same place.
        _, changes = self.edits.setdefault((*place, kind != "guard"), (kind, []))
        changes.append((number, with_text))

    def written(self, without=()):
        """The text with its switches, and for each the ranges of bytes in it: (number, start, end, whether all of it is the change)."""
        out, ranges, without = bytearray(), [], set(without)
        edits = dict(self.edits)
        changed = [place[0] for place, (_, changes) in edits.items() if any(number not in without for number, _ in changes)]
        # A constant function cannot ask for its switch.
        for start, end, word, name in self.constant_functions:
            if name not in self.constant and any(start <= place < end for place in changed):
                edits[word, word + len(b"const"), False] = "const", []
        starts = sorted(edits.items(), key=lambda edit: (edit[0][0], -edit[0][1], edit[0][2]))
        self._write(out, ranges, 0, len(self.bytes), starts, without)
        return out.decode(), ranges

    def _write(self, out, ranges, at, end, edits, without):
        """Bytes `at..end`, with these edits, which lie within."""
        while edits:
            (start, stop, _), (kind, changes) = edits[0]
            inner = []
            index = 1
            while index < len(edits) and edits[index][0][1] <= stop and stop > start:
                inner.append(edits[index])
                index += 1
            edits = edits[index:]
            out += self.bytes[at:start]
            changes = [change for change in changes if change[0] not in without]
            begin = len(out)
            if kind == "const":
                pass
            elif not changes:
                self._write(out, ranges, start, stop, inner, without)
            elif kind == "value":
                for number, with_text in changes:
                    self._change(out, ranges, number, f"if crate::switches::on({number}) {{ return ", with_text, "; } ")
            elif kind == "arm":
                condition = " && ".join(f"!crate::switches::on({number})" for number, _ in changes)
                out += f" if {condition}".encode()
            elif kind == "wipe":
                out += f"(if !crate::switches::on({changes[0][0]}) {{ ".encode() + self.bytes[start:stop] + b"; })"
            elif kind in ("stack", "fallible"):
                number, types = changes[0]
                name = "maybe_wiped" if kind == "stack" else "try_maybe_wiped"
                out += f"crate::switches::{name}::{types}({number}, ".encode()
            elif kind == "guard":
                out += b"("
                for number, with_text in changes:
                    out += f"crate::switches::on({number}) || ".encode() if with_text == "true" else b""
                for number, with_text in changes:
                    out += f"!crate::switches::on({number}) && ".encode() if with_text == "false" else b""
                out += b"("
                self._write(out, ranges, start, stop, inner, without)
                out += b"))"
            else:
                self._operator(out, ranges, kind, changes, inner, without)
            ranges += [(number, begin, len(out), False) for number, _ in changes]
            at = stop
        out += self.bytes[at:end]

    def _change(self, out, ranges, number, before, change, after):
        out += before.encode()
        begin = len(out)
        out += change.encode()
        ranges.append((number, begin, len(out), True))
        out += after.encode()

    def _operator(self, out, ranges, node, changes, inner, without):
        """An expression once for each change of its operator, and once as it is."""
        part = lambda field: self.bytes[node.child_by_field_name(field).start_byte : node.child_by_field_name(field).end_byte].decode()
        out += b"("
        for number, with_text in changes:
            if node.type == "unary_expression":
                change = self.bytes[node.start_byte + 1 : node.end_byte].decode()
            elif node.type == "compound_assignment_expr":
                change = f"{part('left')} {with_text} {part('right')};"
            else:
                change = f"({part('left')}) {with_text} ({part('right')})"
            self._change(out, ranges, number, f"if crate::switches::on({number}) {{ ", change, " } else ")
        out += b"{ "
        self._write(out, ranges, node.start_byte, node.end_byte, inner, without)
        out += b"; })" if node.type == "compound_assignment_expr" else b" })"
