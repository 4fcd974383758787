//! 32 bytes as 64 lowercase hexadecimal digits and back. Nothing else.

pub(crate) fn encode(bytes: &[u8; 32]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.filter_map(|half| DIGITS.get(usize::from(half))).collect()
}

pub(crate) fn decode(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let half = char::from(*digit).to_digit(16)?;
            *byte = (*byte << 4) | u8::try_from(half).ok()?;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_other_texts_are_refused() {
        let bytes: [u8; 32] = std::array::from_fn(|index| (index * 8 + 5) as u8);
        let text = encode(&bytes);
        assert!(text.starts_with("050d151d"), "{text}");
        assert_eq!(decode(&text), Some(bytes));
        assert_eq!(decode(text.trim_end_matches('d')), None);
        assert_eq!(decode(&text.replace('d', "g")), None);
    }
}
