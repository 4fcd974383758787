//! Places as editors count them: lines from zero, columns in UTF-16 units. Everywhere else places are bytes.

use std::ops::Range;

/// A place in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from zero.
    pub line: u32,
    /// The column in UTF-16 units, from zero.
    pub character: u32,
}

/// Where the lines of a text start.
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Of this text.
    pub fn of(text: &'t str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            text,
            starts: std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect(),
        }
    }

    /// The place of a byte. Outside of the text it is the end of the text, inside of a character its beginning.
    pub fn position(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Position {
            line: narrow(line),
            character: narrow(before.encode_utf16().count()),
        }
    }

    /// The byte at a place. Behind the end of its line it is that end, behind the last line the end of the text, inside of a
    /// character its beginning.
    pub fn offset(&self, position: Position) -> usize {
        let Some(start) = self.starts.get(position.line as usize).copied() else {
            return self.text.len();
        };
        let line = self.text.get(start..).unwrap_or_default();
        let line = line.split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        let mut units = 0;
        for (at, c) in line.char_indices() {
            units += c.len_utf16();
            if units > position.character as usize {
                return start + at;
            }
        }
        start + line.len()
    }

    /// The places of a range of bytes.
    pub fn range(&self, range: Range<usize>) -> (Position, Position) {
        (self.position(range.start), self.position(range.end.max(range.start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_are_counted_in_utf16_units() {
        let lines = Lines::of("a = \"é😀x\"\r\nb\n");
        let x = "a = \"é😀".len();
        assert_eq!(lines.position(x), Position { line: 0, character: 8 });
        assert_eq!(lines.offset(Position { line: 0, character: 8 }), x);
        // Inside of the pair that 😀 is made of.
        assert_eq!(lines.offset(Position { line: 0, character: 7 }), x - 4);
        // Behind the end of the line, of the text, of everything.
        assert_eq!(lines.offset(Position { line: 0, character: 99 }), x + 2);
        assert_eq!(lines.offset(Position { line: 9, character: 9 }), 17);
        let end = Position {
            line: u32::MAX,
            character: u32::MAX,
        };
        assert_eq!(lines.offset(end), 17);
    }

    proptest! {
        #[test]
        fn every_byte_has_one_place(text in "[a\u{e9}\u{1f600}\n ]{0,40}", at in 0_usize..60) {
            let lines = Lines::of(&text);
            let at = text.floor_char_boundary(at);
            prop_assert_eq!(lines.offset(lines.position(at)), at);
        }
    }
}
