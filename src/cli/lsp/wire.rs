//! The frames of the protocol: headers, an empty line, and as many bytes of JSON as the headers say. Nothing that comes in can
//! use up memory or end the reading, but the end of the input.

use std::io::{self, BufRead, Read};

use serde_json::{Value as Json, json};

/// A larger message is passed over unread: files over 16 MB are not read either, and JSON may double them.
const LARGEST_MESSAGE: u64 = 64 * 1024 * 1024;

/// A longer header line is no header.
const LONGEST_LINE: u64 = 1024;

/// More header lines than this are none.
const MOST_LINES: usize = 32;

/// What came in.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// A message.
    Message(Json),
    /// Something that is none, and why. What follows may be one again.
    Refused(String),
    /// The end of the input.
    End,
}

/// Reads the next frame.
pub(super) fn read(input: &mut impl BufRead) -> Frame {
    match try_read(input) {
        Ok(frame) => frame,
        // Input that cannot be read any further has ended.
        Err(_) => Frame::End,
    }
}

fn try_read(input: &mut impl BufRead) -> io::Result<Frame> {
    let mut length = None;
    for _ in 0..MOST_LINES {
        let mut line = Vec::new();
        if input.take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(Frame::End);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        if line.is_empty() {
            return match length {
                Some(length) => body(input, length),
                None => Ok(Frame::Refused("a message without Content-Length".to_owned())),
            };
        }
        if let Some((name, value)) = line.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<u64>().ok();
        }
    }
    Ok(Frame::Refused("too many header lines".to_owned()))
}

fn body(input: &mut impl BufRead, length: u64) -> io::Result<Frame> {
    if length > LARGEST_MESSAGE {
        io::copy(&mut input.take(length), &mut io::sink())?;
        return Ok(Frame::Refused(format!("a message of {length} bytes is too large")));
    }
    // Not as much memory as the header promises, but as much as comes in.
    let mut bytes = Vec::new();
    if input.take(length).read_to_end(&mut bytes)? as u64 != length {
        return Ok(Frame::End);
    }
    Ok(match serde_json::from_slice(&bytes) {
        Ok(message) => Frame::Message(message),
        Err(error) => Frame::Refused(format!("this is no JSON: {error}")),
    })
}

/// The answer to what is no message.
pub(super) fn refusal(why: &str) -> Json {
    json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32700, "message": why } })
}

/// A message as bytes.
pub(super) fn written(message: &Json) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(bytes: &[u8]) -> Vec<Frame> {
        let mut input = bytes;
        let mut frames = Vec::new();
        loop {
            let frame = read(&mut input);
            if frame == Frame::End {
                return frames;
            }
            frames.push(frame);
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let messages = [json!({ "a": "ü" }), json!([])];
        let bytes: Vec<u8> = messages.iter().flat_map(written).collect();
        assert_eq!(frames(&bytes), messages.map(Frame::Message));
    }

    #[test]
    fn after_what_is_no_message_comes_the_next_one() {
        for strange in [
            "hello\r\n\r\n",
            "Content-Length: many\r\n\r\n",
            "Content-Length: -1\r\n\r\n",
            "Content-Length: 5\r\n\r\n{\"a\":",
            "Content-Length: 3\r\nContent-Type: x\r\n\r\n\u{fffd}",
        ] {
            let mut bytes = strange.as_bytes().to_vec();
            bytes.extend(written(&json!(1)));
            let frames = frames(&bytes);
            assert!(
                matches!(frames.first(), Some(Frame::Refused(_))),
                "{strange}: {frames:?}"
            );
            assert_eq!(frames.last(), Some(&Frame::Message(json!(1))), "{strange}");
        }
    }

    #[test]
    fn a_message_larger_than_the_memory_takes_none() {
        let mut bytes = b"Content-Length: 99999999999999999\r\n\r\nx".to_vec();
        assert!(matches!(frames(&bytes).first(), Some(Frame::Refused(_))));
        bytes = b"Content-Length: 60000000\r\n\r\nx".to_vec();
        assert_eq!(frames(&bytes), []);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = frames(&bytes);
        }
    }
}
